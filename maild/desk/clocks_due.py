"""What is done when a promise's time has come: a warning, a breach, a status update to the requester. Each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from maild.desk.clocks import ESTIMATE, Clock, clocks, estimate
from maild.desk.course import Course
from maild.desk.days import spoken
from maild.desk.effects import Change, ChangeTicket, Digest, Tell
from maild.desk.escalating import climb
from maild.desk.facts import Address
from maild.desk.ladder import due_at
from maild.desk.sla import updates
from maild.desk.words import Happening, Role

PROMISES: Final = "promises"
"""The name of the clock that wakes a ticket's promises."""

_NAMES: Final = {
    "first_response": "The first answer",
    "update": "An update for the requester",
    "resolution": "The solution",
    "silence": "A word to the requester",
}


def promises_due(course: Course, *, crowd: bool) -> None:
    """Do what is to be done about the promises of the course's ticket. `crowd`: many tickets are due, so agents get digests."""
    ticket, now = course.ticket, course.given.now
    assert ticket is not None
    moments = course.snapshot.moments.get(ticket.id, ())
    found = clocks(course.rulebook, moments, now, updates=updates(course.rulebook, ticket))
    broken = [clock for clock in found if clock.breach_at is not None and clock.breach_at <= now]
    warned = [clock for clock in found if clock.warn_at is not None and clock.warn_at <= now]
    noticed = [clock for clock in found if clock.notice_at is not None and clock.notice_at <= now]
    hoped = estimate(course.rulebook, moments, now)
    hope = hoped.due if hoped is not None and hoped.warn_at is not None and hoped.warn_at <= now else None
    after = due_at(course.rulebook, ticket.step, moments)
    silent = (
        after is not None
        and after <= now
        and all(after < clock.breach_at for clock in broken if clock.breach_at)
    )
    if not (broken or warned or noticed or hope or silent):
        course.why("clock", "nothing to do", f"no promise of ticket {ticket.id} is due")
    _breach(course, broken)
    missed = tuple(map(_sentence, broken))
    climb(course, [clock.target for clock in broken], missed, silent=silent)
    _warn(course, {clock.target: clock.due for clock in warned} | ({ESTIMATE: hope} if hope else {}))
    lines = [*missed, *map(_sentence, warned)]
    if hope:
        lines.append(f"The requester was told that it would be done in {spoken(hope - now)}: it is not yet.")
    course.tell(internal=True, lines=tuple(lines))
    if crowd:
        _in_digests(course)
    if noticed:
        _update(course)
    course.add(ChangeTicket(ticket.id, (Change("clock_at", ticket.clock_at, None),)))


def _breach(course: Course, broken: Sequence[Clock]) -> None:
    ticket = course.ticket
    assert ticket is not None
    for clock in broken:
        due = clock.breach_at
        assert due is not None
        course.why("clock", f"{clock.target} is broken", f"due {due.isoformat()}")
        course.record("breached", target=clock.target, due=due.isoformat())
    names = tuple(dict.fromkeys((*ticket.breached, *(clock.target for clock in broken))))
    course.change((Change("breached", ticket.breached, names),))
    course.happenings.clear()
    if broken:
        course.happened(Happening.BREACHED)


def _warn(course: Course, warned: Mapping[str, datetime | None]) -> None:
    for target, due in warned.items():
        assert due is not None
        course.why("clock", f"{target} will be due", due.isoformat())
        course.record("warned", target=target, due=due.isoformat())
    if warned:
        course.happened(Happening.WARNED)


def _update(course: Course) -> None:
    """The requester hears that somebody is still at it. That is no answer: the promise stays broken."""
    ticket = course.ticket
    assert ticket is not None
    course.record("updated")
    to = Address(ticket.requester.name, ticket.requester.address)
    course.send_outside(to, Role.REQUESTER, "notice", (Happening.UPDATED,), form="update")


def _in_digests(course: Course) -> None:
    """What agents would be told each by itself becomes a line in a digest that goes at once."""
    now = course.given.now
    for at, effect in enumerate(course.effects):
        if isinstance(effect, Tell) and course.rulebook.agent(effect.to.address) and not effect.role.outside:
            course.effects[at] = Digest(
                effect.ticket, effect.to, effect.role, effect.happenings, now, "storm"
            )


def _sentence(clock: Clock) -> str:
    what, due = _NAMES[clock.target], clock.breach_at
    assert due is not None
    left = clock.left or timedelta(0)
    if clock.warn_at is not None:
        return f"{what} is due in {spoken(left)}: nobody has given it yet."
    return f"{what} was due and did not come. Promised within {spoken(clock.span)}."
