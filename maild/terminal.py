"""What all commands share: which desk they are about, and the option for programs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from maild import config, host, site
from maild.clock import utc_now
from maild.desk.rulebook import Rulebook
from maild.errors import ConfigError
from maild.flow import Flow
from maild.parsing import InProcess
from maild.site import Site
from maild.verify.verifying import AsSet, Verifying
from store import Store


@dataclass(slots=True)
class Desk:
    """Where the configuration is; read when a command needs it."""

    option: str | None

    @property
    def path(self) -> Path:
        return config.find(self.option, os.environ)

    def load(self) -> Site:
        loaded = site.load(self.path, utc_now())
        for warning in loaded.warnings:
            click.echo(f"maild: {warning}", err=True)
        return loaded

    def rulebook(self) -> Rulebook | None:
        """What the desk's files say, for commands that can do without; None while something is wrong with them."""
        try:
            return site.load(self.path, utc_now()).rulebook
        except ConfigError:
            return None

    @contextmanager
    def store(self, node: str = "") -> Iterator[Store]:
        """The store alone, on behalf of a node: reading it does not need rules and templates to be right. Root acts as the owner of its folder."""
        settings = config.load(self.path)
        if isinstance(settings.store.files, Path):
            host.act_as_owner(settings.store.files)
        store = site.open_store(settings, node)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def flow_of(loaded: Site, store: Store, node: str = "main") -> Iterator[Flow]:
    """The way of a mail in this process, read and verified as the daemon does."""
    trust = AsSet(lambda: loaded.settings.trust, utc_now)
    with contextlib.closing(Verifying(InProcess(), trust)) as reading:
        yield Flow(loaded, store, utc_now, node, reading)


json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else there."
)
