"""`maild run`: the composition root. `node` puts one daemon together; each of its loops is a module."""

from maild.daemon.node import Daemon, serve

__all__ = ["Daemon", "serve"]
