"""`maild man`: read the manual where nobody has installed its pages, or write them for whoever does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from maild.errors import NotNow
from maild.manuals.pages import PAGES, page

_TITLES: Final = {name.rpartition(".")[0]: name for name in PAGES}


@click.command()
@click.argument("title", default="maild", type=click.Choice(list(_TITLES)), metavar="[PAGE]")
@click.option(
    "--write",
    "folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write all pages into this folder, as man8/maild.8 and so on, and show none.",
)
@click.pass_context
def man(context: click.Context, title: str, folder: Path | None) -> None:
    """The manual: maild (the commands; the default), maild.toml, maild-rules or maild-templates.

    On a terminal as man(1) shows it, elsewhere the page's source.
    """
    group = context.find_root().command
    assert isinstance(group, click.Group)
    if folder is not None:
        _write(folder, group)
        return
    text = page(_TITLES[title], group)
    viewer = shutil.which("man")
    if viewer is None or not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".roff") as file:
        file.write(text)
        file.flush()
        subprocess.run([viewer, "-l", file.name], check=False)  # noqa: S603  the viewer is man(1), the file ours


def _write(folder: Path, group: click.Group) -> None:
    """All pages, each in the folder of its section. Raises NotNow when the disk refuses."""
    for name in PAGES:
        path = folder / f"man{name[-1]}" / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page(name, group), "utf-8")
        except OSError as error:
            raise NotNow(f"{error.filename or path} cannot be written: {error.strerror}") from error
        click.echo(f"wrote {path}")
