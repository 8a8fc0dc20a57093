"""A report as its readers see it: numbers and bars with their labels, in words of their language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final, cast

from maild.delivery.times import Clock
from maild.desk.reporting import Measures, Report, Slice, Spans, Times
from maild.desk.rulebook import Rulebook
from maild.desk.selection import INTERNAL

Values = dict[str, object]
MOST: Final = 8
"""So many rows of a chart stand in a mail."""

_BAR: Final = 10
_HOURS_MAX: Final = 100
_DECLARED: Final = {"type": "types", "category": "categories", "channel": "channels", "tag": "tags"}
_SENTENCES: Final = ("counted", "wall", "both")


class _Words:
    """What is said in the reader's language. `names`: of things that the desk's files name."""

    def __init__(self, words: Mapping[str, object], rulebook: Rulebook, language: str) -> None:
        self.report, self.labels = (_dictionary(words, name) for name in ("report", "labels"))
        self.rulebook, self.language = rulebook, language

    def __call__(self, name: str) -> str:
        return self.report.get(name, name)

    def target(self, name: str) -> str:
        return self.labels.get(name, name)

    def dimension(self, name: str) -> str:
        """What a report is broken down by."""
        if name.startswith("field."):
            return self._field(name.removeprefix("field."))
        return self.report.get(name) or self.labels.get(name, name)

    def _field(self, key: str) -> str:
        field = self.rulebook.fields.get(key)
        return (field.labels.get(self.language) or field.label) if field else key

    def value(self, dimension: str, key: str) -> str:
        """What one value of a dimension is called."""
        if not key:
            return self("none")
        if dimension == "team" and key in self.rulebook.teams:
            return self.rulebook.teams[key].name
        if dimension == "agent":
            agent = self.rulebook.agent(key)
            return agent.name if agent else key
        declared = getattr(self.rulebook.words, _DECLARED.get(dimension, ""), {})
        if dimension.startswith("field."):
            field = self.rulebook.fields.get(dimension.removeprefix("field."))
            declared = field.words if field else {}
        labels = declared[key].labels if key in declared else {}
        return labels.get(self.language) or labels.get("") or key


def summary(
    report: Report,
    rulebook: Rulebook,
    clock: Clock,
    words: Mapping[str, object],
    language: str,
    *,
    most: int | None = MOST,
    only: str | None = None,
) -> Values:
    """The variables under `board.report`. `most`: so many rows a chart (None: all). `only`: the dimension that is shown; None: each of which
    there is more than one value."""
    say = _Words(words, rulebook, language)
    teams = [say.value("team", key) for key in report.teams or ()]
    charts = [*_breakdown(report, say, most, only)] if only else [*_charts(report, say, most)]
    return {
        "period": clock.period(report.period.since, report.period.until),
        "teams": ", ".join(teams),
        "counted": _counted(report.now.first_response, report.now.resolution),
        "numbers": [*_numbers(report, say)],
        "charts": [chart for chart in charts if chart["rows"]],
        "undocumented": [
            {
                "number": one.number,
                "subject": one.subject,
                "lacks": ", ".join(say.target(name) for name in one.lacks),
            }
            for one in report.undocumented[:most]
        ],
        "undocumented_total": len(report.undocumented),
    }


def _counted(*times: Times) -> str:
    """By what time spans are counted: all by working hours, all by the wall clock, or some so and some so."""
    promised, every = sum(one.promised for one in times), sum(one.wall.count for one in times)
    if not every:
        return ""
    return _SENTENCES[0] if promised == every else _SENTENCES[2] if promised else _SENTENCES[1]


def _numbers(report: Report, say: _Words) -> Iterator[Values]:
    now, before = report.now, report.before
    for name in ("opened", "solved", "closed", "reopened", "escalated", "unfinished"):
        yield _number(say(name), str(getattr(now, name)), str(getattr(before, name)))
    own = next((one for one in report.by.get("channel", ()) if one.key == INTERNAL), None)
    if own is not None:
        yield _number(say("internal"), str(own.now.opened), str(own.before.opened))
    for name in ("first_response", "resolution"):
        spans, then = getattr(now, name).counted, getattr(before, name).counted
        yield _number(say(f"{name}_median"), span(spans.median), span(then.median))
        yield _number(say(f"{name}_90"), span(spans.ninetieth), span(then.ninetieth))
    yield _number(say("kept"), percent(now.kept.share), percent(before.kept.share))
    if now.minutes or before.minutes:
        yield _number(say("minutes"), minutes(now.minutes), minutes(before.minutes))
    if now.ratings or before.ratings:
        yield _number(say("satisfaction"), mean(now.satisfaction), mean(before.satisfaction))


def _number(label: str, value: str, before: str) -> Values:
    return {"label": label, "value": value, "before": before}


def _charts(report: Report, say: _Words, most: int | None) -> Iterator[Values]:
    now = report.now
    yield _chart(say("attainment"), _attainment(now, report.before, say))
    rows = [
        (say(f"age_{name}"), count, report.before.backlog.get(name, 0)) for name, count in now.backlog.items()
    ]
    yield _chart(say("backlog"), _counts(rows if any(now.backlog.values()) else ()))
    for name in report.by:
        if len(report.by[name]) > 1:
            yield from _breakdown(report, say, most, name)
    yield _chart(say("time"), _time(report, say), most)
    yield _chart(say("ratings"), _counts((str(at), now.ratings.get(at, 0), report.before.ratings.get(at, 0)) for at in (5, 4, 3, 2, 1) if now.ratings))  # fmt: skip
    grown = (
        (f"{say.dimension(one.kind)}: {say.value(one.kind, one.key)}", one.now, one.before)
        for one in report.growing
    )
    yield _chart(say("growing"), _counts(grown), most)
    yield _chart(say("recurring"), _recurring(report), most)


def _breakdown(report: Report, say: _Words, most: int | None, name: str) -> Iterator[Values]:
    slices = report.by.get(name, ())
    rows = (
        _row(
            say.value(name, one.key),
            str(one.now.opened),
            _part(one, slices),
            str(one.before.opened),
            _details(one.now, say),
        )
        for one in slices
    )
    yield _chart(f"{say('by')} {say.dimension(name)}", rows, most)


def _part(one: Slice, slices: Iterable[Slice]) -> float:
    return one.now.opened / max(1, *(other.now.opened for other in slices))


def _details(one: Measures, say: _Words) -> list[str]:
    """The rest of the figures of a slice, those that there are."""
    told = (
        ("solved", str(one.solved) if one.solved else ""),
        ("unfinished", str(one.unfinished) if one.unfinished else ""),
        ("reopened", str(one.reopened) if one.reopened else ""),
        ("escalated", str(one.escalated) if one.escalated else ""),
        ("first_response", _pair(one.first_response.counted)),
        ("resolution", _pair(one.resolution.counted)),
        ("kept", percent(one.kept.share) if one.attainment and one.kept.share is not None else ""),
        ("minutes", minutes(one.minutes) if one.minutes else ""),
        ("satisfaction", mean(one.satisfaction) if one.ratings else ""),
    )
    return [f"{say(f'short_{name}')} {value}" for name, value in told if value]


def _pair(spans: Spans) -> str:
    return f"{span(spans.median)} / {span(spans.ninetieth)}" if spans.count else ""


def _attainment(now: Measures, before: Measures, say: _Words) -> Iterator[Values]:
    shares = {(one.policy, one.target): one.share for one in before.attainment}
    for one in now.attainment:
        decided = one.kept + one.broken
        details = [f"{one.kept} {say('of')} {decided}"] if decided else []
        details += [f"{say('running')} {one.running}"] if one.running else []
        then = shares.get((one.policy, one.target))
        label = f"{one.policy or say('none')} · {say.target(one.target)}"
        yield _row(label, percent(one.share), one.share or 0.0, percent(then), details)


def _time(report: Report, say: _Words) -> Iterator[Values]:
    highest = max(report.time.values(), default=0)
    for agent, spent in report.time.items():
        yield _row(say.value("agent", agent), minutes(spent), spent / highest if highest else 0.0, "")


def _recurring(report: Report) -> Iterator[Values]:
    highest = max((len(one.tickets) for one in report.recurring), default=1)
    for one in report.recurring:
        numbers = " ".join(f"#{number}" for number in one.tickets[:MOST])
        more = " …" if len(one.tickets) > MOST else ""
        yield _row(one.cause, str(len(one.tickets)), len(one.tickets) / highest, "", [numbers + more])


def _counts(rows: Iterable[tuple[str, int, int]]) -> Iterator[Values]:
    every = tuple(rows)
    highest = max((count for _, count, _ in every), default=0)
    for label, count, before in every:
        yield _row(label, str(count), count / highest if highest else 0.0, str(before))


def _row(label: str, value: str, part: float, before: str, details: Sequence[str] = ()) -> Values:
    """`share`: how long the bar is, of a hundred; `bar`: the same as a text."""
    full = round(part * _BAR) or (1 if part else 0)
    return {
        "label": label,
        "value": value,
        "before": before,
        "details": list(details),
        "share": max(1, round(part * 100)) if part else 0,
        "bar": "█" * full + "░" * (_BAR - full),
    }


def _chart(title: str, rows: Iterable[Values], most: int | None = None) -> Values:
    every = [*rows]
    shown = every[:most]
    return {"title": title, "rows": shown, "more": len(every) - len(shown)}


def span(found: timedelta | None) -> str:
    """`1 h 5 min`, `12 min`, `120 h`; a dash for none."""
    if found is None:
        return "–"
    hours, rest = divmod(round(found.total_seconds() / 60), 60)
    if hours >= _HOURS_MAX:
        return f"{hours} h"
    return " ".join(filter(None, (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "")))


def minutes(count: int) -> str:
    return span(timedelta(minutes=count))


def percent(share: float | None) -> str:
    """Rounded down, so that only all is 100 %."""
    return "–" if share is None else f"{int(share * 100 + 1e-9)} %"


def mean(found: float | None) -> str:
    return "–" if found is None else f"{found:.1f}"


def _dictionary(words: Mapping[str, object], name: str) -> Mapping[str, str]:
    found = words.get(name)
    return cast("Mapping[str, str]", found) if isinstance(found, dict) else {}
