"""The admin's files: what they come to, and the sentence for each mistake."""

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path

import pytest

from maild.desk import rulefiles
from maild.desk.rulebook import (
    Agent,
    AgentRole,
    Field,
    FieldKind,
    Group,
    Identity,
    Limits,
    NoticeRule,
    Organisation,
    Rulebook,
    Team,
    Word,
)
from maild.desk.selection import Selection
from maild.desk.words import Notify, Role, State

IDENTITY = Identity(
    "Acme", "support@acme.test", "Acme", aliases=("help@acme.test",), timezone="Europe/Madrid"
)
TODAY = date(2026, 11, 22)
RULES = Path(__file__).parents[2] / "rules"

DESK = """\
desk: {channels: {phone: "555 0100"}, default_priority: 2, digest_at: "08:30", lists: help.lists.test, forms: [form@www.test]}
fields:
  product: {label: Product, values: [flow, lumen]}
  hub: {}
teams:
  support: {name: First line, responsible: ANA@acme.test}
  engineering: {level: 2}
agents:
  - {name: Ana Ruiz, address: Ana@Acme.test, team: support, role: admin, languages: [es, en], timezone: Europe/Madrid}
  - {name: Ben, address: ben@acme.test, team: engineering, login: ben.o}
"""

PEOPLE = """\
organisations:
  - {name: Globex, domains: [Globex.test], members: [hank@home.test], sla: gold, language: es}
groups:
  pilots: {members: [pia@anywhere.test], sla: gold}
calendars:
  office: {timezone: Europe/Amsterdam, mon-fri: "09:00-12:00, 13:00-17:00", fri: 09:00-15:00, holidays: [NL, 2026-12-24]}
  always: {mon-sun: "00:00-24:00"}
sla:
  gold:
    calendar: office
    first_response: {default: 1h, priority 1: 10m, calendar: always}
    update: 4h
    resolution: {priority 2: 1d12h}
    pause: [pending, on-hold]
    for: {organisation: Globex, priority: [1, 2]}
    tell: [update]
notices:
  - {to: [watcher, team], event: [noted, changed], send: digest}
  - {organisation: Globex, send: off}
"""


def load(*texts: str) -> rulefiles.Loaded:
    files = [(f"rules/{index}.yaml", text) for index, text in enumerate(texts, 1)]
    return rulefiles.load(files, IDENTITY, Limits(), TODAY)


def book(*texts: str) -> Rulebook:
    loaded = load(*texts)
    assert loaded.problems == []
    assert loaded.rulebook is not None
    return loaded.rulebook


def test_people_and_words():
    found = book(DESK, PEOPLE)
    assert found.identity.lists == ("help.lists.test",)
    assert found.identity.forms == ("form@www.test",)
    assert (found.channels, found.default_priority, found.digest_at) == (
        {"phone": "555 0100"},
        2,
        time(8, 30),
    )
    assert found.fields == {
        "product": Field(
            "product",
            "Product",
            {"flow": Word("flow"), "lumen": Word("lumen")},
            FieldKind.CHOICE,
            {"": "Product"},
        ),
        "hub": Field("hub", "hub"),
    }
    assert found.teams == {
        "support": Team("support", "First line", 1, "ana@acme.test"),
        "engineering": Team("engineering", "engineering", 2),
    }
    ana = Agent("Ana Ruiz", "ana@acme.test", "support", AgentRole.ADMIN, ("es", "en"), None, "Europe/Madrid")
    assert found.agents == {
        "ana@acme.test": ana,
        "ben@acme.test": Agent("Ben", "ben@acme.test", "engineering", login="ben.o"),
    }
    globex = Organisation("Globex", ("globex.test",), ("hank@home.test",), "gold", "es")
    assert found.organisations == {"Globex": globex}
    assert found.groups == {"pilots": Group("pilots", ("pia@anywhere.test",), (), "gold")}


def test_notices_are_every_combination_in_order():
    assert book(DESK, PEOPLE).notices == (
        NoticeRule(Notify.DIGEST, Role.WATCHER, "noted"),
        NoticeRule(Notify.DIGEST, Role.WATCHER, "changed"),
        NoticeRule(Notify.DIGEST, Role.TEAM, "noted"),
        NoticeRule(Notify.DIGEST, Role.TEAM, "changed"),
        NoticeRule(Notify.OFF, None, None, "Globex"),
    )


def test_calendars():
    calendars = book(DESK, PEOPLE).calendars
    office, whole = calendars["office"], ((540, 720), (780, 1020))
    assert office.zone.key == "Europe/Amsterdam"
    assert office.week == (whole, whole, whole, whole, ((540, 900),), (), ())
    assert {date(2026, 12, 24), date(2026, 12, 25), date(2031, 4, 26), date(2025, 4, 26)} <= office.holidays
    assert date(2026, 12, 23) not in office.holidays
    assert calendars["always"].week == (((0, 1440),),) * 7
    assert calendars["always"].zone.key == "Europe/Madrid"


@pytest.mark.parametrize(
    ("days", "open_days"),
    [
        ("mon", [0]),
        ("mon-fri", [0, 1, 2, 3, 4]),
        ("sat-mon", [0, 5, 6]),
        ("mon,wed", [0, 2]),
        ("mon, thu-fri", [0, 3, 4]),
        ("Mon-Sun", [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_days(days, open_days):
    week = book(DESK, f"calendars: {{c: {{'{days}': '8:00-24:00'}}}}").calendars["c"].week
    assert [day for day in range(7) if week[day] == ((480, 1440),)] == open_days
    assert all(not week[day] for day in range(7) if day not in open_days)


def test_fewer_days_go_before_more_in_any_order():
    week = (
        book(
            DESK,
            'calendars: {c: {wed: closed, "mon,tue": ["9:00-10:00", "11:00-12:00"], mon-sun: 08:00-20:00}}',
        )
        .calendars["c"]
        .week
    )
    assert week == (((540, 600), (660, 720)), ((540, 600), (660, 720)), (), *(((480, 1200),),) * 4)


@pytest.mark.parametrize(
    ("holidays", "off", "working"),
    [
        ("DE-BY", date(2027, 1, 6), date(2027, 8, 20)),
        ("[DE-BE]", date(2027, 3, 8), date(2027, 1, 6)),
        ("gb", date(2026, 12, 28), date(2026, 12, 29)),
    ],
)
def test_holidays_of_parts_of_countries(holidays, off, working):
    found = (
        book(DESK, f"calendars: {{c: {{mon: 08:00-20:00, holidays: {holidays}}}}}").calendars["c"].holidays
    )
    assert off in found
    assert working not in found


def test_policies():
    gold = book(DESK, PEOPLE).policies["gold"]
    assert list(gold.targets) == ["first_response", "update", "resolution"]
    first = gold.targets["first_response"]
    assert (first.span(1), first.span(3), first.calendar) == (
        timedelta(minutes=10),
        timedelta(hours=1),
        "always",
    )
    assert (gold.targets["resolution"].span(2), gold.targets["resolution"].span(3)) == (
        timedelta(hours=36),
        None,
    )
    assert (gold.pause, gold.tell) == (("pending", "on-hold"), ("update",))
    assert gold.for_ == {"organisation": ("Globex",), "priority": ("1", "2")}


def test_what_is_told_is_the_first_response_if_there_is_one():
    policies = book(
        DESK, PEOPLE, "sla: {a: {calendar: office, update: 1h}, b: {calendar: office, first_response: 1h}}"
    ).policies
    assert policies["a"].tell == ()
    assert policies["b"].tell == ("first_response",)
    assert policies["a"].pause == ("pending",)


def test_files_are_one_document():
    more = "teams: {sales: {}}\nagents:\n  - {name: Eva, address: eva@acme.test, team: sales}\ndesk: {channels: {chat: x}}\n"
    found = book(DESK, more)
    assert list(found.teams) == ["support", "engineering", "sales"]
    assert list(found.agents) == ["ana@acme.test", "ben@acme.test", "eva@acme.test"]
    assert list(found.channels) == ["phone", "chat"]


def test_a_key_that_was_emptied_is_as_if_it_were_not_there():
    assert book(DESK, "rules:\nsla:\n# nothing\n", "", "# nothing but a comment\n").policies == {}


def test_every_key_of_the_files_is_applied():
    later = """\
desk: {time: required, cc: ignore}
dictionary:
  types: {bug: {label: {en: Bug, es: Error}, needs: [{field: hub, ask: {en: Which?}, met_by: /(?i)version/}]}, incident: {}}
  severities: {critical: {describe: "Production down", impact: 1}}
  impacts: {1: everybody, 2: a group, 3: one person}
  priority: [[1, 1, 2], [1, 3, 4], [3, 4, 5]]
oncall: {support: {agents: [ana@acme.test], every: 7d, since: 2026-11-02, at: "08:00"}}
escalations:
  - {notify: assignee}
  - {notify: [team, chen@acme.test], priority: raise, after: 2h}
rules:
  - name: Crash
    when: {any: [{subject: [crash, '/INV-\\d{4}/']}, {body: error}], not: {organisation: Globex}, field.hub: x, priority: 2, team: null}
    then: {type: bug, priority: 1, tags: [a, b], field.product: flow, help: https://kb.acme.test/crash}
    tests:
      - {given: {subject: crash, field.hub: x}, then: {type: bug}}
      - {given: {subject: other}, then: no match}
"""
    loaded = load(
        DESK, PEOPLE, later, "rules: [{name: a, then: {state: closed}}, {name: b, then: {state: closed}}]\n"
    )
    assert loaded.problems == []
    assert loaded.warnings == []


def test_views():
    views = "desk: {views: {late: {assignee: me, overdue: true}, vips: {team: mine, state: [new, open], priority: 1, idle: 3d, tag: vip}}}\n"
    book = load(
        "agents:\n - {name: A, address: a@b.test, team: support, role: admin}\nteams: {support: {}}\n", views
    ).rulebook
    assert book is not None
    assert book.views == {
        "late": Selection(assignee="me", overdue=True),
        "vips": Selection(
            (State.NEW, State.OPEN), team="me", priorities=(1,), idle=timedelta(days=3), tag="vip"
        ),
    }


def test_a_desk_without_an_admin_is_warned():
    loaded = load(DESK.replace(", role: admin", ""))
    assert loaded.warnings == [
        "rules/1.yaml:8:1: no agent has `role: admin`: nobody is told when something is wrong with the desk"
    ]


def test_the_shipped_files_and_every_example_of_their_readme():
    shipped = [(file.name, file.read_text("utf-8")) for file in sorted(RULES.glob("*.yaml"))]
    loaded = rulefiles.load(shipped, IDENTITY, Limits(), TODAY)
    assert loaded.problems == []
    assert loaded.warnings == []
    readme = (RULES / "README.md").read_text("utf-8")
    examples = [part.partition("```")[0] for part in readme.split("```yaml\n")[1:]]
    assert len(examples) >= 10
    apart = [
        one for one in examples if "dictionary:" in one and "priority: [[" not in one
    ]  # which declare their own words
    for one in apart:
        book(DESK, one)
    rest = [(f"rules/{at}.yaml", one) for at, one in enumerate(examples, 1) if one not in apart]
    days = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261228\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    loaded = rulefiles.load(rest, IDENTITY, Limits(), TODAY, calendars={"closing-days.ics": days})
    assert loaded.problems == []
    found = loaded.rulebook
    assert found is not None
    assert set(found.policies["gold"].for_) == {"organisation", "group", "team", "type", "priority"}
