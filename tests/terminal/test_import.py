"""`maild import`: both sides of old conversations become tickets, once, and nothing else happens."""

from __future__ import annotations

import json
import mailbox
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from maild import importing
from maild.bringing import _Run
from maild.desk.facts import Archive
from maild.desk.words import State
from maild.importing import Filed, Importing
from maild.parsing import InProcess
from store import Store
from store.rows import Filter
from tests.flow import stage as s
from tests.way.desk import maild

CARLA, ANA, DESK = "Carla <carla@globex.test>", "Ana Ruiz <ana@acme.test>", "Acme <support@acme.test>"
RULES = (
    s.RULES
    + """\
rules:
  - name: printers
    when: {subject: printer}
    then: {tags: [old], priority: 1, assignee: ana@acme.test, note: Look at it., watch: chen@acme.test}
  - name: idle
    on: time
    when: {idle: 1h}
    then: {priority: 2, reply: reminder}
"""
)
MARCH = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


def letter(
    number: int, sender: str, to: str, text: str, days: float = 0, answers: int | None = None, more: str = ""
) -> bytes:
    """A mail of an archive, `days` after March 2025."""
    date = (MARCH + timedelta(days=days)).strftime("%a, %d %b %Y %H:%M:%S +0000")
    chain = " ".join(f"<{one}@old.test>" for one in range(1, (answers or 0) + 1))
    reply = f"In-Reply-To: <{answers}@old.test>\r\nReferences: {chain}\r\n" if answers else ""
    head = f"From: {sender}\r\nTo: {to}\r\nSubject: {'Re: ' if answers else ''}Printer\r\nMessage-ID: <{number}@old.test>\r\nDate: {date}\r\n"
    return f"{head}{reply}{more}\r\n{text}\r\n".encode()


CONVERSATION = {
    "1": letter(1, CARLA, "support@acme.test", "It burns."),
    "2": letter(2, DESK, "carla@globex.test", "Pour water on it.", 1, 1),
    "3": letter(3, CARLA, "support@acme.test", "It is wet now.", 2, 2),
    "4": letter(4, ANA, "support@acme.test", "What a case.", 3, 3),
    "5": letter(5, "Boss <boss@globex.test>", "support@acme.test", "I pay for this.", 4, 3),
}


@pytest.fixture(name="desk")
def _desk(tmp_path: Path, store: Store) -> s.Stage:
    (tmp_path / "desk").mkdir()
    return s.stage(tmp_path / "desk", store, rules=RULES)


def write(folder: Path, mails: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, raw in mails.items():
        (folder / f"{name}.eml").write_bytes(raw)
    return folder


def bring(desk: s.Stage, *paths: Path, over: datetime | None = None, notify: bool = False) -> list[Filed]:
    """Import these paths, as the command does."""
    run = _Run(lambda _: None, 1 << 20)
    archive = Archive(over or desk.now[0] - timedelta(days=14), notify)
    work = Importing(desk.flow.site, desk.store, lambda: desk.now[0], InProcess(), archive, "import")
    found = []
    for one in work.bring(run.mails(run.plan(paths, desk.now[0]))):
        run.filed(one)
        found.append(one)
    return found


def messages(desk: s.Stage, number: int = 1) -> list[tuple[str, str, bool, str]]:
    with desk.store.read() as work:
        return [
            (one.from_address, one.direction, one.public, one.text.strip()) for one in work.messages(number)
        ]


def silent(desk: s.Stage, days: int = 40) -> None:
    """Nothing waits to be sent now, nor when time passes."""
    for _ in range(4):
        desk.flow.look_again()
        desk.flow.tick()
        desk.pass_time(timedelta(days=days / 4))
        with desk.store.read() as work:
            rows = work.outbox(("queued", "sending", "sent", "failed"))
            assert {row.kind for row in rows} <= {"morning", "weekly"}  # which come whatever happens
            assert work.posts() == []


def test_a_conversation_with_both_sides(desk: s.Stage, tmp_path: Path) -> None:
    found = bring(desk, write(tmp_path / "old", CONVERSATION))
    assert [(one.what, one.ticket, one.out) for one in found] == [
        ("ticket", 1, False),
        ("message", 1, True),
        ("message", 1, False),
        ("message", 1, False),
        ("message", 1, False),
    ]
    assert messages(desk) == [
        ("carla@globex.test", "in", True, "It burns."),
        ("support@acme.test", "out", True, "Pour water on it."),
        ("carla@globex.test", "in", True, "It is wet now."),
        ("ana@acme.test", "in", False, "What a case."),
        ("boss@globex.test", "in", True, "I pay for this."),
    ]
    with desk.store.read() as work:
        [ticket] = work.tickets(Filter())
        people = {one.person.address for one in work.registered(0, 100)}
    assert (ticket.state, ticket.closed_at, ticket.received_at) == (
        State.CLOSED,
        MARCH + timedelta(days=4),
        MARCH,
    )
    assert (ticket.tags, ticket.priority, ticket.assignee, ticket.watchers, ticket.participants) == (("old",), 1, None, (), ())  # fmt: skip
    assert (ticket.first_response_at, ticket.dormant) == (MARCH + timedelta(days=1), True)
    assert (ticket.first_response_due, ticket.resolution_due, ticket.clock_at, ticket.look_at) == (None,) * 4
    assert "support@acme.test" not in people
    silent(desk)


def test_in_any_order_and_again_it_is_the_same_ticket(desk: s.Stage, tmp_path: Path) -> None:
    """Sent mail first, then what was received; then all of it once more, with other octets too."""
    for name in ("2", "4", "5", "1", "3"):
        bring(desk, write(tmp_path / name, {name: CONVERSATION[name]}))
    with desk.store.read() as work:
        [ticket] = work.tickets(Filter())
    assert [text for *_, text in messages(desk)] == [
        "It burns.", "Pour water on it.", "It is wet now.", "What a case.", "I pay for this.",
    ]  # fmt: skip
    assert (ticket.received_at, ticket.state, ticket.closed_at) == (
        MARCH,
        State.CLOSED,
        MARCH + timedelta(days=4),
    )
    assert ticket.requester.key == "carla@globex.test"
    again = bring(desk, write(tmp_path / "again", CONVERSATION))
    touched = {name: b"X-Status: RO\r\n" + raw for name, raw in CONVERSATION.items()}
    again += bring(desk, write(tmp_path / "touched", touched))
    assert {one.what for one in again} == {"known"}
    assert len(messages(desk)) == 5
    silent(desk)


def test_cut_off_half_way_and_begun_again(
    desk: s.Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {
        f"{n:03}": letter(n, f"c{n}@globex.test", "support@acme.test", f"Mail {n}.", n / 10)
        for n in range(1, 31)
    }
    folder = write(tmp_path / "many", many)
    monkeypatch.setattr(importing, "MAILS", 4)
    monkeypatch.setattr(importing, "HELD", 0.0)
    run = _Run(lambda _: None, 1 << 20)
    work = Importing(
        desk.flow.site, desk.store, lambda: desk.now[0], InProcess(), Archive(desk.now[0]), "import"
    )
    going = work.bring(run.mails(run.plan([folder], desk.now[0])))
    for _ in range(10):
        next(going)
    going.close()  # as by Ctrl-C
    found = bring(desk, folder)
    assert (len(found), [one.what for one in found[:10]]) == (30, ["known"] * 10)
    with desk.store.read() as read:
        assert [one.subject for one in read.tickets(Filter())] == ["Printer"] * 30


@pytest.mark.parametrize(
    ("over", "state"), [(MARCH - timedelta(days=1), State.OPEN), (MARCH + timedelta(days=3), State.OPEN), (MARCH + timedelta(days=9), State.CLOSED)]
)  # fmt: skip
def test_what_is_over_is_closed(desk: s.Stage, tmp_path: Path, over: datetime, state: State) -> None:
    bring(desk, write(tmp_path / "old", CONVERSATION), over=over)
    with desk.store.read() as work:
        [ticket] = work.tickets(Filter())
    assert ticket.state is state
    silent(desk)


def test_a_live_answer_wakes_the_ticket(desk: s.Stage, tmp_path: Path) -> None:
    bring(desk, write(tmp_path / "old", CONVERSATION), over=MARCH)
    raw = letter(9, CARLA, "support@acme.test", "Still wet.", 360, 2)
    desk.take(raw)
    desk.work()
    with desk.store.read() as work:
        [ticket] = work.tickets(Filter())
    assert (ticket.dormant, ticket.state, messages(desk)[-1][3]) == (False, State.OPEN, "Still wet.")
    assert ticket.resolution_due is not None
    assert ticket.look_at is not None
    assert desk.sent()


def test_the_same_mail_by_another_way_wakes_nothing(desk: s.Stage, tmp_path: Path) -> None:
    bring(desk, write(tmp_path / "old", CONVERSATION), over=MARCH)
    desk.flow.look_again()
    for raw in CONVERSATION.values():
        desk.take(raw, route="imap:office")
    desk.work()
    assert len(messages(desk)) == 5
    silent(desk)


def test_a_ticket_at_work_stays_as_it_is(desk: s.Stage, tmp_path: Path) -> None:
    """Old mail of its conversation is added, and neither its state nor its clocks change."""
    desk.take(letter(3, CARLA, "support@acme.test", "It is wet now.", 365, 2))
    desk.work()
    desk.sent()
    with desk.store.read() as work:
        [before] = work.tickets(Filter())
    bring(desk, write(tmp_path / "old", {name: CONVERSATION[name] for name in "12"}))
    with desk.store.read() as work:
        [after] = work.tickets(Filter())
    assert [text for *_, text in messages(desk)][:2] == ["It burns.", "Pour water on it."]
    same = ("state", "clock_at", "look_at", "resolution_due", "first_response_at", "active_at", "dormant")
    assert {name: getattr(after, name) for name in same} == {name: getattr(before, name) for name in same}
    assert desk.sent() == []


@pytest.mark.parametrize("notify", [False, True])
def test_agents_hear_of_what_is_not_over_where_it_is_asked_for(
    desk: s.Stage, tmp_path: Path, notify: bool
) -> None:
    recent = letter(20, CARLA, "support@acme.test", "Help!", 365)
    bring(desk, write(tmp_path / "old", {**CONVERSATION, "20": recent}), notify=notify)
    told = {str(mail["To"]) for _, mail in desk.sent()}
    assert bool(told) == notify
    assert not any("globex" in to for to in told)


NOBODY = "undisclosed-recipients:;"


@pytest.mark.parametrize(
    ("raw", "what", "state"),
    [
        (letter(1, CARLA, "support@acme.test", "Away.", more="Auto-Submitted: auto-replied\r\n"), "unmatched", None),
        (letter(1, DESK, "carla@globex.test", "We got it.", more="Auto-Submitted: auto-replied\r\n"), "unmatched", None),
        (letter(1, DESK, "ana@acme.test", "New ticket."), "unmatched", None),
        (letter(1, ANA, "support@acme.test", "My chair broke."), "ticket", "in"),
        (letter(1, ANA, "Dan <dan@globex.test>", "Shall I call?"), "ticket", "out"),
        (letter(1, "", NOBODY, "Who am I?"), "ticket", "in"),
        (b"\x00\xff not a mail at all", "ticket", "in"),
    ],
)  # fmt: skip
def test_other_mail(desk: s.Stage, tmp_path: Path, raw: bytes, what: str, state: str | None) -> None:
    box = tmp_path / "box"
    (box / "cur").mkdir(parents=True)
    (box / "new").mkdir()
    (box / "new" / "1740830400.M1.host").write_bytes(raw)
    [found] = bring(desk, box)
    assert found.what == what
    with desk.store.read() as work:
        tickets = work.tickets(Filter())
    assert [one.state for one in tickets] == ([State.CLOSED] if what == "ticket" else [])
    if tickets:
        [(_, direction, public, _)] = messages(desk)
        assert (direction, public) == (state, True)
    if state == "out":
        assert tickets[0].requester.address == "dan@globex.test"
    silent(desk)


def test_a_mail_that_breaks_us_is_in_quarantine_once(
    desk: s.Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Importing._process

    def breaks(self: Importing, work: Any, one: Any, *rest: Any) -> Filed:
        if b"water" in one.raw:
            process(self, work, one, *rest)
            raise RuntimeError("boom")
        return process(self, work, one, *rest)

    monkeypatch.setattr(Importing, "_process", breaks)
    folder = write(tmp_path / "old", CONVERSATION)
    assert [one.what for one in bring(desk, folder)] == ["ticket", "broken", "message", "message", "message"]
    monkeypatch.undo()
    with desk.store.read() as work:
        [aside] = work.quarantined()
    assert "boom" in (aside.error or "")
    assert {one.what for one in bring(desk, folder)} == {"known"}
    with desk.store.work() as work:
        assert work.retry_quarantined(aside.id, desk.now[0])
    desk.work()
    assert messages(desk)[1][1:] == ("out", True, "Pour water on it.")
    silent(desk)


def test_the_command(tmp_path: Path) -> None:
    assert maild("init", "desk", cwd=tmp_path).returncode == 0
    desk = tmp_path / "desk"
    box = mailbox.mbox(tmp_path / "in.mbox")
    for number in range(5):
        box.add(
            letter(
                number + 1,
                f"c{number}@globex.test",
                "support@example.test",
                "From here on it fails.",
                -number,
            )
        )
    box.close()
    other = tmp_path / "more"
    other.mkdir()
    (other / "empty.eml").write_bytes(b"")
    (other / "notes.txt").write_text("Buy milk\n")
    (other / "undated.eml").write_bytes(
        b"From: x@globex.test\r\nSubject: When?\r\nDate: yesterday\r\n\r\nNow.\r\n"
    )
    before = (tmp_path / "in.mbox").read_bytes()
    done = maild("import", "--json", "../in.mbox", "../more", cwd=desk)
    assert done.returncode == 65, done.stderr
    found = json.loads(done.stdout)
    assert (found["found"], found["imported"], found["tickets"], found["known"]) == (6, 6, 6, 0)
    assert [one["file"] for one in found["broken"]] == ["../more/empty.eml"]
    assert found["skipped"] == ["../more/notes.txt"]
    assert [one["by"] for one in found["undated"]] == ["the file's time"]
    assert b"undated.eml: has no Date" in done.stderr
    listed = json.loads(maild("tickets", "--json", cwd=desk).stdout)
    assert [one["requester"]["address"] for one in listed][:5] == [
        f"c{n}@globex.test" for n in (4, 3, 2, 1, 0)
    ]
    assert json.loads(maild("queue", "list", "--json", cwd=desk).stdout) == []
    again = maild("import", "../in.mbox", cwd=desk)
    assert (again.returncode, again.stdout.split()[0]) == (0, b"0"), again.stderr
    assert (tmp_path / "in.mbox").read_bytes() == before
    assert maild("import", "nowhere", cwd=desk).returncode == 2
    assert maild("import", cwd=desk).returncode == 2


@pytest.mark.parametrize("notify", [True, False])
def test_admins_are_warned_once_and_an_import_that_tells_nobody_warns_nobody(
    tmp_path: Path, store: Store, notify: bool
) -> None:
    links = [
        f"  - {{name: r{at}, on: change, when: {{tags: t{at}}}, then: {{tags: t{at + 1}}}}}\n"
        for at in range(30)
    ]
    endless = "".join([s.RULES, "rules:\n  - {name: start, then: {tags: t0}}\n", *reversed(links)])
    (tmp_path / "desk").mkdir()
    desk = s.stage(tmp_path / "desk", store, rules=endless)

    def alerts() -> int:
        with store.read() as work:
            return [row.kind for row in work.outbox(("queued", "sending", "sent"))].count("alert")

    old = {name: letter(int(name), f"o{name}@else.test", "support@acme.test", "Hello") for name in "123"}
    bring(desk, write(tmp_path / "old", old), notify=notify)
    assert alerts() == notify
    desk.take(s.mail("carla@globex.test", "Now", "Hello there", 9))
    desk.work()
    assert alerts() == 1
