"""`maild run`: the daemon, in the foreground."""

from __future__ import annotations

import asyncio
import contextlib

import click

from maild import isolation, logs
from maild.daemon.member import name_of
from maild.daemon.node import serve
from maild.lock import only_one, own_name
from maild.terminal import Desk


@click.command()
@click.pass_obj
def run(desk: Desk) -> None:
    """The daemon, in the foreground. SIGTERM drains and stops, SIGHUP reloads rules and templates."""
    path = desk.path
    loaded = desk.load()
    settings = loaded.settings
    logs.configure(settings.log.format, settings.log.level)
    isolation.be_frugal()
    isolation.collect_seldom()
    with contextlib.ExitStack() as held:
        name = name_of(path, settings.store.node)
        if not settings.store.node:
            name = held.enter_context(own_name(name))
        store = held.enter_context(desk.store(name))
        held.enter_context(only_one(store.lock_file))
        asyncio.run(serve(path, loaded, store, name))
