"""Teams over real mail, on each database: copies for their mailboxes, private tickets, default owners, names in notes."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from maild.desk.people import Ticket
from maild.desk.words import State
from store import Store
from tests.flow import stage as s

CARLA, EVE = "Carla <carla@globex.test>", "Eve <eve@evil.test>"
ANA, BEN, CHEN, LEA, TIM = (
    f"{name} <{name.lower()}@acme.test>" for name in ("Ana", "Ben", "Chen", "Lea", "Tim")
)
LIST = "first-line@acme.test"
PASS = "Authentication-Results: mx.acme.test; dmarc=pass header.from=acme.test"
DESK = """\
teams:
  support: {{name: First line, address: first-line@acme.test{support}}}
  legal: {{name: Legal, private: true}}
agents:
  - {{name: Ana Ruiz, address: ana@acme.test, team: support}}
  - {{name: Ben Okoro, address: ben@acme.test, team: support}}
  - {{name: Chen Li, address: chen@acme.test, team: support, role: admin}}
  - {{name: Lea Lind, address: lea@acme.test, team: legal}}
  - {{name: Tim Tan, address: tim@acme.test, team: legal}}
rules:
  - {{name: For the lawyers, when: {{subject: contract}}, then: {{team: legal}}}}
  - {{name: Handed on, on: change, when: {{tags: legal}}, then: {{team: legal}}}}
"""
Got = dict[str, list[EmailMessage]]


class Talk:
    """A desk, and people who write to it; each step takes a second."""

    def __init__(self, folder: Path, store: Store, more: str = "", support: str = "") -> None:
        self.desk = s.stage(folder, store, rules=DESK.format(support=support) + more)
        self.number = 0

    def take(self, raw: bytes, *to: str, sender: str) -> Got:
        self.desk.pass_time(timedelta(seconds=1))
        self.desk.take(raw, *to, sender=sender)
        self.desk.work()
        return self.sent()

    def sent(self) -> Got:
        got: Got = {}
        for outbound, mail in self.desk.sent():
            got.setdefault(outbound.row.recipient, []).append(mail)
        return got

    def ask(self, who: str, subject: str, text: str = "Hello, can you help us?", *headers: str) -> Got:
        self.number += 1
        return self.take(s.mail(who, subject, text, self.number, headers=headers), sender=_address(who))

    def answer(self, to: EmailMessage, who: str, text: str, *headers: str) -> Got:
        self.number += 1
        raw, address = s.answer(to, who, text, self.number)
        return self.take("".join(f"{line}\r\n" for line in headers).encode() + raw, address, sender=_address(who))  # fmt: skip

    def ticket(self, number: int = 1) -> Ticket:
        with self.desk.store.read() as work:
            found = work.ticket(number)
        assert found is not None
        return found

    def history(self, number: int = 1) -> list[str]:
        with self.desk.store.read() as work:
            return [line.event for line in work.events(number)]


def _address(who: str) -> str:
    return who.partition("<")[2].rstrip(">")


@pytest.fixture
def talk(tmp_path: Path, store: Store) -> Talk:
    return Talk(tmp_path, store)


def test_the_mailbox_of_a_team_gets_a_copy_without_power(talk: Talk) -> None:
    got = talk.ask(CARLA, "Printer")
    [copy] = got[LIST]
    assert copy["Subject"] == "[Acme #1] Printer"
    assert copy["Reply-To"].addresses[0].addr_spec == "support@acme.test"
    assert "internal note" in s.text_of(copy)
    assert "can you help us" in s.text_of(copy)
    assert LIST not in {mail["To"].addresses[0].addr_spec for mail in got["carla@globex.test"]}


def test_an_agent_with_a_pass_notes_by_answering_the_copy(talk: Talk) -> None:
    [copy] = talk.ask(CARLA, "Printer")[LIST]
    got = talk.answer(copy, ANA, "#assign me\nI know this printer.", PASS)
    assert "carla@globex.test" not in got or all("know this" not in s.text_of(mail) for mail in got["carla@globex.test"])  # fmt: skip
    assert talk.ticket().assignee == "ana@acme.test"
    with talk.desk.store.read() as work:
        assert [(one.from_address, one.public) for one in work.messages(1) if "know this" in one.text] == [("ana@acme.test", False)]  # fmt: skip
    [copy] = got[LIST]
    assert "I know this printer." in s.text_of(copy)


def test_nobody_else_gets_anywhere_with_a_copy(talk: Talk) -> None:
    [copy] = talk.ask(CARLA, "Printer")[LIST]
    for who, warned in ((EVE, False), (ANA, True), (f"List <{LIST}>", False)):
        got = talk.answer(copy, who, "#close\nLet us close it.")
        assert talk.ticket().state is State.NEW
        told = [mail for mails in got.values() for mail in mails if "reply token" in s.text_of(mail)]
        assert not told, "a copy is many people's: nobody's token leaked"
        assert any("without proof" in s.text_of(mail) for mail in got.get("ana@acme.test", [])) is warned
    with talk.desk.store.read() as work:
        assert [one.from_address for one in work.messages(1) if one.direction == "in"] == [
            "carla@globex.test"
        ]


def test_a_note_never_leaves_by_an_answer_to_the_copy(talk: Talk) -> None:
    [mine] = talk.ask(CARLA, "Printer")["ana@acme.test"]
    [copy] = talk.answer(mine, ANA, "#note\nThe customer is late with paying.")[LIST]
    got = talk.answer(copy, BEN, "#public\n> The customer is late with paying.\nWe look into it.", PASS)
    [answer] = got["carla@globex.test"]
    assert "We look into it." in s.text_of(answer)
    assert "late with paying" not in s.text_of(answer)


def test_a_copy_that_comes_back_is_dropped(talk: Talk) -> None:
    [copy] = talk.ask(CARLA, "Printer")[LIST]
    copy["List-Id"] = "<first-line.acme.test>"
    for header in ("Auto-Submitted", "Precedence", "X-Auto-Response-Suppress"):
        del copy[header]
    assert talk.take(copy.as_bytes(), sender="first-line-bounces@acme.test") == {}
    with talk.desk.store.read() as work:
        assert work.ticket(2) is None
        assert len([one for one in work.messages(1) if one.direction == "in"]) == 1


def test_the_copy_goes_for_tickets_that_somebody_has_and_for_no_other_team(
    tmp_path: Path, store: Store
) -> None:
    talk = Talk(tmp_path, store, support=", responsible: ana@acme.test")
    got = talk.ask(CARLA, "Printer")
    assert talk.ticket().assignee == "ana@acme.test"
    assert LIST in got
    assert "ben@acme.test" not in got
    assert LIST not in talk.ask(CARLA, "A contract")
    answered = talk.answer(got["ana@acme.test"][0], ANA, "We will.")
    assert sorted(answered) == ["carla@globex.test", LIST]


def test_who_has_it_in_copy_is_not_sent_it_again(talk: Talk) -> None:
    raw = s.mail(CARLA, "Printer", "Hello", 7, to=f"support@acme.test, {LIST}")
    assert LIST not in talk.take(raw, sender="carla@globex.test")


def test_the_admin_may_keep_copies_back_or_gather_them(tmp_path: Path, store: Store) -> None:
    more = "notices:\n  - {to: team, send: off}\n  - {to: team-copy, event: created, send: digest}\n"
    talk = Talk(tmp_path, store, more)
    assert LIST not in talk.ask(CARLA, "Printer")
    talk.desk.pass_time(timedelta(days=1))
    talk.desk.flow.tick()
    [digest] = talk.sent()[LIST]
    assert "Printer" in s.text_of(digest)


def private(talk: Talk) -> Got:
    got = talk.ask(CARLA, "A contract", "The secret clause is wrong.")
    assert sorted(got) == ["carla@globex.test", "chen@acme.test", "lea@acme.test", "tim@acme.test"]
    assert talk.ticket().team == "legal"
    return got


@pytest.mark.parametrize("question", ["list new", "list unowned", "list all", "search secret clause"])
def test_private_tickets_stand_in_lists_of_members_and_admins_only(talk: Talk, question: str) -> None:
    private(talk)
    for who, sees in ((LEA, True), (CHEN, True), (ANA, False)):
        [answer] = talk.ask(who, question, "", PASS)[_address(who)]
        assert ("A contract" in s.text_of(answer)) is sees
        assert ("A contract" in str(answer.get_body(("html",)))) is sees


def test_private_tickets_are_shown_to_members_and_admins_only(talk: Talk) -> None:
    private(talk)
    for who, sees in ((LEA, True), (CHEN, True), (ANA, False)):
        [answer] = talk.ask(who, "show 1", "", PASS)[_address(who)]
        assert ("secret clause" in s.text_of(answer)) is sees
    [hidden], [none] = (talk.ask(ANA, f"show {number}", "", PASS)["ana@acme.test"] for number in (1, 99))
    assert s.text_of(hidden).replace("show 1", "show N").replace("ticket 1.", "ticket N.") == s.text_of(
        none
    ).replace("show 99", "show N").replace("ticket 99.", "ticket N.")


def test_who_is_let_in_sees_it(talk: Talk) -> None:
    got = private(talk)
    told = talk.answer(got["lea@acme.test"][0], LEA, "#note\n@ana what do you think?")
    [mail] = told["ana@acme.test"]
    assert "Lea Lind mentions you" in s.text_of(mail)
    assert talk.history().count("mentioned") == 1
    talk.answer(mail, ANA, "It is fine.")
    with talk.desk.store.read() as work:
        assert any("It is fine." in one.text and not one.public for one in work.messages(1))
    [still] = talk.ask(ANA, "show 1", "", PASS)["ana@acme.test"]
    assert "secret clause" not in s.text_of(still), "who is asked once does not see the rest"
    talk.answer(got["lea@acme.test"][0], LEA, "#watch ana@acme.test")
    [shown] = talk.ask(ANA, "show 1", "", PASS)["ana@acme.test"]
    assert "secret clause" in s.text_of(shown)


def test_other_tickets_of_the_requester_are_named_only_to_those_who_may_see_them(talk: Talk) -> None:
    private(talk)
    got = talk.ask(CARLA, "Printer")
    assert "A contract" not in s.text_of(got["ana@acme.test"][0])
    assert "A contract" not in s.text_of(got[LIST][0])
    assert "A contract" in s.text_of(got["chen@acme.test"][0])


def test_a_number_lets_nobody_of_another_team_in(talk: Talk) -> None:
    private(talk)
    talk.ask(ANA, "Re: [Acme #1] A contract", "#watch me\nI am curious.", PASS)
    assert talk.ticket().watchers == ()
    mine = talk.ask(CARLA, "Printer")
    number = max(int(mail["Subject"].partition("#")[2].partition("]")[0]) for mail in mine["ana@acme.test"])
    for line in ("#link 1", "#merge 1"):
        [transcript] = talk.answer(mine["ana@acme.test"][0], ANA, line, PASS)["ana@acme.test"]
        assert "there is no" in s.text_of(transcript)
    assert talk.ticket(number).state is State.NEW


def test_a_team_without_an_owner_is_told_and_reminded(tmp_path: Path, store: Store) -> None:
    shipped = (Path(__file__).parents[2] / "rules" / "30-rules.yaml").read_text(encoding="utf-8")
    at = shipped.index("  - name: Nobody has taken it")
    rule = shipped[at : shipped.index("  - name:", at + 10)]
    talk = Talk(tmp_path, store, rule)
    got = talk.ask(CARLA, "Printer")
    assert {"ana@acme.test", "ben@acme.test", LIST} <= got.keys()
    talk.desk.pass_time(timedelta(minutes=61))
    talk.desk.flow.tick()
    reminded = talk.sent()
    assert {"ana@acme.test", "ben@acme.test", LIST} <= reminded.keys()
    assert "carla@globex.test" not in reminded
    assert "Nobody has taken this ticket yet" in s.text_of(reminded["ben@acme.test"][0])
    assert (talk.ticket().priority, talk.ticket().tags) == (2, ("unowned",))


def test_a_rule_on_change_hands_to_the_responsible(tmp_path: Path, store: Store) -> None:
    folder = tmp_path
    desk = DESK.replace("private: true", "private: true, responsible: lea@acme.test")
    talk = Talk.__new__(Talk)
    talk.desk, talk.number = s.stage(folder, store, rules=desk.format(support="")), 0
    [mine, *_] = talk.ask(CARLA, "Printer")["ana@acme.test"]
    assert talk.ticket().assignee is None
    got = talk.answer(mine, ANA, "#note\n#tag legal\nFor the lawyers.")
    assert (talk.ticket().team, talk.ticket().assignee) == ("legal", "lea@acme.test")
    assert "You are now responsible" in s.text_of(got["lea@acme.test"][0])
    assert "tim@acme.test" not in got
    assert "changed" in talk.history()


def test_names_in_the_text_of_a_command_and_in_forwarded_mail(talk: Talk) -> None:
    talk.ask(CARLA, "Printer")
    talk.desk.flow.act(1, "ana@acme.test", (), "@lea do you know this one?")
    got = talk.sent()
    assert "Ana Ruiz mentions you" in s.text_of(got["lea@acme.test"][0])
    body = "@lea please have a look\n\n---------- Forwarded message ---------\nFrom: Dora <dora@globex.test>\nDate: Mon, 2 Mar 2026 at 08:00\nSubject: Scanner\nTo: <ana@acme.test>\n\nThe scanner is broken.\n"  # fmt: skip
    got = talk.ask(ANA, "Fwd: Scanner", body, PASS)
    assert "dora@globex.test" in got
    [mail] = got["lea@acme.test"]
    assert "Ana Ruiz mentions you" in s.text_of(mail)
    assert "please have a look" in s.text_of(mail)
    assert "mentioned" in talk.history(2)
