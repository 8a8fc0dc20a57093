"""What all commands share: which desk they are about, and the option for programs. A command imports no more of maild than it uses."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maild.clock import utc_now
from maild.errors import ConfigError

if TYPE_CHECKING:
    from maild.desk.rulebook import Rulebook
    from maild.flow import Flow
    from maild.site import Site
    from store import Store


@dataclass(slots=True)
class Desk:
    """Where the configuration is; read when a command needs it."""

    option: str | None

    @property
    def path(self) -> Path:
        from maild import config  # --help needs no settings

        return config.find(self.option, os.environ)

    def load(self) -> Site:
        from maild import site  # a list of tickets needs no rules and templates

        loaded = site.load(self.path, utc_now())
        for warning in loaded.warnings:
            click.echo(f"maild: {warning}", err=True)
        return loaded

    def rulebook(self) -> Rulebook | None:
        """What the desk's files say, for commands that can do without; None while something is wrong with them."""
        from maild import site  # a list of tickets needs no rules and templates

        try:
            return site.load(self.path, utc_now()).rulebook
        except ConfigError:
            return None

    @contextmanager
    def store(self, node: str = "") -> Iterator[Store]:
        """The store alone, on behalf of a node: reading it does not need rules and templates to be right. Root acts as the owner of its folder."""
        from maild import config, host  # --help needs no settings
        from maild.opening import open_store  # `check` needs no database

        settings = config.load(self.path)
        if isinstance(settings.store.files, Path):
            host.act_as_owner(settings.store.files)
        store = open_store(settings, node)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def flow_of(loaded: Site, store: Store, node: str = "main") -> Iterator[Flow]:
    """The way of a mail in this process, read and verified as the daemon does."""
    from maild.flow import Flow  # most commands pass no mail through it
    from maild.parsing import InProcess
    from maild.verify.verifying import AsSet, Verifying

    trust = AsSet(lambda: loaded.settings.trust, utc_now)
    with contextlib.closing(Verifying(InProcess(), trust)) as reading:
        yield Flow(loaded, store, utc_now, node, reading)


json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else there."
)
