"""`maild check`: what is wrong with a desk's files."""

from __future__ import annotations

from typing import Any

import click

from maild import show, site
from maild.clock import utc_now
from maild.desk import rule_schema
from maild.errors import ConfigError
from maild.terminal import Desk, json_option


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of rule files instead, for editors.")
@json_option
@click.pass_obj
def check(desk: Desk, as_json: bool, schema: bool) -> None:
    """Check configuration, rules and templates: every problem as FILE:LINE:COLUMN, all of them."""
    if schema:
        show.as_json(rule_schema.schema())
        return
    problems: tuple[Any, ...] = ()
    warnings: tuple[str, ...] = ()
    try:
        warnings = tuple(site.load(desk.path, utc_now()).warnings)
    except ConfigError as error:
        problems = error.problems
    if as_json:
        fields = ("file", "line", "column", "message")
        rows = [{name: getattr(problem, name) for name in fields} for problem in problems]
        show.as_json({"problems": rows, "warnings": list(warnings)})
    else:
        for problem in problems:
            click.echo(str(problem))
        for warning in warnings:
            click.echo(f"note: {warning}")
        if not problems:
            click.echo(f"{desk.path}: all is well")
    if problems:
        raise SystemExit(ConfigError.exit_code)
