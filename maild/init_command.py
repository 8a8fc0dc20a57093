"""`maild init`: a desk of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from maild import scaffold


@click.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--service",
    is_flag=True,
    help="For the systemd unit: state in /var/lib/maild, mail by LMTP at /run/maild.",
)
def init(folder: Path, service: bool) -> None:
    """Write a complete, commented, working desk into a folder. Never overwrites a file."""
    made = scaffold.write(folder, service=service)
    for path in made.written:
        click.echo(f"wrote {path}")
    for path in made.left:
        click.echo(f"left  {path} as it was")
    where = "" if folder == Path(".") else f"cd {folder} && "
    click.echo(
        f"\nNow put your names into maild.toml and rules/10-desk.yaml, then:  {where}maild check && maild run"
    )
