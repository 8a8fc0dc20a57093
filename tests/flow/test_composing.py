"""Mails composed in a process beside while the next one is decided: what comes of it is the same as if each had been done for itself."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from maild import processing, site
from maild.composing import Beside, Lost, compose
from maild.errors import NotNow
from maild.parsing import InProcess
from maild.processing import AT_ONCE, FEW
from maild.telling import Telling
from maild.unsent import TOGETHER
from store import FilesAway, Store, Work, outbox
from store.rows import Filter
from tests.flow import stage as s

CARLA = "Carla <carla@globex.test>"
DORA = "Dora <dora@elsewhere.test>"
BOSS = "Boss <boss@globex.test>"
CHANCE = re.compile(r"<[^<>@]+@[^<>]+>|support\+[\w.=-]+@|boundary=\S+|--=_\w+|=\r\n|tok-\w+")
"""What is never the same twice."""


@pytest.fixture
def beside() -> Iterator[Beside]:
    """Composes in a process; ended afterwards."""
    made = Beside()
    yield made
    made.close()


def mails() -> list[tuple[bytes, str]]:
    """Requests and what follows them at once, of the same people and of others; more than one transaction holds."""
    made: list[tuple[bytes, str]] = []

    def add(sender: str, subject: str, text: str, *headers: str) -> None:
        made.append(
            (s.mail(sender, subject, text, len(made) + 1, headers=headers), sender.split("<")[1].rstrip(">"))
        )

    for at in range(5):
        add(CARLA, f"Printer {at}", f"The printer in room {at} does not print.")
        add(DORA, f"Invoice {at}", "Our invoice is wrong.\nPlease look at it.")
        add(
            CARLA,
            f"Re: Printer {at}",
            "It is the one on the left.",
            f"In-Reply-To: <{len(made) - 1}@client.test>",
        )
        add(BOSS, f"Re: Printer {at}", "And on the right.", f"References: <{len(made) - 2}@client.test>")
        add(
            f"Customer {at} <c{at}@third.test>",
            "Hello",
            "Where do I find the manual?",
            "Cc: carla@globex.test",
        )
    add("Robot <robot@globex.test>", "Out of office", "I am away.", "Auto-Submitted: auto-replied")
    add(
        "Ana Ruiz <ana@acme.test>",
        "For a customer",
        "#requester carla@globex.test\n\nShe has called: no network.",
    )
    return made


def everything(desk: s.Stage) -> list[object]:
    """What a desk has come to, without what is never the same twice."""
    with desk.store.read() as work:
        tickets = work.tickets(Filter(limit=200))
        said: list[object] = [
            (
                ticket.id,
                ticket.subject,
                ticket.state,
                ticket.requester.address,
                sorted(one.key for one in ticket.participants),
            )
            for ticket in tickets
        ]
        for ticket in sorted(tickets, key=lambda one: one.id):
            said += [
                (one.direction, one.kind, one.public, one.subject, one.text)
                for one in work.messages(ticket.id)
            ]
            said += [
                (line.actor, line.event, CHANCE.sub("", str(line.detail))) for line in work.events(ticket.id)
            ]
    out = desk.sent()
    said += sorted(
        (one.row.id, one.row.recipient, one.row.kind, one.row.ticket, CHANCE.sub("", mail.as_string()))
        for one, mail in out
    )
    return said


def worked(folder: Path, store: Store, beside: Beside | None, toml: str = s.MAILD_TOML) -> s.Stage:
    folder.mkdir(exist_ok=True)
    desk = s.stage(folder, store, toml)
    desk.flow.beside = beside
    for raw, sender in mails():
        desk.take(raw, sender=sender)
    desk.work()
    return desk


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Store]:
    """An empty store beside that of the test."""
    store = Store.open(f"sqlite:///{tmp_path}/another.db", tmp_path / "another-files")
    yield store
    store.close()


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Store]:
    """One whose numbers have no gaps when a transaction is undone."""
    store = Store.open(f"sqlite:///{tmp_path}/first.db", tmp_path / "first-files")
    yield store
    store.close()


BY_DOMAIN = f"{s.MAILD_TOML}[limits]\nautomatic_per_domain_per_hour = 7\n"
BOUNDED = (
    f"{s.MAILD_TOML}[limits]\nautomatic_per_address_per_hour = 4\nnotifications_per_agent_per_hour = 9\n"
)


@pytest.mark.parametrize("toml", [s.MAILD_TOML, BOUNDED], ids=["plain", "bounded"])
def test_what_comes_of_many_mails_is_the_same(
    store: Store, another: Store, tmp_path: Path, beside: Beside, toml: str
) -> None:
    one_by_one = everything(worked(tmp_path / "alone", another, None, toml))
    together = worked(tmp_path / "beside", store, beside, toml)
    assert beside._process is not None, "nothing was composed beside"
    assert everything(together) == one_by_one


def test_bounds_that_all_mails_share_start_none(
    first: Store, another: Store, tmp_path: Path, beside: Beside
) -> None:
    one_by_one = everything(worked(tmp_path / "alone", another, None, BY_DOMAIN))
    assert everything(worked(tmp_path / "beside", first, beside, BY_DOMAIN)) == one_by_one
    assert beside._process is None


def test_few_mails_start_no_process(first: Store, tmp_path: Path, beside: Beside) -> None:
    desk = s.stage(tmp_path, first)
    desk.flow.beside = beside
    for number in range(FEW - 1):
        desk.take(s.mail(CARLA, f"Printer {number}", "It does not print.", number))
    desk.work()
    assert beside._process is None
    assert len(desk.sent()) == 4 * (FEW - 1)


def test_a_process_that_ends_is_done_without(
    first: Store, another: Store, tmp_path: Path, beside: Beside
) -> None:
    """It is killed in the middle of a transaction, and what it had said is lost."""
    real, calls = beside.finish, [0]

    def finish() -> Any:
        calls[0] += 1
        if calls[0] == 2:
            assert beside._process is not None
            assert beside._process.pid is not None
            os.kill(beside._process.pid, signal.SIGKILL)
            beside._process.join()
            with contextlib.suppress(EOFError):
                while beside._pipes is not None and beside._pipes.answers.poll(0):
                    beside._pipes.answers.recv_bytes()
        return real()

    beside.finish = finish  # type: ignore[method-assign]
    one_by_one = everything(worked(tmp_path / "alone", another, None))
    together = everything(worked(tmp_path / "beside", first, beside))
    assert calls == [2]
    assert together == one_by_one


def test_what_cannot_be_queued_is_undone_and_done_again(
    first: Store, another: Store, tmp_path: Path, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one = everything(worked(tmp_path / "alone", another, None))
    real, calls = Telling.written, [0]

    def written(self: Telling, *what: Any) -> Any:
        mails = real(self, *what)
        calls[0] += 1
        if calls[0] == 4:
            raise RuntimeError("just now it cannot be")
        return mails

    monkeypatch.setattr(Telling, "written", written)
    assert everything(worked(tmp_path / "beside", first, beside)) == one_by_one
    assert calls[0] >= 4


def test_a_mail_that_breaks_us_leaves_what_stands_before_it(
    first: Store, tmp_path: Path, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = s.stage(tmp_path, first)
    desk.flow.beside = beside
    real = processing.matching.wanted

    def wanted(event: Any, *more: Any) -> Any:
        if event.mail.subject == "Printer 3":
            raise RuntimeError("this one")
        return real(event, *more)

    monkeypatch.setattr(processing.matching, "wanted", wanted)
    for number in range(6):
        desk.take(s.mail(f"C <c{number}@third.test>", f"Printer {number}", "It does not print.", number))
    desk.flow.work()
    with first.read() as work:
        found = [ticket.subject for ticket in work.tickets(Filter(limit=20))]
    assert sorted(found) == [f"Printer {number}" for number in (0, 1, 2, 4, 5)]
    acknowledged = {one.row.recipient for one, _ in desk.sent() if one.row.kind == "acknowledgement"}
    assert acknowledged == {f"c{number}@third.test" for number in (0, 1, 2, 4, 5)}


def test_a_template_that_fails_is_told_to_the_admin_once(
    store: Store, tmp_path: Path, beside: Beside
) -> None:
    own = tmp_path / "templates" / "mail" / "en"
    own.mkdir(parents=True)
    (own / "acknowledgement.txt").write_text(
        "{% if ticket.subject == 'Printer' %}{{ ticket.shown[77].label }}{% endif %}", encoding="utf-8"
    )
    desk = s.stage(tmp_path, store)
    desk.flow.beside = beside
    for number in range(2 * FEW):
        desk.take(
            s.mail(f"C <c{number}@third.test>", "Printer", f"It does not print in room {number}.", number)
        )
    desk.work()
    sent = desk.sent()
    assert sum(one.row.kind == "acknowledgement" for one, _ in sent) == 2 * FEW
    assert [one.row.recipient for one, _ in sent if one.row.kind == "alert"] == ["chen@acme.test"]


def test_other_templates_are_used_from_the_next_mail_on(first: Store, tmp_path: Path, beside: Beside) -> None:
    desk = s.stage(tmp_path, first)
    desk.flow.beside = beside

    def acknowledgements(first: int) -> set[str]:
        for number in range(first, first + FEW):
            desk.take(
                s.mail(f"C <c{number}@third.test>", "Printer", f"It does not print in room {number}.", number)
            )
        desk.work()
        return {s.text_of(mail) for one, mail in desk.sent() if one.row.kind == "acknowledgement"}

    assert not any("Ahoy" in text for text in acknowledgements(0))
    own = tmp_path / "templates" / "mail" / "en"
    own.mkdir(parents=True)
    (own / "acknowledgement.txt").write_text("Ahoy {{ recipient.address }}", encoding="utf-8")
    desk.flow.site = site.load(tmp_path / "maild.toml", s.NOW)
    assert all("Ahoy" in text for text in acknowledgements(100))


def test_files_that_are_away_put_off_their_own_mail_only(
    first: Store, tmp_path: Path, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notification that cannot be kept is that of one mail: the others are acknowledged and told at once."""
    desk = s.stage(tmp_path, first)
    desk.flow.beside = beside
    big = "Long. " * 60_000
    for number in range(FEW + 2):
        text = big if number == 3 else f"It does not print in room {number}."
        desk.take(s.mail(f"C <c{number}@third.test>", "Printer", text, number))
    put = type(first.content.files).put

    def away(self: Any, *what: Any) -> Any:
        raise FilesAway("the folder of files cannot be used now")

    monkeypatch.setattr(type(first.content.files), "put", away)
    desk.flow.work()
    with first.read() as work:
        told = {one.requester.address for one in work.tickets(Filter(limit=20))}
    others = {f"c{number}@third.test" for number in range(FEW + 2)} - {"c3@third.test"}
    assert told >= others
    monkeypatch.setattr(type(first.content.files), "put", put)
    desk.pass_time(timedelta(minutes=5))
    desk.work()
    acknowledged = [one.row.recipient for one, _ in desk.sent() if one.row.kind == "acknowledgement"]
    assert sorted(acknowledged) == sorted({*others, "c3@third.test"})


def test_whoever_left_is_not_answered(first: Store, tmp_path: Path, beside: Beside) -> None:
    """The next one gets his own mails, never those that were composed for somebody else."""
    desk = s.stage(tmp_path, first)
    asked: list[Any] = []
    real = beside.begin
    beside.begin = lambda *what: (asked.append(what), real(*what))[1]  # type: ignore[method-assign]
    desk.flow.beside = beside
    for number in range(2 * TOGETHER):
        desk.take(s.mail(f"C <c{number}@third.test>", f"Printer {number}", "It does not print.", number))
    desk.work()
    assert [len(drafts) // 4 for _, drafts in asked] == [1, 2, 3]
    (templates, one), (_, other), _ = asked
    assert real(templates, one)
    assert real(templates, other)
    assert [made.raw for made in beside.finish()] == [compose(templates, draft).raw for draft in other]
    with pytest.raises(Lost):
        beside.finish()


def test_a_store_that_goes_away_in_the_middle(
    first: Store, another: Store, tmp_path: Path, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one = everything(worked(tmp_path / "alone", another, None))
    real, calls = Work.finish_intake, [0]

    def finish(self: Work, *what: Any) -> None:
        calls[0] += 1
        if calls[0] in (3, 9):
            raise NotNow("the database cannot be used now")
        real(self, *what)

    with monkeypatch.context() as patched:
        patched.setattr(Work, "finish_intake", finish)
        desk = s.stage(tmp_path, first)
        desk.flow.beside = beside
        for raw, sender in mails():
            desk.take(raw, sender=sender)
        for _ in range(2):
            with pytest.raises(NotNow):
                desk.work()
    desk.work()
    assert everything(desk) == one_by_one


def test_a_batch_ends_when_something_else_is_to_be_done(first: Store, tmp_path: Path, beside: Beside) -> None:
    """What it has not come to is free again, and its attempt does not count."""
    desk = s.stage(tmp_path, first)
    desk.flow.beside = beside
    for number in range(AT_ONCE + 5):
        desk.take(s.mail(f"C <c{number}@third.test>", f"Printer {number}", "It does not print.", number))
    desk.flow.is_called = lambda: True
    desk.flow.work()
    with first.read() as work:
        assert work.intake_waits(s.NOW)
        assert work.tickets(Filter(limit=40)) == []
    calls = iter([False, True])
    desk.flow.is_called = lambda: next(calls)
    desk.flow.work()
    with first.work() as work:
        assert len(work.tickets(Filter(limit=40))) == AT_ONCE
        left = work.claim_intake("other", s.NOW, timedelta(minutes=1), 40)
    assert [row.attempts for row in left] == [1] * 5


def test_a_content_that_is_lost_fails_once(first: Store, tmp_path: Path) -> None:
    """However many transactions its batch has."""
    desk = s.stage(tmp_path, first)
    for number in range(AT_ONCE + 5):
        text = "Long. " * 60_000 if number == AT_ONCE + 3 else "It does not print."
        desk.take(s.mail(f"C <c{number}@third.test>", f"Printer {number}", text, number))
    lost = [
        file
        for file in (tmp_path / "first-files").rglob("*")
        if file.is_file() and file.stat().st_size > 100_000
    ]
    assert len(lost) == 1
    lost[0].unlink()
    with capture_logs() as said:
        desk.flow.work()
    assert sum(one["event"] == "mail failed" for one in said) == 1
    with first.read() as work:
        assert len(work.tickets(Filter(limit=40))) == AT_ONCE + 4


def test_a_mail_that_came_twice_is_fetched_once_and_before_its_transaction(
    first: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = s.stage(tmp_path, first)
    raw = s.mail(CARLA, "Printer", "Long. " * 60_000, 1)
    for _ in range(2):
        desk.take(raw, sender="carla@globex.test")
    fetched: list[bool] = []
    real, process = type(first.content).get, processing.Processing._process_one
    inside = [False]

    def one(*what: Any) -> Any:
        inside[0] = True
        try:
            return process(*what)
        finally:
            inside[0] = False

    def get(self: Any, sha256: str) -> bytes:
        fetched.append(inside[0])
        return real(self, sha256)

    monkeypatch.setattr(processing.Processing, "_process_one", one)
    monkeypatch.setattr(type(first.content), "get", get)
    desk.flow.work()
    assert fetched == [False]
    with first.read() as work:
        assert len(work.tickets(Filter(limit=20))) == 1


def test_nodes_that_share_bounds_know_how_many_mails_another_has_in_hand() -> None:
    assert outbox._UNSEEN == 2 * AT_ONCE


def test_one_big_mail_does_not_keep_the_others_from_it(first: Store, tmp_path: Path, beside: Beside) -> None:
    desk = s.stage(tmp_path, first)
    desk.flow.beside = beside
    asked: list[int] = []
    real = beside.begin
    beside.begin = lambda *what: (asked.append(len(what[1]) // 4), real(*what))[1]  # type: ignore[method-assign]
    for number in range(FEW + 2):
        text = "Long. " * 200_000 if number == 2 else "It does not print."
        desk.take(s.mail(f"C <c{number}@third.test>", f"Printer {number}", text, number))
    desk.work()
    acknowledged = [one.row.recipient for one, _ in desk.sent() if one.row.kind == "acknowledgement"]
    assert acknowledged == [f"c{number}@third.test" for number in range(FEW + 2)]
    assert sum(asked) >= 2


def test_who_has_no_process_gets_nothing_from_it(beside: Beside) -> None:
    with pytest.raises(Lost):
        beside.finish()


def test_what_is_too_big_for_its_pipe_is_composed_here(first: Store, tmp_path: Path, beside: Beside) -> None:
    desk = s.stage(tmp_path, first)
    desk.flow.beside = beside
    refused: list[bool] = []
    real = beside.begin
    beside.begin = lambda *what: refused.append(not real(*what)) or not refused[-1]  # type: ignore[method-assign, func-returns-value]
    file = "\n".join(["A" * 76] * 9000)
    parts = f'--b\nContent-Type: text/plain\n\nSee the file.\n--b\nContent-Type: image/png; name="a.png"\nContent-Transfer-Encoding: base64\n\n{file}\n--b--'
    for number in range(2 * TOGETHER + 1):
        headers = ['Content-Type: multipart/mixed; boundary="b"'] if number == 2 else []
        raw = s.mail(
            f"C <c{number}@third.test>", "Printer", parts if headers else "Short.", number, headers=headers
        )
        desk.take(raw.replace(b"Content-Type: text/plain; charset=utf-8\r\n", b"") if headers else raw)
    desk.work()
    acknowledged = [one.row.recipient for one, _ in desk.sent() if one.row.kind == "acknowledgement"]
    assert acknowledged == [f"c{number}@third.test" for number in range(2 * TOGETHER + 1)]
    assert refused == [False, True, False]


def test_one_that_could_not_be_read_makes_no_other_be_done_again(
    first: Store, tmp_path: Path, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = s.stage(tmp_path, first)
    desk.flow.beside = beside
    real, processed = processing.matching.wanted, list[str]()

    def wanted(event: Any, *more: Any) -> Any:
        processed.append(event.mail.subject)
        return real(event, *more)

    class Reading(InProcess):
        def read(self, jobs: Any) -> Any:
            for number, outcome in enumerate(super().read(jobs)):
                yield RuntimeError("its reader ended") if number == 2 else outcome

    monkeypatch.setattr(processing.matching, "wanted", wanted)
    desk.flow.reading = Reading()
    for number in range(6):
        desk.take(s.mail(f"C <c{number}@third.test>", f"Printer {number}", "It does not print.", number))
    desk.flow.work()
    assert processed == [f"Printer {number}" for number in (0, 1, 3, 4, 5)]
    with first.read() as work:
        assert len(work.tickets(Filter(limit=20))) == 5
