"""A desk whose rules the tables of this room try out, and a mail and a ticket to try them on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from maild.desk import rulefiles
from maild.desk.facts import Address
from maild.desk.people import Person, Ticket
from maild.desk.rule_facts import AttachedFile, Facts, MailFacts
from maild.desk.rulebook import Identity, Limits, Rulebook
from maild.desk.ruling import Ruling, run
from maild.desk.staffing import Staff
from maild.desk.words import State

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday, 10:00 in Madrid
IDENTITY = Identity("Acme", "support@acme.test", "Acme", timezone="Europe/Madrid")
DESK = """\
desk: {channels: {phone: "555 0100"}}
fields: {product: {values: [flow, lumen]}, hub: {}}
teams: {support: {}, engineering: {level: 2}}
agents:
  - {name: Ana Ruiz, address: ana@acme.test, team: support, role: admin, languages: [es, en]}
  - {name: Ben Okoro, address: ben@acme.test, team: support}
  - {name: Lou, address: lou@acme.test, team: support, role: light}
  - {name: Chen Li, address: chen@acme.test, team: engineering, languages: en}
organisations: [{name: Globex, domains: [globex.test]}]
groups: {pilots: {members: [carla@globex.test]}}
calendars: {office: {mon-fri: "09:00-17:00"}, night: {mon-sun: "22:00-24:00"}}
oncall: {support: {agents: [ana@acme.test, ben@acme.test], every: 7d, since: 2026-02-23, at: "08:00"}}
"""
WORDS = """\
dictionary:
  types: {bug: {}, incident: {label: {en: Incident, es: Incidencia}}}
  severities: {critical: {impact: 1}, low: {impact: 3}, odd: {}}
  tags: {outage: {}, vip: {}}
  impacts: {1: everybody, 2: a group, 3: one person}
  urgencies: {1: now, 2: today, 3: whenever}
  priority: [[1, 1, 2], [1, 3, 4], [3, 4, 5]]
"""
CARLA = Person(1, "Carla Díaz", "Carla@globex.test", "Globex")
MAIL = MailFacts(
    sender=Address("Carla Díaz", "Carla@globex.test"),
    to=("support@acme.test", "boss@globex.test"),
    subject="URGENT: production down again",
    body="Hola,\nla impresora no\n  FUNCIONÁ. See https://globex.test/x?a=1 for INV-20231.",
    header=(("X-Spam", "Yes, score=7"), ("X-Loop", "a"), ("x-loop", "b c"), ("Subject", "x")),
    attachments=(AttachedFile("Invoice 7.PDF", "application/pdf"), AttachedFile("run.exe", "application/octet-stream")),
    language="es",
)  # fmt: skip
TICKET = Ticket(
    0, MAIL.subject, State.NEW, CARLA, NOW, NOW, NOW, language="es", organisation="Globex", tags=("vip",), fields={"hub": "North 7"}
)  # fmt: skip
FACTS = Facts(
    MAIL, "Globex", ("pilots",), now=NOW, idle=timedelta(hours=5), age=timedelta(days=2, minutes=30)
)


def load(rules: str, *more: str) -> rulefiles.Loaded:
    """The desk with these rules (a YAML list) and further files."""
    indented = "rules:\n" + "\n".join(f"  {line}" for line in rules.strip("\n").splitlines()) + "\n"
    texts = (DESK, *more, indented if rules.strip() else "")
    return rulefiles.load(
        [(f"{at}.yaml", text) for at, text in enumerate(texts, 1)], IDENTITY, Limits(), date(2026, 3, 2)
    )


def book(rules: str, *more: str) -> Rulebook:
    loaded = load(rules, *more)
    assert loaded.rulebook is not None, [str(problem) for problem in loaded.problems]
    return loaded.rulebook


def complaints(rules: str, *more: str) -> list[str]:
    return [str(problem) for problem in load(rules, *more).problems]


def ruled(
    rules: str,
    *more: str,
    occasion: str = "ticket",
    facts: Facts = FACTS,
    staff: Staff | None = None,
    before: tuple[str, ...] = (),
    whole: bool = True,
    **ticket: object,
) -> Ruling:
    """What these rules say of the mail above."""
    stands = replace(TICKET, **ticket)  # type: ignore[arg-type]
    made = book(rules, *more)
    return run(occasion, facts, stands, made, staff or Staff(), before=before, whole=whole)
