"""Notices to try templates with: what a mail may be about, at its fullest and at its barest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from maild.delivery.notice import Board, DigestLine, Notice, Section, Survey
from maild.desk.effects import Change
from maild.desk.facts import Attachment
from maild.desk.people import Message, Person, Ticket
from maild.desk.reporting import (
    Attainment,
    Growth,
    Measures,
    Period,
    Recurring,
    Report,
    Slice,
    Spans,
    Times,
    Undocumented,
)
from maild.desk.rulebook import (
    ATTACHMENT,
    Agent,
    Field,
    Identity,
    Need,
    Organisation,
    Policy,
    Rulebook,
    Runbook,
    Team,
    Word,
    Words,
)
from maild.desk.selection import LISTS
from maild.desk.words import Happening, Role, Scope, State

INSIDE: Final = frozenset(
    (
        "notification",
        "assigned",
        "transcript",
        "digest",
        "alert",
        "list",
        "show",
        "report",
        "morning",
        "questions",
        "runbook",
        "glossary",
        "escalated",
    )
)
_WITHOUT_TICKET: Final = frozenset(
    (
        "digest",
        "alert",
        "transcript",
        "list",
        "report",
        "morning",
        "questions",
        "runbook",
        "glossary",
        "status",
        "help",
        "refused",
    )
)
_NOW: Final = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)

_PRODUCT: Final = Need("product", {"en": "Which product do you use?"}, "product")
_PICTURE: Final = Need("ask 1", {"en": "Please send a picture."}, met_by=(ATTACHMENT,))
RULEBOOK: Final = Rulebook(
    identity=Identity("Acme Support", "support@acme.test", "Acme", timezone="Europe/Amsterdam"),
    teams={"support": Team("support", "First line")},
    agents={"ana@acme.test": Agent("Ana Ruiz", "ana@acme.test", "support")},
    organisations={"Globex": Organisation("Globex", ("globex.test",), zone="Europe/Madrid")},
    fields={
        "product": Field("product", "Product", {"flow": Word("flow"), "lumen": Word("lumen")}, visible=True)
    },
    policies={"gold": Policy("gold", "always", {}, tell=("first_response", "update", "resolution"))},
    channels={
        "Phone": "+31 20 555 0100 (Monday to Friday, 9:00 to 17:00)",
        "Status": "https://status.acme.test",
    },
    words=Words(types={"incident": Word("incident", needs=(_PRODUCT, _PICTURE))}),
)
_CARLA: Final = Person(2, "Carla Ruiz", "carla@globex.test", "Globex", "en", phone="+34 91 555 0100")
_ANA: Final = Person(1, "Ana Ruiz", "ana@acme.test")
_BARE: Final = Ticket(
    12, "Printer on fire", State.NEW, replace(_CARLA, name="", phone=None), _NOW, _NOW, _NOW
)
_FULL: Final = replace(
    _BARE,
    state=State.SOLVED,
    requester=_CARLA,
    type="incident",
    category="bug",
    severity="critical",
    impact="high",
    urgency="high",
    priority=1,
    tags=("printer", "outage"),
    fields={"product": "flow"},
    organisation="Globex",
    team="support",
    assignee="ana@acme.test",
    sla="gold",
    participants=(Person(3, "Dan Wu", "dan@globex.test"),),
    first_response_due=_NOW + _HOUR,
    update_due=_NOW + 4 * _HOUR,
    resolution_due=_NOW + 24 * _HOUR,
    silence_due=_NOW + 12 * _HOUR,
    due_at=_NOW + 2 * _HOUR,
    urls=("https://globex.test/fire",),
    breached=("update",),
    cause="dust",
    solution="Cleaned.",
    minutes_spent=25,
    step=1,
    contact="ana@acme.test",
    asked=("product", "ask 1"),
)
_MESSAGE: Final = Message(
    5,
    12,
    _NOW,
    "in",
    True,
    "person",
    "Carla Ruiz",
    "carla@globex.test",
    ("support@acme.test",),
    "Printer on fire",
    "Hello,\n\nour printer is on fire, see https://globex.test/fire?a=1&b=2 .\n\n> What do you see?\n\nSmoke.\n\n-- \nCarla\n",
    "Hello,\n\nour printer is on fire, see https://globex.test/fire?a=1&b=2 .\n\n> What do you see?\n\nSmoke.",
    attachments=(Attachment("fire.jpg", "image/jpeg", 123_456, False, ""),),
)
_NOTE: Final = replace(
    _MESSAGE,
    id=6,
    direction="out",
    public=False,
    from_name="Ana Ruiz",
    from_address="ana@acme.test",
    minutes=10,
)
_CHANGES: Final = (
    Change("state", State.NEW, State.SOLVED),
    Change("assignee", None, "ana@acme.test"),
    Change("priority", 3, 1),
    Change("due_at", None, _NOW + 2 * _HOUR),
    Change("tags", (), ("printer", "outage")),
    Change("field.product", None, "flow"),
)


_PERIOD: Final = Period(_NOW - 168 * _HOUR, _NOW, _NOW - 336 * _HOUR, ZoneInfo("Europe/Amsterdam"))
_TIMES: Final = Times(Spans(9, _HOUR / 6, _HOUR), Spans(9, _HOUR / 4, 20 * _HOUR), 8)
_MEASURES: Final = Measures(
    opened=12,
    solved=9,
    closed=7,
    reopened=1,
    escalated=2,
    unfinished=5,
    first_response=_TIMES,
    resolution=Times(Spans(9, 9 * _HOUR, 30 * _HOUR), Spans(9, 20 * _HOUR, 120 * _HOUR), 8),
    attainment=(Attainment("gold", "first_response", 11, 1, 0), Attainment("gold", "update", 0, 0, 3)),
    backlog={"today": 2, "1d": 1, "3d": 1, "7d": 0, "30d": 0, "older": 1},
    minutes=340,
    ratings={5: 4, 2: 1},
)
_BEFORE: Final = Measures(opened=9, solved=9, unfinished=2)
_REPORT: Final = Report(
    _PERIOD,
    _MEASURES,
    _BEFORE,
    {
        "organisation": (Slice("Globex", _MEASURES, _BEFORE), Slice("", Measures(unfinished=1), Measures())),
        "team": (Slice("support", _MEASURES, _BEFORE), Slice("engineering", Measures(opened=1), _BEFORE)),
        "field.product": (Slice("flow", _MEASURES, _BEFORE), Slice("", _BEFORE, Measures())),
    },
    {"ana@acme.test": 240, "ben@acme.test": 100},
    (Recurring("dust", (3, 12)),),
    (Growth("category", "bug", 1, 6),),
    (Undocumented(12, "Printer on fire", ("solution",)),),
    ("support",),
)
_GUIDE: Final = Runbook(
    "outage", "When production is down", "1. Look at the status page.\n2. `#tag outage`", "Chen", "current", "Ana", date(2026, 11, 1)
)  # fmt: skip
_BOARD: Final = Board(
    question="list mine",
    sections=(Section("mine", (replace(_FULL, state=State.OPEN), _BARE), 102), Section("billing", (), 0)),
    away={"ana@acme.test": _NOW + 24 * _HOUR},
    report=_REPORT,
    waiting={12: _NOW - 2 * _HOUR},
    since=_NOW - _HOUR,
    lists=tuple(LISTS),
    commands=("#solve: the answer solves it",),
    glossary=("severities", "priorities", "fields", "tags"),
    runbooks=(_GUIDE, replace(_GUIDE, name="bare", owner="", status="", reviewed_by="", reviewed_on=None)),
)
_SURVEY: Final = Survey("support+yes@acme.test", tuple(f"support+{at}@acme.test" for at in range(1, 6)))
_EMPTY: Final = Board(
    "help",
    sections=(Section("mine", (), 0),),
    report=Report(_PERIOD, Measures(), Measures(), {}, {}, (), (), ()),
)


def samples(name: str) -> Iterator[Notice]:
    """Notices for a template, with and without a message, with public and internal scope; an unknown name is one of the
    admin's own, for the requester's side."""
    if name not in INSIDE:
        for role in (Role.REQUESTER, Role.PARTICIPANT):
            for ticket in (_BARE, _FULL):
                yield _notice(name, role, ticket, Scope.PUBLIC, _MESSAGE)
                if name != "answer":
                    yield _notice(name, role, ticket, Scope.PUBLIC, None)
        if name in _WITHOUT_TICKET:
            yield _notice(name, Role.REQUESTER, None, None, None)
        return
    role = Role.NEW_RESPONSIBLE if name == "assigned" else Role.ADMIN
    for scope in (Scope.PUBLIC, Scope.INTERNAL, None):
        for message in (_MESSAGE, _NOTE, None):
            yield _notice(name, role, _FULL, scope, message)
    yield _notice(name, role, _BARE, Scope.PUBLIC, None)
    if name in _WITHOUT_TICKET:
        yield _notice(name, role, None, None, None)


def _notice(
    name: str, role: Role, ticket: Ticket | None, scope: Scope | None, message: Message | None
) -> Notice:
    full = ticket is not _BARE
    inside = not role.outside
    return Notice(
        template=name,
        recipient=_CARLA if role.outside else _ANA,
        role=role,
        happenings=tuple(Happening) if full else (Happening.CREATED,),
        scope=scope,
        language="en",
        now=_NOW,
        rulebook=RULEBOOK if full else replace(RULEBOOK, channels={}, agents={}, teams={}),
        reply_address="support+token@acme.test",
        ticket=ticket,
        message=message,
        history=(_MESSAGE, _NOTE) if inside and full else (_MESSAGE,),
        changes=_CHANGES if full else (),
        earlier=(replace(_BARE, id=3, subject="Paper jam", state=State.CLOSED),) if inside and full else (),
        actor="Ana Ruiz" if full else "",
        lines=("#state pending: done", "#frobnicate: there is no such command") if full else (),
        digest=(
            DigestLine(_NOW, 12, "Printer on fire", (Happening.CREATED, Happening.REPLIED)),
            DigestLine(_NOW, None, "Something else", ()),
        )
        if full
        else (),
        omitted=("video.mp4",) if inside and full else (),
        opened_for_you=full,
        board=_BOARD if full else _EMPTY,
        named=(replace(_BARE, id=13, subject="Paper jam"),) if full else (),
        runbooks=_BOARD.runbooks if inside and full else (),
        survey=_SURVEY if full and ticket else None,
        supplied=(("product", "flow"), ("ask 1", "")) if full else (),
        solution=_MESSAGE if full else None,
    )
