"""What `maild doctor` tries, one module for each part of a site; every check ends in time and gives findings, it never raises."""
