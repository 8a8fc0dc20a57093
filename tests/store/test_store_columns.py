"""What mail may contain, stored and read back."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maild.desk.facts import Address, Attachment
from store import Store, Work
from store.columns import KEY_OCTETS, bounded, clean, clean_json
from tests.store.samples import NOW, keep, message, open_ticket

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=200)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=10,
)
ON_A_STORE = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("plain", "plain"),
        ("Grüße, 東京 🖨", "Grüße, 東京 🖨"),
        ("a\x00b", "a\ufffdb"),
        ("half \ud83d", "half \ufffd"),
        ("\udce4\x00ü", "\ufffd\ufffdü"),
        ("control \x01\x1b\x7f stays", "control \x01\x1b\x7f stays"),
    ],
)
def test_only_what_cannot_be_stored_is_replaced(text: str, kept: str) -> None:
    assert clean(text) == kept


def test_json_is_clean_to_its_leaves() -> None:
    dirty = {"a\x00": ["\ud800", {"b": ("x\x00", 1, None, True, 1.5)}], "n": math.nan, "i": -math.inf}
    assert clean_json(dirty) == {
        "a\ufffd": ["\ufffd", {"b": ["x\ufffd", 1, None, True, 1.5]}],
        "n": None,
        "i": None,
    }


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=1500))
def test_keys_stay_short_and_different(text: str) -> None:
    key = bounded(text)
    assert len(key.encode()) <= KEY_OCTETS
    assert bounded(key) == key
    assert bounded(text + "x") != key
    if len(text.encode()) <= KEY_OCTETS:
        assert key == clean(text)


@ON_A_STORE
@given(text=ANY_TEXT)
def test_any_text_comes_back_clean(store: Store, text: str) -> None:
    with store.work() as work:
        number = work.add_message(
            message(None, subject=text, text=text, reply=text, from_name=text, to=(text,), message_id=text)
        )
        found = work.message(number)
    assert found is not None
    assert {found.subject, found.text, found.reply, found.from_name, found.message_id, *found.to} == {
        clean(text)
    }


@ON_A_STORE
@given(value=JSON)
def test_any_json_comes_back_clean(store: Store, value: object) -> None:
    with store.work() as work:
        number = work.record(None, "desk", "tried", {"value": value}, (), NOW)
        [line] = [line for line in work.desk_events(1) if line.id == number]
    assert line.detail == {"value": clean_json(value)}


def test_hostile_names_in_every_text_column(store: Store) -> None:
    """NUL, half characters and endless keys break no statement on either database."""
    bad = "x\x00\ud800" + "é" * 3000
    with store.work() as work:
        person = work.person(Address(bad, f"{bad}@customer.test"), organisation=bad, language=bad, zone=bad)
        assert work.person(Address("", f"{bad}@customer.test")).id == person.id
        one = open_ticket(work, person, subject=bad, language=bad, team=bad)
        assert work.ticket(one.id) == one
        work.watch(one.id, bad, True)
        work.note_ids(one.id, person.id, [f"<{bad}@x>", f"<{bad}@y>"], written=True, now=NOW)
        assert len(work.chains(one.id, [person.id])[person.id].ids) == 2
        [intake] = keep(work, b"x", sender=bad, recipients=(bad,), peer=bad)
        attachment = Attachment(bad, bad, 1, False, work.put_content(b"y"), bad)
        number = work.add_message(message(one.id, attachments=(attachment,), defects=(bad,), intake=intake))
        work.record(None, bad, "warned", {"subject": bad, bad: bad}, (), NOW)
        found = work.message(number)
    assert found is not None
    assert found.attachments[0].name == clean(bad)


def test_times_come_back_in_utc(store: Store) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    with store.work() as work:
        one = open_ticket(work, received_at=datetime(2026, 3, 1, 2, 30, 0, 123456, tzinfo=east))
        found = work.ticket(one.id)
    assert found is not None
    assert found.received_at == datetime(2026, 2, 28, 21, 0, 0, 123456, tzinfo=UTC)
    assert found.received_at.tzinfo is UTC


def test_a_time_without_zone_is_refused(store: Store) -> None:
    def naive(work: Work) -> None:
        open_ticket(work, created_at=datetime(2026, 3, 1, 2, 30))

    with pytest.raises(sa.exc.StatementError, match="without zone"), store.work() as work:
        naive(work)
