"""`maild run`. `node` puts one daemon together; each of its loops is a module; `worker` is the process that works on mail."""
