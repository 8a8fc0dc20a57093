"""The search index: what is found, and that it is in step with the tickets whatever happens to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import store.search as search
from maild.desk.effects import Change
from maild.desk.selection import Selection
from store import Store, Work, migration
from store.engine import parse_url
from store.rows import Filter
from tests.store.samples import MINUTE, NOW, message, open_ticket


def found(work: Work, words: str) -> list[int]:
    return [ticket.id for ticket in work.tickets(Filter(search=words))]


def seen(store: Store, words: str) -> list[int]:
    with store.read() as work:
        return found(work, words)


def filled(store: Store) -> None:
    """1 and 2 with a message each, 3 without."""
    with store.work() as work:
        for subject in ("Printer", "Router", "Kettle"):
            open_ticket(work, subject=subject)
        work.add_message(message(1, subject="Re: Printer", text="Straße 5 burns: order-4711, 東京都"))
        work.add_message(message(2, subject="The toaster is on fire", text="It hums."))


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("printer", [1]),
        ("PRINTER strasse", [1]),
        ("order-4711", [1]),
        ("order-47", []),
        ("order-47*", [1]),
        ("東京", [1]),
        ("京東", []),
        ("hum", [2]),
        ("humming", []),
        ("kettle", [3]),
        ("printer router", []),
        ("fire", [2]),
        (" ", [1, 2, 3]),
        ("'", []),
    ],
)
def test_searches(store: Store, words: str, numbers: list[int]) -> None:
    filled(store)
    assert seen(store, words) == numbers
    with store.read() as work:
        listed, total = work.listed(Selection((), search=words), NOW, 50, newest=True)
        assert ([ticket.id for ticket in listed], total) == (numbers[::-1], len(numbers))


def test_what_is_written_in_a_transaction_is_found_in_it(store: Store) -> None:
    with store.work() as work:
        one = open_ticket(work, subject="Printer")
        assert found(work, "printer") == [one.id]
        work.add_message(message(one.id, text="It burns"))
        assert found(work, "burns printer") == [one.id]


def test_all_that_changes_words(store: Store) -> None:
    filled(store)

    def change(name: str, old: object, new: object) -> None:
        with store.work() as work:
            work.change_ticket(3, [Change(name, old, new)], NOW)

    change("subject", "Kettle", "Teapot")
    assert (seen(store, "kettle"), seen(store, "teapot")) == ([], [3])
    change("cause", None, "limescale")
    change("solution", None, "vinegar")
    assert seen(store, "limescale vinegar teapot") == [3]
    change("cause", "limescale", None)
    assert (seen(store, "limescale"), seen(store, "vinegar")) == ([], [3])
    change("tags", (), ("vip", "hot water"))
    with store.read() as work:
        assert [one.id for one in work.tickets(Filter(tag="hot water"))] == [3]
        assert [one.id for one in work.tickets(Filter(tag="hotwater"))] == []
    change("tags", ("vip", "hot water"), ("vip",))
    with store.read() as work:
        assert [one.id for one in work.tickets(Filter(tag="hot water"))] == []
        assert [one.id for one in work.tickets(Filter(tag="vip"))] == [3]
    assert seen(store, "vip") == []


def test_messages_that_move_or_come_late(store: Store) -> None:
    filled(store)
    with store.work() as work:
        [said] = work.messages(1)
        work.move_message(said.id, 3, NOW)
    assert (seen(store, "burns"), seen(store, "printer")) == ([3], [1, 3])
    with store.work() as work:
        late = work.add_message(message(None, text="Lost and found"))
    assert seen(store, "lost") == []
    with store.work() as work:
        work.fill_message(late, message(2, subject="Lost", text="Lost and found again"))
    assert seen(store, "lost again") == [2]


def _said_and_undone(work: Work, word: str) -> None:
    work.add_message(message(1, text=word))
    assert found(work, word) == [1]
    raise ZeroDivisionError


def test_what_is_undone_is_not_found(store: Store) -> None:
    filled(store)
    with store.work() as work:
        work.add_message(message(1, text="stays"))
        with pytest.raises(ZeroDivisionError), work.savepoint():
            _said_and_undone(work, "goes")
        work.add_message(message(1, text="too"))
        with work.savepoint():
            work.add_message(message(2, text="as well"))
    with pytest.raises(ZeroDivisionError), store.work() as work:
        _said_and_undone(work, "never")
    assert [seen(store, words) for words in ("stays too", "goes", "never", "well")] == [[1], [], [], [2]]


def test_one_statement_for_many_new_tickets(store: Store) -> None:
    def written(count: int) -> int:
        with store.work() as work:
            for _ in range(count):
                work.add_message(message(open_ticket(work).id))
            before = store.counts.statements
        return store.counts.statements - before

    assert written(1) == written(30) == 1


def test_words_that_are_there_already_cost_no_writing(store: Store) -> None:
    filled(store)
    with store.work() as work:
        work.add_message(message(2, subject="On fire", text="It hums. IT HUMS!"))
        before = store.counts.statements
    assert store.counts.statements - before == 1


def test_more_words_than_fit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.work() as work:
        one = open_ticket(work, subject="Printer")
        for part in range(12):
            work.add_message(message(one.id, text=" ".join(f"{part}x{n}{'y' * 50}" for n in range(3000))))
        work.add_message(message(one.id, text="short"))
    assert seen(store, "short printer") == [one.id]
    with store.work() as work:
        work.reindex([one.id])
    assert seen(store, "short printer") == [one.id]


def test_made_anew_and_compared(store: Store) -> None:
    filled(store)
    with store._database.work() as connection:
        connection.execute(sa.text("DELETE FROM search"))
    assert seen(store, "printer") == []
    assert store.check() == [f"ticket {number} is not in step with the search index" for number in (1, 2, 3)]
    store.rebuild_search()
    assert seen(store, "printer") == [1]
    with store._database.work() as connection:
        search._put(connection, {1: {"water"}})
    assert store.check() == ["ticket 1 is not in step with the search index"]
    with store.work() as work:
        work.reindex([1])


def test_an_older_database_is_searched_after_the_upgrade(
    new_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    with monkeypatch.context() as older:
        older.setattr(migration, "HEAD", "0012")
        migration.migrate(parse_url(url))
    engine = sa.create_engine(parse_url(url))
    at = "'2026-11-20 12:00:00'"
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO person (id, name, address) VALUES (1, 'Carla', 'carla@customer.test')",
            f"""INSERT INTO ticket (id, subject, state, requester, requester_address, received_at, created_at, updated_at, priority, level,
                tags, fields, channel, breached, minutes_spent)
                VALUES (7, 'Printer', 'new', 1, 'carla@customer.test', {at}, {at}, {at}, 3, 1, '["vip"]', '{{}}', 'email', '[]', 0)""",
            f"""INSERT INTO message (id, ticket, at, created_at, direction, public, kind, from_name, from_address, "to", cc, subject, text,
                reply, defects)
                VALUES (1, 7, {at}, {at}, 'in', true, 'person', '', '', '[]', '[]', 'Printer', 'Straße 5', '', '[]')""",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    upgraded = Store.open(url, tmp_path / "files")
    assert seen(upgraded, "printer strasse") == [7]
    with upgraded.read() as work:
        assert [one.id for one in work.tickets(Filter(tag="vip"))] == [7]
    upgraded.close()


def test_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.tickets.PAGE", 2)
    with store.work() as work:
        for number in range(5):
            open_ticket(work, subject="Kettle" if number == 2 else "Printer")

        def pages(**conditions: object) -> list[list[int]]:
            return [[one.id for one in page] for page in work.pages(Filter(**conditions))]  # type: ignore[arg-type]

        assert pages() == [[1, 2], [3, 4], [5]]
        assert pages(limit=3) == [[1, 2], [3]]
        assert pages(limit=0) == []
        assert pages(after=1, limit=2, search="printer") == [[2, 4]]
        assert pages(after=5) == []
        assert work.last_tickets(2) == [4, 5]
        work.link(1, 2, "child", NOW + MINUTE)
        work.link(2, 3, "related", NOW + MINUTE)
        assert work.links_of([1, 2, 4]) == {1: [(2, "child")], 2: [(1, "parent"), (3, "related")]}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80), st.text(max_size=40))
def test_no_text_and_no_search_is_an_error(store: Store, text: str, words: str) -> None:
    with store.work() as work:
        one = open_ticket(work, subject=text)
        work.add_message(message(one.id, text=text))
        work.change_ticket(one.id, [Change("tags", (), (text, words))], NOW)
    with store.read() as work:
        work.listed(Selection((), search=words, tag=words), NOW, 5)
        assert (
            one.id in {found.id for found in work.tickets(Filter(tag=text))}
            or "\ud800" <= max(text, default="") <= "\udfff"
        )
