"""Reading in a process of its own: the same facts, whatever happens to the process."""

from __future__ import annotations

import os
import re
import signal
import struct
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from maild import parsing
from maild.desk.facts import Envelope, Kind, Parsed, Trust
from maild.errors import NotNow
from maild.message.unreadable import unreadable
from maild.parsing import ALONE, InProcess, InWorker, Job

TRUST = Trust()
MAILS = [
    f"From: c{number}@globex.test\r\nSubject: Case {number}\r\n\r\nHello {number}\r\n".encode()
    for number in range(5)
]
JOBS = [Job(raw, TRUST, False) for raw in MAILS]
HEAVY = Job(
    b"From: Eve <eve@evil.test>\r\nSubject: Heavy\r\nMessage-ID: <h@evil.test>\r\nContent-Type: text/html\r\n\r\n" + b"<p>x" * 500_000, TRUST, False
)  # fmt: skip


@pytest.fixture
def worker() -> Iterator[InWorker]:
    reading = InWorker()
    yield reading
    reading.close()


def subjects(outcomes: Iterator[Parsed | Exception]) -> list[str]:
    return [outcome.mail.subject for outcome in outcomes if isinstance(outcome, Parsed)]


def test_both_readers_say_the_same(worker: InWorker) -> None:
    assert list(worker.read(JOBS)) == list(InProcess().read(JOBS))
    assert not worker.ready()


def test_contents_come_whole_whatever_their_size(worker: InWorker) -> None:
    def with_files(*octets: int) -> Job:
        parts = "".join(
            f"--b\r\nContent-Type: application/x-{size}\r\nContent-Disposition: attachment\r\n\r\n{'film ' * (size // 5)}\r\n"
            for size in octets
        )
        head = 'Subject: Files\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
        return Job(f"{head}--b\r\n\r\nSee the files.\r\n{parts}--b--\r\n".encode(), TRUST, False)

    jobs = [with_files(100), with_files(700_000, 2_000_000, 0), with_files(ALONE // 2, ALONE // 2), *JOBS]
    outcomes = list(worker.read(jobs))
    assert outcomes == list(InProcess().read(jobs))
    contents = [len(one.contents) for one in outcomes if isinstance(one, Parsed)]
    assert contents == [1, 3, 2, 0, 0, 0, 0, 0]


def held(pid: int) -> int:
    """Mebibytes of memory that a process holds (proc_pid_smaps(5))."""
    [found] = re.findall(r"^Rss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found) // 1024


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")
def test_the_tables_of_languages_are_not_in_memory(worker: InWorker) -> None:
    """They are 66 MB, and the model is loaded with the first mail whose language is not told by its common words."""
    text = "Tangu asubuhi hii mfumo haufanyi kazi tena ofisini kwetu. Tafadhali tuambieni lini utarekebishwa."
    rare = Job(f"From: juma@globex.test\r\nSubject: Habari\r\n\r\n{text}\r\n".encode(), TRUST, False)
    worker.start()
    assert worker._process is not None
    assert worker._process.pid is not None
    before = held(worker._process.pid)
    [outcome] = worker.read([rare])
    assert isinstance(outcome, Parsed)
    assert outcome.mail.language == "sw"
    assert held(worker._process.pid) - before < 60


def test_a_reader_that_dies_is_replaced(worker: InWorker) -> None:
    outcomes = worker.read(iter(JOBS))
    first = next(outcomes)
    assert isinstance(first, Parsed)
    assert worker._process is not None
    assert worker._process.pid is not None
    os.kill(worker._process.pid, signal.SIGKILL)
    rest = list(outcomes)
    assert len(rest) == len(JOBS) - 1
    assert subjects(iter(rest)) == [f"Case {number}" for number in range(1, 5)]


def test_a_mail_that_breaks_a_library_is_no_news_for_the_log(worker: InWorker, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    raw = (
        b"From: MAILER-DAEMON@x.test\r\nX-Failed-Recipients: "
        + b"(" * 2000
        + b"\r\nSubject: failure notice\r\n\r\nx"
    )
    assert len(list(worker.read([Job(raw, TRUST, False)]))) == 1
    worker.close()
    assert capfd.readouterr().err == ""


def test_what_was_read_for_somebody_who_left_is_not_taken_for_the_next(worker: InWorker) -> None:
    outcomes = worker.read(iter(JOBS))
    next(outcomes)
    del outcomes
    assert subjects(worker.read(JOBS[3:])) == ["Case 3", "Case 4"]


def test_a_mail_that_takes_too_long_becomes_one_that_says_so() -> None:
    reading = InWorker(wall=0.001)
    try:
        [heavy] = reading.read([HEAVY])
    finally:
        reading.close()
    assert isinstance(heavy, Parsed)
    mail = heavy.mail
    assert (mail.subject, mail.message_id, mail.kind) == ("Heavy", "<h@evil.test>", Kind.PERSON)
    assert mail.sender is not None
    assert mail.sender.address == "eve@evil.test"
    assert "longer than" in mail.text
    assert any("unreadable" in defect for defect in mail.defects)
    assert [part.name for part in mail.attachments] == ["original.eml"]
    assert heavy.contents == (HEAVY.raw,)


@pytest.mark.parametrize("raw", [b"", b"\x00" * 100_000, b"no header", b"From: a@b\r\n" * 50_000, HEAVY.raw])
def test_anything_can_be_unreadable(raw: bytes) -> None:
    parsed = unreadable(raw, TRUST, trusted=False, why="so")
    assert parsed.contents == (raw,)
    assert parsed.mail.size == len(raw)


def test_a_memory_limit_ends_the_reader_and_not_the_desk() -> None:
    reading = InWorker(memory=400 << 20)
    giant = Job(b"From: e@evil.test\r\nSubject: Giant\r\n\r\n" + b"A" * (300 << 20), TRUST, False)
    try:
        outcomes = list(reading.read([giant, JOBS[0]]))
    finally:
        reading.close()
    assert subjects(iter(outcomes)) == ["Giant", "Case 0"]
    assert isinstance(outcomes[0], Parsed)
    assert any("unreadable" in defect for defect in outcomes[0].mail.defects)


def sized(number: int, octets: int) -> Job:
    head = b"From: e@a.test\r\nSubject: Case %d\r\nMessage-ID: <%d@a.test>\r\n\r\n" % (number, number)
    return Job(head + b"word " * (octets // 5), TRUST, False)


def test_mails_of_all_sizes_come_in_order_and_neither_side_waits_for_ever(worker: InWorker) -> None:
    sizes = [
        10,
        40_000,
        900_000,
        900_000,
        100,
        1_200_000,
        30_000,
        30_000,
        200_000,
        1_100_000,
        10,
        *[3000] * 20,
    ]
    outcomes = subjects(worker.read(sized(number, octets) for number, octets in enumerate(sizes)))
    assert outcomes == [f"Case {number}" for number in range(len(sizes))]


def test_only_the_mail_that_the_reader_died_of_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others that it was asked for by then are read by the next one."""
    read = parsing._read
    monkeypatch.setattr(parsing, "_read", lambda job: os._exit(1) if b"deadly" in job.raw else read(job))
    reading = InWorker(method="fork")
    deadly = Job(b"From: eve@evil.test\r\nSubject: Eve\r\n\r\ndeadly\r\n", TRUST, False)
    try:
        outcomes = list(reading.read([*JOBS[:2], deadly, *JOBS[2:]]))
    finally:
        reading.close()
    assert subjects(iter(outcomes)) == ["Case 0", "Case 1", "Eve", "Case 2", "Case 3", "Case 4"]
    said = ["more time or memory" in one.mail.text for one in outcomes if isinstance(one, Parsed)]
    assert said == [False, False, True, False, False, False]


@pytest.mark.parametrize("sent", [b"", b"film " * 1000], ids=["between two parts", "within a part"])
def test_a_reader_that_dies_amid_its_answer_is_replaced(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    real = parsing._answer

    def answer(pipe: Connection, outcome: Parsed | Exception) -> None:
        if isinstance(outcome, Parsed) and outcome.mail.subject == "Case 1":
            pipe.send((outcome, 1))
            if sent:
                os.write(pipe.fileno(), struct.pack("!i", 2 * len(sent)) + sent)
            os._exit(1)
        real(pipe, outcome)

    monkeypatch.setattr(parsing, "_answer", answer)
    reading = InWorker(method="fork")
    try:
        outcomes = list(reading.read(JOBS))
    finally:
        reading.close()
    assert subjects(iter(outcomes)) == [f"Case {number}" for number in range(5)]
    said = ["more time or memory" in one.mail.text for one in outcomes if isinstance(one, Parsed)]
    assert said == [False, True, False, False, False]


def test_few_mails_are_fetched_before_their_turn(worker: InWorker) -> None:
    fetched: list[int] = []

    def jobs() -> Iterator[Job]:
        for number, octets in enumerate([10, 10, 2_000_000, 2_000_000, 10]):
            fetched.append(number)
            yield sized(number, octets)

    outcomes = worker.read(jobs())
    seen = []
    for _ in outcomes:
        seen.append(max(fetched))
    assert seen == [2, 2, 2, 3, 4]


def test_a_reader_that_cannot_be_started_is_no_fault_of_the_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = InWorker(method="fork")

    def start(self: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(BaseProcess, "start", start)
        reading.start()
        for _ in range(2):
            with pytest.raises(NotNow, match="cannot be started: Resource temporarily"):
                list(reading.read(JOBS))
    try:
        assert len(list(reading.read(JOBS))) == len(JOBS)
    finally:
        reading.close()


def test_long_envelopes_fill_no_pipe() -> None:
    """Neither side may wait for the other to receive: the first outcome is bigger than a pipe holds, and so is the next question."""
    reading = InWorker(method="fork")
    first = Job(b"From: a@b.test\r\nContent-Type: text/html\r\n\r\n" + b"&" * 40_000, TRUST, False)
    to = tuple(f"support+{'x' * 40}{number:05}@acme.example.test" for number in range(4000))
    envelope = Envelope("a@b.test", to, "smtp", "192.0.2.1", datetime(2026, 1, 1, tzinfo=UTC))
    second = Job(b"From: a@b.test\r\n\r\nhello\r\n", TRUST, False, envelope)
    watch = threading.Timer(30, reading.close)
    watch.start()
    try:
        assert len(list(reading.read([first, second, second]))) == 3
        assert watch.is_alive()
    finally:
        watch.cancel()
        reading.close()
