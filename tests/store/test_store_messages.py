"""Messages, their attachments, deliveries and routes."""

from __future__ import annotations

import pytest

from maild.desk.facts import Attachment
from maild.desk.people import Message
from maild.desk.words import Role
from store import Store, Work
from tests.store.samples import (
    LEASE,
    MINUTE,
    NOW,
    agent,
    carla,
    envelope,
    keep,
    mail,
    message,
    open_ticket,
    put_mail,
)


def test_everything_comes_back(store: Store) -> None:
    with store.work() as work:
        person = carla(work)
        ticket = open_ticket(work, person).id
        [intake] = keep(work, b"raw")
        files = tuple(
            Attachment(
                f"{name}.png", "image/png", len(name), name == "b", work.put_content(name.encode()), name
            )
            for name in ("a", "b", "a")
        )
        new = message(
            ticket, person=person.id, message_id="<1@x>", identity="i", content_identity="c", html="<p>It burns.</p>", language="en",
            intake=intake, sha256=work.put_content(b"raw"), minutes=5, attachments=files, defects=("odd",), cc=("o@x.test",),
        )  # fmt: skip
        number = work.add_message(new)
        found = work.message(number)
        assert work.message(number + 1) is None
    assert found == Message(
        id=number, ticket=ticket, at=NOW, direction="in", public=True, kind="person", from_name="Carla Ruiz",
        from_address="carla@customer.test", to=("support@desk.test",), subject="The printer is on fire", text="It burns.\n\n> quoted",
        reply="It burns.", message_id="<1@x>", attachments=files, minutes=5, delivery=None, sha256=new.sha256, html="<p>It burns.</p>",
    )  # fmt: skip


def test_oldest_first_and_only_of_the_ticket(store: Store) -> None:
    with store.work() as work:
        ticket, other = open_ticket(work).id, open_ticket(work).id
        late = work.add_message(message(ticket, at=NOW + MINUTE))
        early = [work.add_message(message(ticket)) for _ in range(2)]
        work.add_message(message(other))
        work.add_message(message(None))
        assert [one.id for one in work.messages(ticket)] == [*early, late]


def test_a_ticket_costs_the_same_however_long(store: Store) -> None:
    with store.work() as work:
        ticket = open_ticket(work).id
        for _ in range(20):
            file = Attachment("a", "text/plain", 1, False, work.put_content(b"a"))
            work.add_message(message(ticket, direction="out", attachments=(file,)))
    before = store.counts.statements
    with store.read() as work:
        assert len(work.messages(ticket)) == 20
    assert store.counts.statements - before == 3


def deliver(work: Work, *ends: str, role: Role = Role.REQUESTER, direction: str = "out") -> str | None:
    """What `delivery` says of a message that was mailed several times with these ends."""
    person = carla(work)
    number = work.add_message(message(open_ticket(work, person).id, direction=direction))
    for count, end in enumerate(ends):
        row = put_mail(work, mail(person, number * 100 + count, message=number, role=role))
        assert row is not None
        if end in ("sending", "sent", "failed"):
            work.claim_outbox("one", NOW, LEASE, 10)
        if end == "sent":
            work.mail_sent(row, NOW, "250 ok")
        if end == "failed":
            work.mail_failed(row, NOW, "550 no")
        if end == "dropped":
            work.drop_mail(row, NOW)
    found = work.message(number)
    assert found is not None
    assert work.messages(found.ticket or 0) == [found]
    return found.delivery


@pytest.mark.parametrize(
    ("ends", "delivery"),
    [
        ((), None),
        (("queued",), "queued"),
        (("sending",), "queued"),
        (("sent",), "sent"),
        (("failed",), "failed"),
        (("dropped",), "failed"),
        (("sent", "queued"), "queued"),
        (("failed", "queued"), "failed"),
        (("sent", "failed"), "failed"),
    ],
)
def test_delivery(store: Store, ends: tuple[str, ...], delivery: str | None) -> None:
    with store.work() as work:
        assert deliver(work, *ends) == delivery


def test_only_mail_to_the_requester_is_delivery(store: Store) -> None:
    with store.work() as work:
        assert deliver(work, "sent", role=Role.PARTICIPANT) is None
        assert deliver(work, "sent", direction="in") is None


def test_routes(store: Store) -> None:
    with store.work() as work:
        first, second = keep(work, b"raw", b"raw again")
        number, other = work.add_message(message(None)), work.add_message(message(None))
        work.add_route(number, first, envelope(), NOW)
        work.add_route(number, second, envelope(route="imap:box", recipients=()), NOW + MINUTE)
        assert work.routes(number) == [
            ("smtp", ("support@desk.test", "help@desk.test"), NOW),
            ("imap:box", (), NOW + MINUTE),
        ]
        assert work.routes(other) == []


def test_direction_is_one_of_two(store: Store) -> None:
    import sqlalchemy as sa

    with pytest.raises(sa.exc.IntegrityError), store.work() as work:
        work.add_message(message(None, direction="sideways"))


def test_notes_of_an_agent(store: Store) -> None:
    with store.work() as work:
        number = work.add_message(message(None, public=False, person=agent(work).id, minutes=25))
        found = work.message(number)
    assert found is not None
    assert (found.public, found.minutes) == (False, 25)
