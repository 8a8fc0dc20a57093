"""What `maild report` prints for people: at most 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import click

from maild.show import clean

MOST: Final = 8
_WIDTH: Final = 80
_LABEL: Final = 40
_INDENT: Final = 15


def report(told: Mapping[str, Any], words: Mapping[str, object]) -> None:
    """`told`: the report as mails have it (`delivery.reports.summary`); `words`: of its language."""
    say = cast("Mapping[str, str]", words["report"])
    click.secho(_cut(clean(told["period"]), _WIDTH), bold=True)
    for sentence in ("compared", told["counted"]):
        if sentence:
            click.echo(textwrap.fill(say[sentence], _WIDTH))
    click.echo()
    for row in told["numbers"]:
        click.echo(
            f"  {_cut(row['label'], _LABEL):<{_LABEL}}  {row['value']:>12}  {_before(row):>14}".rstrip()
        )
    for chart in told["charts"]:
        _chart(chart, str(words["more"]))
    if told["undocumented"]:
        click.secho(f"\n{say['undocumented']} ({told['undocumented_total']})", bold=True)
    for row in told["undocumented"]:
        lacks = f"{say['lacks']} {row['lacks']}"
        subject = clean(row["subject"]) or str(words["no_subject"])
        click.echo(f"  #{row['number']:<6} {_cut(subject, _WIDTH - len(lacks) - 12)}  {lacks}")


def _chart(chart: Mapping[str, Any], more: str) -> None:
    click.secho(f"\n{_cut(chart['title'], _WIDTH)}", bold=True)
    for row in chart["rows"]:
        bar = click.style(row["bar"], fg="blue")
        label = f"{_cut(clean(row['label']), _LABEL):<{_LABEL}}"
        click.echo(f"  {bar}  {label}  {row['value']:>9}  {_before(row)}".rstrip())
        if row["details"]:
            click.echo(textwrap.indent(_wrapped(row["details"]), " " * (_INDENT - 1)))
    if chart["more"]:
        click.echo(f"  {more} {chart['more']}")


def _wrapped(details: Sequence[str]) -> str:
    """Broken between the figures, not within one."""
    kept = " · ".join(clean(one).replace(" ", "\u00a0") for one in details)
    return textwrap.fill(kept, _WIDTH - _INDENT).replace("\u00a0", " ")


def _before(row: Mapping[str, str]) -> str:
    return f"({row['before']})" if row["before"] else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
