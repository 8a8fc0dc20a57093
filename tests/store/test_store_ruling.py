"""What the rules remember: turns, load, what fired on time, which tickets are worth another look."""

from __future__ import annotations

from datetime import timedelta

from maild.desk.effects import Change
from maild.desk.staffing import Staff
from maild.desk.words import State
from store import Store, Work
from store.rows import Filter
from tests.store.samples import NOW, open_ticket

HOUR = timedelta(hours=1)


def change(work: Work, number: int, **columns: object) -> None:
    work.change_ticket(number, [Change(name, None, value) for name, value in columns.items()], NOW)


def test_turns_and_loads(store: Store) -> None:
    with store.work() as work:
        assert work.staff(("round-robin", "least-busy"), NOW) == Staff()
        work.took_turn("support", "ana@desk.test", NOW)
        work.took_turn("", "ben@desk.test", NOW)
        work.took_turn("support", "ben@desk.test", NOW + HOUR)
        for state in (State.NEW, State.PENDING, State.CLOSED):
            one = open_ticket(work)
            change(work, one.id, assignee="ana@desk.test", state=state)
        work.set_away("chen@desk.test", NOW + HOUR, NOW)
    with store.read() as work:
        away = {"chen@desk.test": NOW + HOUR}
        assert work.staff(("round-robin",), NOW) == Staff({"support": "ben@desk.test", "": "ben@desk.test"}, {}, away)  # fmt: skip
        assert work.staff(("least-busy",), NOW + HOUR) == Staff({}, {"ana@desk.test": 2})


def test_what_fired_counts_until_somebody_is_active_again(store: Store) -> None:
    with store.work() as work:
        one, other = open_ticket(work).id, open_ticket(work).id
        work.note_fired(one, ("Nag", "Close"), NOW)
        work.note_fired(one, ("Nag",), NOW + 2 * HOUR)
        assert sorted(work.fired(one, NOW)) == ["Close", "Nag"]
        assert work.fired(one, NOW + HOUR) == ("Nag",)
        assert work.fired(one, NOW + 3 * HOUR) == ()
        assert work.fired(other, NOW) == ()


def test_looks_are_due_in_order(store: Store) -> None:
    with store.work() as work:
        late, early, never = (open_ticket(work, due={}).id for _ in range(3))
        change(work, late, look_at=NOW + HOUR)
        change(work, early, look_at=NOW)
        assert [(number, due) for number, due, _ in work.due_looks(NOW + HOUR, 10)] == [(early, NOW), (late, NOW + HOUR)]  # fmt: skip
        assert [number for number, _, _ in work.due_looks(NOW + HOUR, 1)] == [early]
        assert work.due_looks(NOW - HOUR, 10) == []
        assert work.next_due(NOW) == NOW + HOUR
        assert never not in [number for number, _, _ in work.due_looks(NOW + 99 * HOUR, 10)]


def test_other_rules_look_at_everything_again(store: Store) -> None:
    with store.work() as work:
        one, spam = open_ticket(work).id, open_ticket(work).id
        change(work, spam, state=State.SPAM)
        assert not work.look_again("", NOW)
        assert work.look_again("Close: idle=5d", NOW)
        assert not work.look_again("Close: idle=5d", NOW + HOUR)
        assert [ticket.look_at for ticket in work.tickets(Filter())] == [NOW, None]
        assert work.look_again("Close: idle=4d", NOW + HOUR)
        assert [number for number, _, _ in work.due_looks(NOW + HOUR, 9)] == [one]
        assert work.look_again("", NOW)
        assert work.due_looks(NOW + HOUR, 9) == []
