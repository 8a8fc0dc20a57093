"""`maild run`: the composition root. `node` puts one daemon together; each of its loops is a module."""

from maild.daemon.member import name_of
from maild.daemon.node import Daemon, serve

__all__ = ["Daemon", "name_of", "serve"]
