"""`python -m maild` is the same as the command `maild`."""

from maild.cli import main

main()
