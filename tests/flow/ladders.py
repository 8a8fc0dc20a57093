"""A desk with an escalation ladder, what its history says of steps, and who is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from maild.desk.people import Ticket
from maild.flow import Flow
from store import Store
from tests.flow import stage as s

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
CARLA, ANA, BEN, CHEN, DAN = (
    "carla@home.test",
    "ana@acme.test",
    "ben@acme.test",
    "chen@acme.test",
    "dan@acme.test",
)
DESK = """\
teams:
  support: {name: First line, level: 1, manager: dan@acme.test}
  engineering: {name: Second line, level: 2}
agents:
  - {name: Ana Ruiz, address: ana@acme.test, team: support, languages: [en, es]}
  - {name: Ben Okoro, address: ben@acme.test, team: support}
  - {name: Chen Li, address: chen@acme.test, team: engineering, role: admin}
  - {name: Dan Wu, address: dan@acme.test, team: engineering}
calendars:
  office: {timezone: Europe/Amsterdam, mon-fri: "09:00-17:00", holidays: NL}
sla:
  standard:
    calendar: office
    first_response: {default: 1h, priority 1: 10m}
    update: 4h
    resolution: {default: 24h, priority 1: 8h}
    pause: [pending]
    warn: 75%
rules:
  - {name: All to Ana, then: {team: support, assignee: ana@acme.test}}
"""
LADDER = """\
escalations:
  - {notify: assignee}
  - {notify: team, priority: raise}
  - {team: engineering, level: 2, notify: chen@acme.test}
"""


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


def at(desk: s.Stage, when: str) -> None:
    """It is this time now; the daemon has been started anew, and has had its tick."""
    desk.now[0] = local(when)
    desk.flow = Flow(desk.flow.site, desk.store, lambda: desk.now[0])
    desk.flow.look_again()
    while desk.flow.tick():
        pass


def opened(
    store: Store, folder: Path, ladder: str = LADDER, when: str = "2026-01-13 10:00", desk: str = DESK
) -> s.Stage:
    stage = s.stage(folder, store, rules=desk + ladder)
    at(stage, when)
    stage.take(s.mail(CARLA, "Fire", "The printer is on fire."), sender=CARLA)
    stage.work()
    stage.sent()
    return stage


def ticket(desk: s.Stage, number: int = 1) -> Ticket:
    with desk.store.read() as work:
        found = work.ticket(number)
    assert found is not None
    return found


def steps(desk: s.Stage, number: int = 1) -> list[tuple[object, object, str]]:
    """(step, why, who) of each escalation in the history."""
    with desk.store.read() as work:
        return [
            (one.detail.get("step"), one.detail["why"], one.actor)
            for one in work.events(number)
            if one.event == "escalated"
        ]


def told(desk: s.Stage) -> dict[str, str]:
    """What goes out now about tickets: the text by recipient, each written to once."""
    out = [(outbound.row.recipient, s.text_of(mail)) for outbound, mail in desk.sent() if outbound.row.ticket]
    assert len(dict(out)) == len(out)
    return dict(out)
