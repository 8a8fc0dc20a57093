"""The command that reports: what happened in a period, as text, JSON or a page."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from maild import show, show_report
from maild.clock import moment as stamp
from maild.clock import utc_now
from maild.delivery.notice import Board, Notice
from maild.delivery.reports import summary
from maild.delivery.times import Clock
from maild.desk.people import Person
from maild.desk.periods import WEEK, between, including, last, last_days, moment
from maild.desk.reporting import DIMENSIONS, Measures, Period, Report, Spans, Times
from maild.desk.rulebook import FieldKind, Rulebook
from maild.desk.words import Role
from maild.reports import of_period
from maild.site import Site
from maild.terminal import Desk, json_option

_MINUTE: Final = timedelta(minutes=1)
_ENGLISH: Final = "en"


@click.command()
@click.option(
    "--since", metavar="DATE", help="From the beginning of this day: 2026-11-01, or '2026-11-01 09:00'."
)
@click.option(
    "--until", metavar="DATE", help="Until the beginning of this day, which is not included; default now."
)
@click.option(
    "--last", "latest", metavar="SPAN", help="So long until now (7d, 4w), or the last whole month or quarter."
)
@click.option(
    "--by",
    metavar="WORD",
    help=f"Broken down by this alone, with every row: {', '.join(DIMENSIONS)}, or a choice field.",
)
@click.option("--html", "as_html", is_flag=True, help="A page that needs nothing else, on stdout.")
@json_option
@click.pass_obj
def report(
    desk: Desk,
    since: str | None,
    until: str | None,
    latest: str | None,
    by: str | None,
    as_html: bool,
    as_json: bool,
) -> None:
    """Metrics of a period beside the period before it; without options of the last seven days.

    Volumes, first response and solution times (the median, and what nine of ten stayed within), promises kept by policy and target,
    the backlog by age, time spent, satisfaction; what grows, causes that recur, solved tickets still to document; all broken down by
    organisation, group, category, type, channel, level, team, agent and choice fields. Days are those of the desk's time zone. Spam and
    merged tickets are not counted; what was imported counts in volumes, and in times from when somebody wrote.

    \b
    maild report --last month
    maild report --since 2026-11-01 --until 2026-12-01 --by organisation
    maild report --last quarter --html > report.html

    \b
    --json prints {"since", "until", "before", "timezone",
      "now": FIGURES, "previous": FIGURES,
      "by": {WORD: [{"key", "now": FIGURES, "previous": FIGURES}]},
      "time": [{"agent", "minutes"}], "recurring": [{"cause", "tickets": []}],
      "growing": [{"kind", "key", "previous", "now"}],
      "undocumented": [{"id", "subject", "lacks": []}]}
    FIGURES: {"opened", "solved", "closed", "reopened", "escalated",
      "unfinished", "first_response": TIMES, "resolution": TIMES,
      "attainment": [{"policy", "target", "kept", "broken", "running", "share"}],
      "backlog": {"today", "1d", "3d", "7d", "30d", "older"}, "minutes_spent",
      "satisfaction": {"mean", "count", "ratings": {"1": 0, …, "5": 0}}}
    TIMES: {"count", "median_minutes", "p90_minutes", "promised",
      "wall_median_minutes", "wall_p90_minutes"}: in the working hours of the
      ticket's policy (`promised`: of how many), else by the wall clock.
    """
    if as_html and as_json:
        raise click.UsageError("--html and --json are two ways to print it: give one of them")
    loaded = desk.load()
    now, zone = utc_now(), ZoneInfo(loaded.rulebook.identity.timezone)
    try:
        period = _period(since, until, latest, now, zone)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    dimension = _dimension(by, loaded.rulebook)
    with desk.store() as store, store.read() as work:
        found = of_period(work, loaded.rulebook, period, now)
    if dimension:
        found = replace(found, by={dimension: found.by.get(dimension, ())})
    if as_json:
        show.as_json(document(found))
    elif as_html:
        click.echo(page(loaded, found, now), nl=False)
    else:
        clock = Clock(zone, _ENGLISH)
        words = loaded.templates.words(_ENGLISH)
        most = None if dimension else show_report.MOST
        told = summary(found, loaded.rulebook, clock, words, _ENGLISH, most=most, only=dimension)
        show_report.report(told, words)


def _period(
    since: str | None, until: str | None, latest: str | None, now: datetime, zone: ZoneInfo
) -> Period:
    """Raises ValueError for what is no period."""
    if latest is not None:
        if since or until:
            raise ValueError("--last says the whole period: give it alone, or --since and --until")
        return last(latest, now, zone)
    end = moment(until, zone) if until else including(now)
    if since is None:
        return last_days(WEEK, end, zone)
    return between(moment(since, zone), end, zone)


def _dimension(by: str | None, rulebook: Rulebook) -> str | None:
    """What is meant by `--by`. Raises click.UsageError."""
    fields = {key: f"field.{key}" for key, field in rulebook.fields.items() if field.kind is FieldKind.CHOICE}
    known = {name: name for name in (*DIMENSIONS, *fields.values())}
    known = {**fields, "organization": "organisation", "assignee": "agent", **known}
    if by is None or by in known:
        return known[by] if by else None
    raise click.UsageError(
        f"--by {by}: a report is broken down by {', '.join((*DIMENSIONS, *fields.values()))}"
    )


def page(loaded: Site, found: Report, now: datetime) -> str:
    """The report as the mail shows it, as a page of its own."""
    notice = Notice(
        template="report",
        recipient=Person(0, "", "", zone=loaded.rulebook.identity.timezone),
        role=Role.ADMIN,
        happenings=(),
        scope=None,
        language=loaded.rulebook.identity.language,
        now=now,
        rulebook=loaded.rulebook,
        reply_address="",
        board=Board("", report=found, page=True),
    )
    return loaded.templates.render(notice).html


def document(found: Report) -> dict[str, Any]:
    """The report for programs; times in UTC, spans in minutes."""
    return {
        "since": stamp(found.period.since),
        "until": stamp(found.period.until),
        "before": stamp(found.period.before),
        "timezone": found.period.zone.key,
        "now": _figures(found.now),
        "previous": _figures(found.before),
        "by": {
            name: [
                {"key": one.key or None, "now": _figures(one.now), "previous": _figures(one.before)}
                for one in slices
            ]
            for name, slices in found.by.items()
        },
        "time": [{"agent": agent, "minutes": minutes} for agent, minutes in found.time.items()],
        "recurring": [{"cause": one.cause, "tickets": list(one.tickets)} for one in found.recurring],
        "growing": [
            {"kind": one.kind, "key": one.key, "previous": one.before, "now": one.now}
            for one in found.growing
        ],
        "undocumented": [
            {"id": one.number, "subject": one.subject, "lacks": list(one.lacks)} for one in found.undocumented
        ],
    }


def _figures(one: Measures) -> dict[str, Any]:
    mean = one.satisfaction
    return {
        "opened": one.opened,
        "solved": one.solved,
        "closed": one.closed,
        "reopened": one.reopened,
        "escalated": one.escalated,
        "unfinished": one.unfinished,
        "first_response": _times(one.first_response),
        "resolution": _times(one.resolution),
        "attainment": [
            {
                "policy": some.policy or None,
                "target": some.target,
                "kept": some.kept,
                "broken": some.broken,
                "running": some.running,
                "share": None if some.share is None else round(some.share, 4),
            }
            for some in one.attainment
        ],
        "backlog": dict(one.backlog),
        "minutes_spent": one.minutes,
        "satisfaction": {
            "mean": None if mean is None else round(mean, 2),
            "count": sum(one.ratings.values()),
            "ratings": {str(rating): one.ratings.get(rating, 0) for rating in range(1, 6)},
        },
    }


def _times(times: Times) -> dict[str, Any]:
    counted, wall = times.counted, times.wall
    return {
        "count": counted.count,
        **_spans("", counted),
        "promised": times.promised,
        **_spans("wall_", wall),
    }


def _spans(prefix: str, spans: Spans) -> dict[str, float | None]:
    return {
        f"{prefix}{name}_minutes": None if span is None else round(span / _MINUTE, 1)
        for name, span in (("median", spans.median), ("p90", spans.ninetieth))
    }
