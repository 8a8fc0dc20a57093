"""`maild inspect`: what maild understands of messages."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from maild import show, show_messages
from maild.errors import BadInput
from maild.message.inspect import document
from maild.message.parse import parse


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, in the order of the files.")
def inspect(files: tuple[Path, ...], as_json: bool) -> None:
    """What maild understands of messages, without a desk and without storing anything."""
    for file in files:
        try:
            raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
            found = document(str(file), parse(raw).mail)
        except MemoryError:
            raise BadInput(f"{file}: there is not enough memory to read it") from None
        if as_json:
            show.as_json(found, line=True)
        else:
            show_messages.inspected(found)
