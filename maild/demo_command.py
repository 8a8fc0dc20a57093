"""`maild demo`: the newcomer's first minute."""

from __future__ import annotations

import click

from maild import logs
from maild.demo import demo as run_demo


@click.command()
@click.option("--once", is_flag=True, help="Exit after the conversation.")
def demo(once: bool) -> None:
    """A desk in a temporary folder with real SMTP on loopback: a customer and an agent talk, you watch."""
    logs.configure("text", "error")
    run_demo(once=once)
