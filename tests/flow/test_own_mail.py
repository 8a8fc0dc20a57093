"""Agents' own mails through one process: tickets for others, questions, absence, and what requesters ask in a word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from maild import documents, show_status, site
from store import Store
from store.rows import HeldBack
from tests.flow.stage import RULES, Stage, answer, mail, stage, text_of

ANA, BEN, CHEN = "Ana Ruiz <ana@acme.test>", "Ben Okoro <ben@acme.test>", "Chen Li <chen@acme.test>"
CARLA, DAN = "Carla <carla@globex.test>", "Dan Wu <dan@initech.test>"
AGENTS = ("ana@acme.test", "ben@acme.test", "chen@acme.test")
FORWARD = """\
{above}

---------- Forwarded message ---------
From: Dan Wu <dan@initech.test>
Date: Mon, 2 Mar 2026 at 08:00
Subject: Broken door
To: <ana@acme.test>

Hello,

our door is broken.
"""
VIEWS = "desk: {views: {vips: {tag: vip}, mine and late: {assignee: me, overdue: true}}}\n" + RULES


class Desk:
    """The stage with the steps that these tests repeat."""

    def __init__(self, made: Stage) -> None:
        self.stage, self._number = made, 100

    def get(self, sender: str, subject: str, text: str, *, proved: bool = True, to: str = "support@acme.test", headers: tuple[str, ...] = ()) -> list[EmailMessage]:  # fmt: skip
        """A mail comes in; what the desk sends then, in order of their recipients."""
        self._number += 1
        address = sender.rpartition("<")[2].rstrip(">")
        domain = address.partition("@")[2]
        seal = (f"Authentication-Results: mx.acme.test; dmarc=pass header.from={domain}",) if proved else ()
        self.stage.take(mail(sender, subject, text, self._number, to, (*headers, *seal)), sender=address)
        return self.out()

    def answer(self, to: EmailMessage, sender: str, text: str) -> list[EmailMessage]:
        self._number += 1
        raw, address = answer(to, sender, text, self._number)
        self.stage.take(raw, address, sender=sender.rpartition("<")[2].rstrip(">"))
        return self.out()

    def out(self) -> list[EmailMessage]:
        self.stage.work()
        with self.stage.store.read() as work:
            assert work.quarantined() == []
        return sorted((found for _, found in self.stage.sent()), key=lambda one: str(one["To"]))

    def ticket(self, number: int) -> dict[str, Any]:
        with self.stage.store.read() as work:
            found = work.ticket(number)
            assert found is not None
            return documents.of_ticket(work, found)

    @property
    def id(self) -> str:
        """The Message-ID of the last mail that came in."""
        return f"<{self._number}@client.test>"


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Iterator[Desk]:
    yield Desk(stage(tmp_path, store, rules=VIEWS))
    assert store.check() == []


def to(mails: list[EmailMessage], person: str) -> EmailMessage:
    [found] = [one for one in mails if person in str(one["To"])]
    return found


def whole(one: EmailMessage) -> str:
    """Everything of a mail that its reader could find, decoded."""
    parts = [str(part.get_content()) for part in one.walk() if part.get_content_maintype() == "text"]
    return "\n".join([*(f"{name}: {value}" for name, value in one.items()), *parts])


def holds_nothing_of(one: EmailMessage, *words: str) -> None:
    for word in (*AGENTS, *words):  # a token may end like an agent's address
        assert not re.search(rf"(?<![a-z0-9]){re.escape(word)}", whole(one)), word


def test_a_forward_becomes_the_customers_ticket(desk: Desk) -> None:
    mails = desk.get(ANA, "Fwd: Broken door", FORWARD.format(above="#priority 1\nHe is a difficult one."))
    told = to(mails, "dan@initech.test")
    assert told["Subject"] == "[Acme #1] Broken door"
    assert told["Auto-Submitted"] == "auto-replied"
    assert "opened a request for you; its number is 1" in text_of(told)
    assert "support@acme.test" in text_of(told)
    holds_nothing_of(told, "Ana", "difficult", "our door is broken")
    ticket = desk.ticket(1)
    assert (ticket["requester"]["address"], ticket["assignee"], ticket["priority"], ticket["subject"]) == ("dan@initech.test", None, 1, "Broken door")  # fmt: skip
    assert ticket["received_at"] == "2026-03-02T09:00:00Z"
    original, note, acknowledged = ticket["messages"]
    assert (original["at"], original["from"], original["public"], original["direction"]) == ("2026-03-02T08:00:00Z", "dan@initech.test", True, "in")  # fmt: skip
    assert original["text"] == "Hello,\n\nour door is broken."
    assert (note["from"], note["public"], note["text"]) == ("ana@acme.test", False, "He is a difficult one.")
    assert acknowledged["kind"] == "acknowledgement"


def test_the_customers_answer_threads(desk: Desk) -> None:
    told = to(desk.get(ANA, "Fwd: Broken door", FORWARD.format(above="")), "dan@initech.test")
    desk.answer(told, DAN, "It is still broken.")
    assert [one["text"].splitlines()[0] for one in desk.ticket(1)["messages"] if one["kind"] == "person"] == ["Hello,", "It is still broken."]  # fmt: skip


def test_the_same_forward_by_two_routes_is_one_ticket(desk: Desk) -> None:
    desk.get(ANA, "Fwd: Broken door", FORWARD.format(above=""))
    desk._number -= 1
    assert desk.get(ANA, "Fwd: Broken door", FORWARD.format(above="")) == []


ATTACHED = """\
Please take it.
--=x
Content-Type: message/rfc822

From: Dan Wu <dan@initech.test>
To: ana@acme.test
Subject: Broken door
Date: Mon, 02 Mar 2026 08:00:00 +0000
Message-ID: <o1@initech.test>

Our door is broken.
--=x--
"""


def test_an_attached_original_threads_by_its_own_message_id(desk: Desk) -> None:
    mixed = ('Content-Type: multipart/mixed; boundary="=x"',)
    body = "--=x\nContent-Type: text/plain\n\n" + ATTACHED
    raw = mail(ANA, "Fwd: Broken door", body, 300, headers=(*mixed, "Authentication-Results: mx.acme.test; dmarc=pass header.from=acme.test"))  # fmt: skip
    desk.stage.take(
        raw.replace(b"Content-Type: text/plain; charset=utf-8\r\n", b"", 1), sender="ana@acme.test"
    )
    told = to(desk.out(), "dan@initech.test")
    assert told["In-Reply-To"] == "<o1@initech.test>"
    again = desk.get(
        DAN, "Re: Broken door", "And now?", proved=False, headers=("In-Reply-To: <o1@initech.test>",)
    )
    assert "[Acme #1]" in str(again[0]["Subject"])
    raw = raw.replace(b"<300@", b"<301@").replace(b"Please take it", b"Once more")
    desk.stage.take(
        raw.replace(b"Content-Type: text/plain; charset=utf-8\r\n", b"", 1), sender="ana@acme.test"
    )
    assert "it is a note there" in text_of(to(desk.out(), "ana@acme.test"))
    assert [one["public"] for one in desk.ticket(1)["messages"] if "Once more" in one["text"]] == [False]


def test_an_agents_own_mail_to_a_customer(desk: Desk) -> None:
    copied = ("Cc: support@acme.test, Eva <eva@initech.test>",)
    mails = desk.get(ANA, "Your door", "Dear Dan,\nwe mend it.", to=DAN, headers=copied)
    sent = desk.id
    told = to(mails, "dan@initech.test")
    holds_nothing_of(told, "mend it")
    assert "opened a request for you" in text_of(told)
    assert told["In-Reply-To"] == sent
    assert not [one for one in mails if "eva@" in str(one["To"])]
    ticket = desk.ticket(1)
    assert (ticket["assignee"], ticket["state"], ticket["participants"]) == ("ana@acme.test", "open", ["eva@initech.test"])  # fmt: skip
    first = ticket["messages"][0]
    assert (first["direction"], first["public"], first["delivery"], first["kind"]) == ("out", True, None, "person")  # fmt: skip
    with desk.stage.store.read() as work:
        found = work.ticket(1)
        assert found is not None
        assert found.first_response_at is not None
        assert found.first_response_due is None
    back = desk.get(DAN, "Re: Your door", "Thank you all.", to=ANA, proved=False, headers=("Cc: support@acme.test", f"In-Reply-To: {sent}"))  # fmt: skip
    assert {str(one["Subject"]) for one in back} == {"[Acme #1] Your door"}
    assert "Thank you all." in desk.ticket(1)["messages"][-1]["text"]


def test_questions_are_answered_to_the_address_in_the_people_files(desk: Desk) -> None:
    desk.get(CARLA, "Printer on fire", "It burns.")
    [told] = desk.get(CHEN, "list", "", headers=("Reply-To: eve@evil.test",))
    assert told["To"].addresses[0].addr_spec == "chen@acme.test"
    assert told["Auto-Submitted"] == "auto-replied"
    assert told["In-Reply-To"] == desk.id
    page = str(told.get_body(("html",)).get_content())  # type: ignore[union-attr]
    assert 'href="mailto:support@acme.test?subject=show%201"' in page
    assert "Printer on fire" in page
    assert "Carla" in page
    assert "First line" in page
    [shown] = desk.get(CHEN, "show 1", "")
    assert shown["Subject"] == "[Acme #1] Printer on fire"
    assert "It burns." in text_of(shown)
    assert "internal note" in text_of(shown)
    desk.answer(shown, CHEN, "I know this one.")
    assert [one["public"] for one in desk.ticket(1)["messages"] if "I know" in one["text"]] == [False]
    with desk.stage.store.read() as work:
        assert work.ticket(2) is None


def test_an_answer_to_a_list_is_evidence_for_the_next_question(desk: Desk) -> None:
    desk.get(CARLA, "Printer on fire", "It burns.")
    [listed] = desk.get(CHEN, "list all", "")
    [shown] = desk.answer(listed, CHEN, "show 1")
    assert shown["Subject"] == "[Acme #1] Printer on fire"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("list", ["Yours (0)", "Nobody's (1)", "#1 Printer on fire"]),
        ("list vips", ["vips (0)"]),
        ("list mine and late", ["mine and late (0)"]),
        ("search burns", ["Found (1)", "#1 Printer on fire"]),
        ("report", ["Opened: 1 (0)", "Unfinished at the end: 1 (0)", "of the same day: 1 (0)"]),
        ("help", ["list vips", "#away until", "help commands"]),
        ("help commands", ["#solve", "#away until Monday"]),
    ],
)
def test_every_question_has_its_answer(desk: Desk, question: str, words: list[str]) -> None:
    desk.get(CARLA, "Printer on fire", "It burns.")
    [told] = desk.get(CHEN, question, "")
    for word in words:
        assert word in text_of(told)


def test_strangers_get_nothing(desk: Desk) -> None:
    desk.get(CARLA, "Printer on fire", "It burns.")
    for sender, proved in ((ANA, False), ("Eve <eve@evil.test>", True)):
        mails = desk.get(sender, "show 1", "", proved=proved)
        assert all("It burns" not in whole(one) for one in mails)
        assert "auto-replied" in {one["Auto-Submitted"] for one in mails}


def test_the_real_agent_is_told_of_an_impostor_once_a_day(desk: Desk) -> None:
    def alerts() -> int:
        return sum("without proof" in text_of(one) for one in desk.get(BEN, "list", "", proved=False))

    assert [alerts(), alerts()] == [1, 0]
    desk.stage.pass_time(timedelta(hours=25))
    assert alerts() == 1


def test_too_many_questions_become_a_digest(desk: Desk, tmp_path: Path) -> None:
    for _ in range(60):
        assert desk.get(CHEN, "report", "")
    assert desk.get(CHEN, "report", "") == []


def test_absence(desk: Desk) -> None:
    desk.get(BEN, "Your door", "we mend it.", to=DAN, headers=("Cc: support@acme.test",))
    mails = desk.get(BEN, "bye", "#away until Friday")
    assert "handed over to nobody, the team is told: #1 Your door" in text_of(to(mails, "ben@acme.test"))
    assert "#1 Your door" in text_of(to(mails, "ana@acme.test"))
    ticket = desk.ticket(1)
    assert ticket["assignee"] is None
    assert "handed over" in [event["event"] for event in ticket["events"]]
    now = desk.stage.now[0]
    with desk.stage.store.read() as work:
        document = show_status.status_document([], work.totals(), HeldBack({}, 0, 0, 0), work.away(now), now)
    assert document["away"] == [{"agent": "ben@acme.test", "until": "2026-03-06T00:00:00Z"}]
    desk.stage.flow.act(1, "admin", ("#assign ben@acme.test",), "")
    desk.out()
    [listed] = desk.get(CHEN, "list all", "")
    assert "Ben Okoro (away until Fri 6 Mar, 00:00)" in text_of(listed)
    desk.stage.pass_time(timedelta(days=5))
    [listed] = desk.get(CHEN, "list all", "")
    assert "away" not in text_of(listed)


def test_closing_by_a_word(desk: Desk) -> None:
    told = to(desk.get(CARLA, "Printer on fire", "It burns."), "carla@globex.test")
    desk.answer(told, CARLA, "Please close.")
    assert desk.ticket(1)["state"] == "closed"
    desk.answer(told, CARLA, "reopen")
    assert desk.ticket(1)["state"] == "open"


def test_status_tells_the_requester_and_nothing_internal(desk: Desk) -> None:
    told = to(desk.get(CARLA, "Printer on fire", "It burns."), "carla@globex.test")
    desk.stage.flow.act(1, "ana@acme.test", ("#note", "#assign me"), "She is difficult.")
    desk.out()
    [status] = desk.answer(told, CARLA, "status?")
    assert (status["Subject"], status["Auto-Submitted"]) == ("[Acme #1] Printer on fire", "auto-replied")
    assert "We are working on it." in text_of(status)
    assert "Ana Ruiz (First line)" in text_of(status)
    assert "Since: Monday 2 March 2026, 09:00 (UTC)" in text_of(status)
    holds_nothing_of(status, "difficult", "#note")
    ticket = desk.ticket(1)
    assert (ticket["state"], ticket["messages"][-1]["kind"]) == ("open", "notice")
    [everything] = desk.get(CARLA, "status", "")
    assert "#1 Printer on fire" in text_of(everything)
    holds_nothing_of(everything, "difficult")


def test_status_is_bounded_like_all_automatic_mail(desk: Desk) -> None:
    told = to(desk.get(CARLA, "Printer on fire", "It burns."), "carla@globex.test")
    answered: Callable[[], bool] = lambda: any("carla@" in str(one["To"]) for one in desk.answer(told, CARLA, "status"))  # fmt: skip # noqa: E731
    assert sum(answered() for _ in range(12)) == 9


def test_help_once_a_day(desk: Desk) -> None:
    [told] = desk.get("Nora <nora@initech.test>", "Ayuda", "", proved=False)
    assert told["Auto-Submitted"] == "auto-replied"
    assert "Una solicitud, un correo" in text_of(told)
    mails = desk.get("Nora <nora@initech.test>", "Ayuda", "", proved=False)
    assert "[Acme #1]" in str(to(mails, "nora@initech.test")["Subject"])


def test_a_broken_template_of_ones_own_is_told_and_the_shipped_one_used(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "templates" / "mail" / "en"
    made = Desk(stage(tmp_path, store, rules=VIEWS))
    folder.mkdir(parents=True)
    fails = '{% if board.question == "report" %}{{ 1 // (board.lists|length) }}{% endif %}'
    (folder / "report.txt").write_text(fails, encoding="utf-8")
    made.stage.flow.site = site.load(tmp_path / "maild.toml", made.stage.now[0])
    mails = made.get(CHEN, "report", "")
    assert any("Opened: 0" in text_of(one) for one in mails)
    assert any("A template of yours failed" in text_of(one) for one in mails)
