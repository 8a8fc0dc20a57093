"""A group of commands of which only the one that is called is imported: a pipe transport starts a process for each mail."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, NamedTuple

import click


class Place(NamedTuple):
    """Where a command is, and what a list of commands says of it: the first sentence of its help."""

    module: str
    name: str
    sentence: str


class LazyGroup(click.Group):
    """Lists its commands without importing them. `places`: of each command by its name."""

    def __init__(self, name: str | None = None, *, places: Mapping[str, Place], **more: Any) -> None:
        super().__init__(name, _Commands(places), **more)
        self._places = places

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """What a list shows of a command, its name and its sentence; the command itself is in `commands`."""
        place = self._places.get(cmd_name)
        return click.Command(cmd_name, help=place.sentence) if place else super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called, imported."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, None if listed is None or name is None else self.commands[name], rest


class _Commands(MutableMapping[str, click.Command]):
    """The commands of a group by name, each imported when it is asked for."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._known: dict[str, Place | click.Command] = dict(places)

    def __getitem__(self, name: str) -> click.Command:
        known = self._known[name]
        if isinstance(known, Place):
            known = self._known[name] = _imported(known)
        return known

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._known[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _imported(place: Place) -> click.Command:
    collects = gc.isenabled()
    gc.disable()  # what is imported stays: looking for garbage in it takes a tenth of the time
    try:
        command: click.Command = getattr(import_module(place.module), place.name)
    finally:
        if collects:
            gc.enable()
    return command
