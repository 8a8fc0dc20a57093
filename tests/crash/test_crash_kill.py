"""kill -9 of the real daemon, at every step of its dialogues and at any moment under load: what was accepted is there once."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.crash.siege import Siege, assert_whole
from tests.way.desk import AGENTS, Desk, Dialogue
from tests.way.letters import DESK, letter
from tests.way.relay import Received, Relay

ASKED = "Hello, the roof of our shed leaks and the rain comes in. When can somebody come?"


@pytest.fixture
def relay() -> Iterator[Relay]:
    opened = Relay()
    yield opened
    opened.close()


@pytest.fixture
def desk(tmp_path: Path, relay: Relay) -> Iterator[Desk]:
    made = Desk(tmp_path / "desk", relay)
    made.start()
    yield made
    made.end()


def assert_copies_are_the_same(mails: list[Received]) -> None:
    """Every copy of a mail has the same octets and the same envelope."""
    copies: dict[str, set[tuple[bytes, str, str]]] = defaultdict(set)
    for mail in mails:
        copies[mail["Message-ID"]].add((mail.raw, mail.sender, mail.recipient))
    assert [len(different) for different in copies.values()] == [1] * len(copies)


def assert_once(desk: Desk, requests: list[EmailMessage]) -> None:
    """Each request is one ticket with one message, acknowledged by one mail and told to each agent concerned by one."""
    by_requester = {ticket["requester"]["address"]: ticket for ticket in desk.show("tickets")}
    assert len(desk.show("tickets")) == len(by_requester)
    assert set(by_requester) == {str(request["From"]) for request in requests}
    sent: dict[tuple[str, int], set[str]] = defaultdict(set)
    for mail in desk.relay.mails:
        if "[Acme #" not in mail["Subject"]:
            continue  # about a mail that was put aside
        sent[mail.recipient, mail.number].add(mail["Message-ID"])
    for request in requests:
        ticket = by_requester[str(request["From"])]
        assert ticket["subject"] == request["Subject"]
        for recipient in (str(request["From"]), *AGENTS):
            assert len(sent[recipient, ticket["id"]]) == 1, (recipient, ticket["id"])
        messages = desk.ticket(ticket["id"])["messages"]
        assert [(one["kind"], one["delivery"]) for one in messages] == [("person", None), ("acknowledgement", "sent")]  # fmt: skip


def half_way(desk: Desk, request: EmailMessage, step: int) -> bool:
    """Hand a mail over and be killed after so many steps; whether it was accepted."""
    raw = request.as_bytes()
    with Dialogue.tcp(desk.smtp_port) as talk:
        lines = ("EHLO client.test", f"MAIL FROM:<{request['From']}>", f"RCPT TO:<{DESK}>", "DATA")
        for line in lines[:step]:
            talk.say(line)
        if step >= 5:
            talk.send(raw[: len(raw) // 2])
        if step >= 6:
            talk.send(raw[len(raw) // 2 :] + b".\r\n")
        accepted = step >= 7 and talk.reply().startswith("250")
        desk.kill9()
        return accepted


@pytest.mark.long
def test_killed_at_every_step_of_a_dialogue(desk: Desk) -> None:
    requests = []
    for step in range(1, 8):
        request = letter(f"step{step}@globex.test", f"Step {step}", ASKED)
        accepted = half_way(desk, request, step)
        assert accepted is (step == 7)
        desk.start()
        if not accepted:
            desk.smtp(request)
        requests.append(request)
    for step in ("rcpt", "dot"):
        request = letter(f"{step}@globex.test", f"Killed at {step}", ASKED)
        process = desk.process
        assert process is not None
        desk.relay.when(step, str(request["From"]), process.popen.kill)
        desk.smtp(request)
        process.wait()
        desk.process = None
        desk.start()
        requests.append(request)
    for request in requests:
        desk.gets(str(request["From"]))
    desk.quiet()
    assert_once(desk, requests)
    assert_copies_are_the_same(desk.relay.mails)
    assert len(desk.relay.to("dot@globex.test")) == 2  # it was there, but nobody heard so


def test_killed_at_any_moment_under_load(desk: Desk, relay: Relay) -> None:
    """The daemon, one of its processes, the relay; mail comes by SMTP, LMTP and pipe meanwhile."""
    siege = Siege(desk, relay, random.Random(4711))
    taken = siege.run(8)
    assert len(siege.died) == 3, siege.died
    assert_whole(desk, taken)
