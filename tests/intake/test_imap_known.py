"""Which mailbox it is: under another name or user it is read on from where it was, and another mailbox is not taken for it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from maild.intake.imap.answers import Selected
from maild.intake.imap.recognition import How, Known, account_of, recognised
from maild.settings import Imap
from store.rows import MailboxRow
from tests.intake.imap_servers import Scripted
from tests.intake.mailboxes import Box, box, until
from tests.intake.test_imap_fetching import letter

__all__ = ["box"]
VALIDITY = 1_700_000_000
"""As most servers make it: the second at which the mailbox was made."""


class Server(Scripted):
    """`nameless`: its mails have no Message-ID."""

    nameless = False

    def put(self, uid: int, subject: str, ago: timedelta = timedelta(0)) -> None:
        """A mail that came so long ago."""
        raw = letter(subject, uid, f"It is about {subject}.")
        self.mails[uid] = re.sub(rb"Message-ID: [^\r]*\r\n", b"", raw) if self.nameless else raw
        self.dates[uid] = datetime.now(UTC) - ago
        self.next_uid = max(self.next_uid, uid + 1)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[tuple[Server, int]]:
    """A server with one old mail, and its port."""
    made = Server(uidvalidity=VALIDITY)
    made.put(50, "Old", timedelta(days=40))
    async with made.serving() as port:
        yield made, port


async def read(box: Box, port: int, **settings: Any) -> list[str]:
    """The desk is started with these settings, reads all, and stops; the subjects of all tickets then."""
    box.set_up(port, **({"user": "carla", "then": "flag"} | settings))
    (box.folder / "password").write_text("secret")
    async with box.reading():
        await box.quiet()
    return box.subjects()


async def read_two(
    box: Box, one: tuple[str, int], two: tuple[str, int], user: str, **settings: Any
) -> list[str]:
    """The same with two mailboxes, by name and port; that of `two` is this user's."""
    values = {"name": two[0], "host": "127.0.0.1", "port": two[1], "tls": "none", "user": user, "password_file": "password"} | settings  # fmt: skip
    more = "\n".join(("[[imap]]", *(f"{key} = {value!r}" for key, value in values.items())))
    box.set_up(one[1], more, **({"name": one[0], "user": "carla", "then": "flag"} | settings))
    (box.folder / "password").write_text("secret")
    async with box.reading():
        await until(
            lambda: all(it.state == "idle" and not it.waiting for it in box.fetching.mailboxes()),
            "both are read",
        )
    return box.subjects()


@pytest.mark.parametrize(
    ("start", "changed"),
    [("now", {"name": "help", "mailbox": "inbox"}), ("now", {"user": "carla@acme.test"}), ("all", {"user": "carla@acme.test"})],
    ids=["name", "user", "user of all"],
)  # fmt: skip
async def test_under_another_name_it_is_read_on(
    box: Box, server: tuple[Server, int], start: str, changed: dict[str, Any]
) -> None:
    made, port = server
    expected = ["Old"] if start == "all" else []
    assert await read(box, port, start=start) == expected
    made.put(101, "First")
    assert await read(box, port, start=start) == sorted([*expected, "First"])
    made.put(102, "Meanwhile")
    made.put(103, "Moved in", timedelta(days=60))  # by somebody, from another folder: it keeps its date there
    everything = sorted([*expected, "First", "Meanwhile", "Moved in"])
    assert await read(box, port, start=start, **changed) == everything
    acknowledged = [out.row.recipient for out, _ in box.stage.sent() if out.row.kind == "acknowledgement"]
    assert len(acknowledged) == len(everything), "each once"
    heard = len(made.heard)
    made.put(104, "After")
    assert await read(box, port, start=start, **changed) == sorted([*everything, "After"])
    assert not any("BODY.PEEK" in line and "FETCH 104" not in line for line in made.heard[heard:])
    assert await read(box, port, start=start) == sorted([*everything, "After"]), "and back again"


@pytest.mark.parametrize("validity", [VALIDITY, 1])
async def test_another_mailbox_in_its_place_is_read_from_when_it_was_read(
    box: Box, server: tuple[Server, int], validity: int
) -> None:
    """`validity`: some servers give 1 to every mailbox, so that it says nothing."""
    made, port = server
    made.uidvalidity = 1
    assert await read(box, port) == []
    other = Server(uidvalidity=validity)
    other.put(7, "Long ago", timedelta(days=400))
    other.put(60, "Meanwhile")
    other.put(120, "Old there", timedelta(days=30))
    other.put(121, "Meanwhile too")
    async with other.serving() as elsewhere:
        assert await read(box, elsewhere, user="mia@acme.test") == ["Meanwhile", "Meanwhile too"]
        made.put(101, "To the first again")
        assert await read(box, port) == ["Meanwhile", "Meanwhile too", "To the first again"]
        other.put(122, "And here")
        assert "And here" in await read(box, elsewhere, user="mia@acme.test")


async def test_mails_without_message_id_under_other_uids(box: Box, server: tuple[Server, int]) -> None:
    """As after a restored backup: they are known by sender, words and when they came; the same words on another day are another mail."""
    made, port = server
    made.nameless, day = True, timedelta(days=1)
    box.ahead = -9 * day
    assert await read(box, port) == []
    for uid, (subject, ago) in enumerate((("Weekly", 8 * day), ("Weekly", day), ("Other", 2 * day)), 101):
        made.put(uid, subject, ago)
    box.ahead = timedelta(0)
    assert await read(box, port) == ["Other", "Weekly", "Weekly"]
    made.put(104, "Meanwhile", day)
    for place in (made.mails, made.dates):
        moved = {uid: place[old] for uid, old in enumerate((104, 102, 50, 103, 101), 1)}  # type: ignore[attr-defined]
        place.clear()
        place |= moved  # type: ignore[operator]
    made.uidvalidity, made.next_uid = VALIDITY + 9, 6
    assert await read(box, port) == ["Meanwhile", "Other", "Weekly", "Weekly"]
    assert [len(box.routes(number)) for number in (1, 2, 3, 4)] == [2, 2, 2, 1]
    assert await read(box, port) == ["Meanwhile", "Other", "Weekly", "Weekly"]
    assert len(box.routes()) == 2


@pytest.mark.parametrize("user", ["mia", "carla"])
async def test_two_that_swap_their_names(box: Box, server: tuple[Server, int], user: str) -> None:
    made, port = server
    other = Server(uidvalidity=VALIDITY + 5)
    other.put(9, "Old there", timedelta(days=40))
    async with other.serving() as second:
        assert await read_two(box, ("one", port), ("two", second), user) == []
        made.put(101, "To the first")
        other.put(101, "To the second")
        swapped = ("two", port), ("one", second), user
        assert await read_two(box, *swapped) == ["To the first", "To the second"]
        made.put(102, "Again")
        assert await read_two(box, *swapped) == ["Again", "To the first", "To the second"]


@pytest.mark.parametrize("start", ["now", "all"])
@pytest.mark.parametrize("validity", [1, VALIDITY + 5])
async def test_two_ports_of_one_host_are_two_mailboxes(box: Box, validity: int, start: str) -> None:
    """As two servers behind one address, with an account of the same name in each; some servers give 1 to every mailbox."""
    first, second = Server(uidvalidity=1), Server(uidvalidity=validity)
    first.put(100, "Old in one", timedelta(days=40))
    second.put(100, "Old in two", timedelta(days=40))
    expected = ["Old in one", "Old in two"] if start == "all" else []
    async with first.serving() as here, second.serving() as there:
        both = ("one", here), ("two", there), "carla"
        assert await read(box, here, name="one", start=start) == expected[:1]
        first.put(101, "New in one")
        assert await read_two(box, *both, start=start, then="flag") == sorted([*expected, "New in one"])
        second.put(101, "New in two")
        everything = sorted([*expected, "New in one", "New in two"])
        assert await read_two(box, *both, start=start, then="flag") == everything
        heard = [*first.heard, *second.heard]
        assert sum("BODY.PEEK" in line for line in heard) <= len(everything), "nothing is read again"
        with box.store.read() as work:
            rows = [(row.name, row.server, row.uidvalidity) for row in work.mailboxes()]
    assert rows == [("one", f"127.0.0.1:{here}", 1), ("two", f"127.0.0.1:{there}", validity)]


async def test_at_another_port_it_is_read_on(box: Box, server: tuple[Server, int]) -> None:
    made, port = server
    assert await read(box, port) == []
    made.put(101, "Meanwhile")
    async with made.serving() as other:
        assert await read(box, other) == ["Meanwhile"]
    with box.store.read() as work:
        assert [row.server for row in work.mailboxes()] == [f"127.0.0.1:{other}"], (
            "it is known by that one now"
        )


async def test_of_another_mailbox_made_in_the_same_second_all_is_read(
    box: Box, server: tuple[Server, int]
) -> None:
    _, port = server
    assert await read(box, port, start="all") == ["Old"]
    other = Server(uidvalidity=VALIDITY)
    other.put(50, "Old there", timedelta(days=30))
    other.put(51, "New there")
    async with other.serving() as elsewhere:
        found = await read(box, elsewhere, start="all", user="mia", host="localhost")
    assert found == ["New there", "Old", "Old there"]


async def test_it_is_not_taken_from_a_node_that_reads_it(box: Box, server: tuple[Server, int]) -> None:
    """As while nodes are restarted one after the other with new settings."""
    made, port = server
    box.set_up(port, user="carla", then="flag", often=True)
    other = Box(box.folder, box.store).set_up(port, user="carla", then="flag", often=True, name="help")
    other.new_node("two")
    (box.folder / "password").write_text("secret")
    async with box.reading():
        await box.quiet()
        async with other.reading():
            await until(lambda: other.state.error, "the other does not read it as well")
            assert "another node reads it, as 'support'" in str(other.state.error)
            box.running.stop()
            made.put(101, "New")
            await until(lambda: box.subjects() == ["New"], "the other takes over")
            await until(lambda: other.state.error is None, "and says so")
    with box.store.read() as work:
        assert [row.name for row in work.mailboxes()] == ["help"]


def imap(**settings: object) -> Imap:
    values = {"name": "support", "host": "imap.acme.test", "user": "carla", "credential": "x"} | settings
    return Imap.model_validate(values)


NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROW = MailboxRow(
    "support",
    "carla INBOX",
    "imap.acme.test:993",
    NOW - timedelta(days=9),
    VALIDITY,
    "1:20,22",
    "",
    0,
    NOW,
    NOW,
)
WEAK = replace(ROW, uidvalidity=3)
HERE, LATER = Selected(VALIDITY, 30, True), Selected(VALIDITY + 1, 30, True)


@pytest.mark.parametrize(
    ("settings", "selected", "row", "how"),
    [
        ({}, HERE, ROW, How.SAME),
        ({"mailbox": "inbox", "host": "IMAP.acme.test", "port": 143, "tls": "starttls"}, HERE, ROW, How.SAME),
        ({"port": 143, "tls": "starttls"}, Selected(3, 30, True), WEAK, How.AGAIN),
        ({}, Selected(0, 30, True), replace(ROW, uidvalidity=0), How.AGAIN),
        ({}, LATER, ROW, How.AGAIN),
        ({"name": "help"}, HERE, ROW, How.SAME),
        ({"name": "help"}, LATER, ROW, How.AGAIN),
        ({"name": "help"}, Selected(3, 30, True), WEAK, How.SAME),
        ({"name": "help", "host": "mail.acme.test"}, HERE, ROW, How.NEW),
        ({"name": "help", "user": "mia"}, HERE, ROW, How.NEW),
        ({"host": "mail.acme.test"}, HERE, ROW, How.LIKELY),
        ({"host": "mail.acme.test"}, Selected(3, 30, True), WEAK, How.AGAIN),
        ({"user": "carla@acme.test"}, HERE, ROW, How.LIKELY),
        ({"user": "carla@acme.test", "host": "mail.acme.test"}, HERE, ROW, How.LIKELY),
        ({"user": "carla@acme.test", "start": "all"}, HERE, ROW, How.LIKELY),
        ({"host": "mail.acme.test", "start": "all"}, HERE, ROW, How.LIKELY),
        ({"user": "carla@acme.test", "host": "mail.acme.test", "start": "all"}, HERE, ROW, How.SUCCESSOR),
        ({"user": "carla@acme.test"}, Selected(VALIDITY, 22, True), ROW, How.SUCCESSOR),
        ({"user": "carla@acme.test"}, Selected(VALIDITY, 0, True), ROW, How.SUCCESSOR),
        ({"user": "carla@acme.test"}, Selected(3, 30, True), WEAK, How.SUCCESSOR),
        ({"mailbox": "Support"}, LATER, ROW, How.SUCCESSOR),
        ({}, HERE, MailboxRow("support", "", "", NOW, 0, "", "", 0, NOW), How.NEW),
    ],
)  # fmt: skip
def test_what_is_recognised(
    settings: dict[str, object], selected: Selected, row: MailboxRow, how: How
) -> None:
    found = recognised(imap(**settings), (), selected, [row])
    assert found == Known(how, None if how is How.NEW else row)


@pytest.mark.parametrize(
    ("settings", "other", "how"),
    [
        ({"name": "help", "port": 2993}, {}, How.NEW),
        ({"name": "help", "port": 2993}, {"name": "sales", "host": "IMAP.acme.test", "mailbox": "inbox"}, How.NEW),
        ({"name": "help", "port": 2993}, {"port": 1993}, How.NEW),
        ({"name": "help", "port": 2993}, {"user": "mia"}, How.SAME),
        ({"name": "help", "port": 2993}, {"name": "sales", "port": 1993}, How.SAME),
        ({"name": "help"}, {"port": 1993}, How.SAME),
        ({"port": 2993}, {"name": "help"}, How.NEW),
        ({"user": "carla@acme.test"}, {"name": "help"}, How.NEW),
        ({"mailbox": "Support"}, {"name": "help"}, How.NEW),
    ],
)  # fmt: skip
def test_what_is_of_another(settings: dict[str, object], other: dict[str, object], how: How) -> None:
    """Whatever UIDVALIDITY is, what another `[[imap]]` reads is none of ours."""
    for selected in (HERE, LATER):
        known = Known(
            How.AGAIN if how is How.SAME and selected is LATER else how, None if how is How.NEW else ROW
        )
        assert recognised(imap(**settings), [imap(**other)], selected, [ROW]) == known


def test_the_one_that_is_surest_counts() -> None:
    other = replace(ROW, name="other", account="mia INBOX")
    parked = replace(other, name="carla INBOX at imap.acme.test:993", account="carla INBOX")
    here = replace(ROW, account="mia INBOX")
    assert recognised(imap(), (), HERE, [other, parked, here]) == Known(How.SAME, parked)
    assert recognised(imap(), (), LATER, [other, parked, here]) == Known(How.AGAIN, parked)
    assert recognised(imap(), (), HERE, [other, here]) == Known(How.LIKELY, here)
    port = replace(ROW, name="help", server="imap.acme.test:143")
    assert recognised(imap(name="help"), (), HERE, [port, ROW]) == Known(How.SAME, ROW)
    assert recognised(imap(name="help"), (), LATER, [port, ROW]) == Known(How.AGAIN, ROW)
    assert account_of(imap(mailbox="Inbox")) == "carla INBOX"
