"""People by mail, on each database: who is known and by what, callers, organisations, who may write, who joins."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from maild import documents, site
from maild.desk.facts import Envelope
from maild.desk.people import Ticket
from store import Store
from store.rows import Filter
from tests.flow import stage as s

PEOPLE = """\
people:
  - name: Jan Jansen
    address: [jan@home.test, jansen@work.test]
    phone: "+31 20 555 0199"
    organisation: Globex
    language: es
  - {name: Otto, phone: "+49 30 1234567", groups: [pilots]}
  - {name: Pia Prima, address: pia@one.test}
  - {name: Pia Prima, address: pia@two.test, organisation: Initech}
groups:
  pilots: {members: [lab.test], sla: gold}
"""
RULES = s.RULES.replace(
    "  - {name: Globex, domains: [globex.test]}\n",
    "  - {name: Globex, domains: [globex.test], sla: gold}\n  - {name: Initech, members: [initech.test]}\n",
).replace("sla:\n", "sla:\n  gold: {calendar: always, first_response: 5m, for: {group: pilots}}\n")
RULED = "rules:\n  - {name: Ours, when: {organisation: Initech}, then: {tags: [initech]}}\n"
ANA, BEN = "Ana Ruiz <ana@acme.test>", "Ben Okoro <ben@acme.test>"
PASS = "Authentication-Results: mx.acme.test; dmarc=pass header.from=acme.test"
FAIL = "Authentication-Results: mx.acme.test; dmarc=fail header.from=globex.test"
LONG = "Hello, the printer on the third floor does not work since this morning. What can we do?"


class House:
    """A desk with these people; who writes, and what everybody gets."""

    def __init__(
        self, folder: Path, store: Store, more: str = "", rules: str = RULES + PEOPLE + RULED
    ) -> None:
        self.folder, self.desk, self.number = folder, s.stage(folder, store, rules=rules + more), 0
        self.desk.flow.look_again()

    def reload(self, old: str, new: str) -> None:
        file = self.folder / "rules" / "10.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        self.desk.flow.site = site.load(self.folder / "maild.toml", s.NOW)
        self.desk.flow.look_again()

    def writes(
        self, who: str, text: str, *headers: str, subject: str = "Printer"
    ) -> dict[str, list[EmailMessage]]:
        self.number += 1
        raw = s.mail(
            who, subject, text, self.number, headers=[*headers, *([PASS] if "@acme.test" in who else [])]
        )
        return self.take(raw, sender=who.partition("<")[2].rstrip(">") or who)

    def answers(self, to: EmailMessage, who: str, text: str) -> dict[str, list[EmailMessage]]:
        self.number += 1
        raw, address = s.answer(to, who, text, self.number)
        header = f"{PASS}\r\n".encode() if "@acme.test" in who else b""
        return self.take(header + raw, address, sender=who.partition("<")[2].rstrip(">"))

    def take(self, raw: bytes, *to: str, sender: str) -> dict[str, list[EmailMessage]]:
        self.desk.pass_time(timedelta(seconds=1))
        self.desk.take(raw, *to, sender=sender)
        self.desk.work()
        got: dict[str, list[EmailMessage]] = {}
        for outbound, mail in self.desk.sent():
            got.setdefault(outbound.row.recipient, []).append(mail)
        return got

    def tickets(self) -> list[Ticket]:
        with self.desk.store.read() as work:
            return work.tickets(Filter())

    def last(self) -> Ticket:
        return self.tickets()[-1]

    def events(self, number: int) -> list[str]:
        with self.desk.store.read() as work:
            return [line.event for line in work.events(number)]


@pytest.fixture
def house(store: Store, tmp_path: Path) -> House:
    return House(tmp_path, store)


def said(got: dict[str, list[EmailMessage]], to: str = "ana@acme.test") -> str:
    return "\n".join(s.text_of(mail) for mail in got.get(to, []))


# -- callers --------------------------------------------------------------------------------------------------------------------


def test_a_call_of_somebody_unknown(house: House) -> None:
    got = house.writes(ANA, "#requester +31 20 555 7777\n#channel phone\n\nHe can't print.")
    ticket = house.last()
    assert (ticket.requester.name, ticket.requester.address, ticket.requester.phone) == (
        "",
        "",
        "+31 20 555 7777",
    )
    assert (ticket.channel, ticket.organisation) == ("phone", None)
    assert "Nothing is sent: +31 20 555 7777 has no address." in said(got)
    assert "You get this because" not in said(got)
    assert all(address.endswith("@acme.test") for address in got)
    assert "Nothing is sent to +31 20 555 7777, the requester, who has no address" in said(
        got, "ben@acme.test"
    )
    with house.desk.store.read() as work:
        [message] = work.messages(ticket.id)
        shown = documents.ticket(ticket, [])["requester"]
    assert (message.public, message.reply) == (False, "He can't print.")
    assert shown == {"name": "", "address": None, "phone": "+31 20 555 7777", "organisation": None}
    house.writes(ANA, "#requester 020 555 7777\n\nHe calls again.")
    assert house.last().requester.id == ticket.requester.id


def test_a_name_with_a_number_is_found_again_by_either(house: House) -> None:
    house.writes(ANA, "#requester Jane Doe +31 20 555 8888\n\nShe can't print.")
    jane = house.last().requester
    assert (jane.name, jane.phone) == ("Jane Doe", "+31 20 555 8888")
    for written in ("jane doe", "0031 20 555 8888", "JANE DOE 020 555 8888"):
        house.writes(BEN, f"#requester {written}\n\nAgain.")
        assert house.last().requester == jane


def test_somebody_of_the_files_is_found_and_written_to(house: House) -> None:
    for written in ("Jan Jansen", "020 555 0199", "jansen@work.test", "Jan <jan@home.test>"):
        got = house.writes(ANA, f"#requester {written}\n#channel phone\n\nHe can't print.")
        ticket = house.last()
        assert (ticket.requester.key, ticket.organisation, ticket.sla) == ("jan@home.test", "Globex", "gold")
        assert "has no address" not in said(got)
        assert "jan@home.test" in got
        assert "He can't print." not in said(got, "jan@home.test")


def test_a_call_is_acknowledged_in_the_callers_language(house: House) -> None:
    """The agent writes the note in his own."""
    note = "He says that the printer on the third floor does not print since this morning."
    [acknowledged] = house.writes(ANA, f"#requester Jan Jansen\n#channel phone\n\n{note}")["jan@home.test"]
    assert (house.last().language, acknowledged["Content-Language"]) == ("es", "es")
    house.writes(ANA, f"#requester Pia <pia@one.test>\n#channel phone\n\n{note}")
    assert house.last().language == "en"


def test_rules_know_that_it_is_a_call(store: Store, tmp_path: Path) -> None:
    house = House(tmp_path, store, "  - {name: Calls, when: {channel: phone}, then: {tags: [called]}}\n")
    house.writes(ANA, "#requester Otto\n#channel phone\n\nHe can't print.")
    assert (house.last().channel, house.last().tags) == ("phone", ("called",))
    house.writes(ANA, "#channel chat\n\nMy own screen is dark.")
    assert (house.last().channel, house.last().tags) == ("chat", ())
    house.writes(ANA, "#requester Otto\n\nHe can't print.")
    assert (house.last().channel, house.last().tags) == ("email", ())


def test_a_mail_that_is_passed_on_is_answered_in_its_own_language(house: House) -> None:
    forward = (
        "FYI, this one is for us, please have a look at it when you can.\n\n---------- Forwarded message ---------\n"
        "From: Paula Perez <paula@home.test>\nDate: Sun, 22 Nov 2026 at 10:00\nSubject: La pantalla\nTo: Ana Ruiz <ana@acme.test>\n\n"
        "Hola, la pantalla de mi ordenador sigue negra desde ayer y no sé qué hacer.\n"
    )
    [acknowledged] = house.writes(ANA, forward, subject="Fwd: La pantalla")["paula@home.test"]
    assert acknowledged["Content-Language"] == "es"


def test_several_who_may_be_meant_are_named(house: House) -> None:
    got = house.writes(ANA, "#requester Pia Prima\n\nShe can't print.")
    text = " ".join(said(got).split())
    assert "Nothing was done" in text
    assert "Pia Prima <pia@one.test>; Pia Prima <pia@two.test> (Initech): say the address" in text
    assert house.tickets() == []


def test_an_existing_ticket_goes_to_a_caller(house: House) -> None:
    told = house.writes("Carla <carla@globex.test>", LONG)["ana@acme.test"][0]
    got = house.answers(told, ANA, "#requester Otto")
    ticket = house.last()
    assert (ticket.requester.name, ticket.requester.phone) == ("Otto", "+49 30 1234567")
    assert ticket.sla == "gold"
    assert "Nothing is sent: Otto has no address." in said(got)
    assert "carla@globex.test" not in got
    got = house.answers(told, ANA, "#requester Otto")
    assert "is the requester already" in said(got)


def test_a_caller_whose_address_becomes_known_stays_one_person(house: House) -> None:
    for _ in range(2):
        house.writes(ANA, "#requester Jane Doe +31 20 555 8888\n#channel phone\n\nShe can't print.")
    first, second = house.tickets()
    house.desk.flow.act(second.id, "admin", ("#requester Jane Doe <jane@home.test>",), "")
    first, second = house.tickets()
    assert first.requester == second.requester
    assert (second.requester.address, second.requester.phone) == ("jane@home.test", "+31 20 555 8888")
    house.writes("Jane <jane@home.test>", LONG)
    assert house.last().requester.id == second.requester.id
    house.writes(ANA, "#requester Max Mix\n\nHe called.")
    house.desk.flow.act(house.last().id, "admin", ("#requester Jane Doe <jane@home.test>",), "")
    assert house.last().requester.id == second.requester.id
    assert house.desk.store.check() == []


def test_the_admin_on_this_host_finds_them_too(house: House) -> None:
    house.writes("Carla <carla@globex.test>", LONG)
    house.desk.flow.act(1, "admin", ("#requester 020 555 0199",), "")
    assert house.last().requester.key == "jan@home.test"


# -- the register ---------------------------------------------------------------------------------------------------------------


def test_one_person_at_any_address(house: House) -> None:
    got = house.writes("Jan <jansen@work.test>", LONG)
    ticket = house.last()
    assert (ticket.requester.name, ticket.requester.key, ticket.organisation) == (
        "Jan Jansen",
        "jansen@work.test",
        "Globex",
    )
    got = house.answers(got["jansen@work.test"][0], "Jan <jan@home.test>", "One more thing: it smells.")
    assert len(house.tickets()) == 1
    assert "takes no part" not in said(got)


def test_what_follows_from_a_domain_follows_the_files(house: House) -> None:
    house.writes("Dan <dan@initech.test>", LONG)
    assert (house.last().organisation, house.last().tags) == ("Initech", ("initech",))
    house.reload("members: [initech.test]", "members: [other.test]")
    house.writes("Dan <dan@initech.test>", LONG, subject="Again")
    assert (house.last().organisation, house.last().tags) == (None, ())


def test_members_and_groups_are_addresses_and_domains(house: House) -> None:
    house.writes("Lea <lea@deep.lab.test>", LONG)
    assert house.last().sla == "gold"
    house.writes("Eve <eve@notlab.test>", LONG)
    assert house.last().sla == "standard"


def test_an_organisation_that_was_said_holds_for_later_tickets(house: House) -> None:
    told = house.writes("Eve <eve@anywhere.test>", LONG)["ana@acme.test"][0]
    assert (house.last().organisation, house.last().sla) == (None, "standard")
    house.answers(told, ANA, "#organisation globex")
    assert (house.last().organisation, house.last().sla) == ("Globex", "gold")
    assert "organisation" in house.events(1)
    house.answers(told, ANA, "#organisation initech")
    house.writes("Eve <eve@anywhere.test>", LONG, subject="Another thing")
    assert (house.last().organisation, house.last().tags, house.last().sla) == (
        "Initech",
        ("initech",),
        "standard",
    )
    house.answers(told, ANA, "#organisation none")
    assert house.tickets()[0].organisation is None
    house.writes("Eve <eve@anywhere.test>", LONG, subject="A third thing")
    assert (house.last().organisation, house.last().tags) == (None, ())


def test_the_organisation_of_a_caller_who_is_logged(house: House) -> None:
    house.writes(ANA, "#requester Jane Doe\n#organisation Globex\n\nShe can't print.")
    assert (house.last().organisation, house.last().sla) == ("Globex", "gold")
    house.writes(ANA, "#requester Jane Doe\n\nStill not.")
    assert (house.last().organisation, house.last().sla) == ("Globex", "gold")


# -- whose requests are taken ---------------------------------------------------------------------------------------------------


@pytest.fixture
def closed_house(store: Store, tmp_path: Path) -> House:
    return House(tmp_path, store, "desk: {open_to: known, channels: {phone: '+31 20 555 0100'}}\n")


@pytest.mark.parametrize(
    "who",
    [
        "Jan <jansen@work.test>",
        "Dan <dan@sub.globex.test>",
        "Lea <lea@lab.test>",
        ANA,
        "Chen <chen@acme.test>",
    ],
)
def test_who_is_known_is_let_in(closed_house: House, who: str) -> None:
    closed_house.writes(who, LONG)
    assert len(closed_house.tickets()) == 1


def test_who_is_not_known_is_told_so_once_a_day(closed_house: House) -> None:
    eve = "Eve <eve@anywhere.test>"
    got = closed_house.writes(eve, LONG)
    assert (closed_house.tickets(), set(got)) == ([], {"eve@anywhere.test"})
    [mail] = got["eve@anywhere.test"]
    text = " ".join(s.text_of(mail).split())
    assert mail["Auto-Submitted"] == "auto-replied"
    assert "only from people it knows" in text
    assert "+31 20 555 0100" in text
    assert not re.search(r"Globex|Initech|pilots|ana@|ben@|open_to", mail.as_string())
    assert closed_house.writes(eve, LONG, subject="Again") == {}
    closed_house.desk.pass_time(timedelta(days=1))
    assert set(
        closed_house.writes(
            eve,
            LONG,
            subject="Once more",
        )
    ) <= {"eve@anywhere.test"}
    assert closed_house.tickets() == []


def test_the_answer_speaks_the_strangers_language(closed_house: House) -> None:
    text = "Hola, la impresora de la tercera planta no funciona desde esta mañana. ¿Qué podemos hacer?"
    [mail] = closed_house.writes("Eva <eva@anywhere.test>", text)["eva@anywhere.test"]
    assert "solo admite solicitudes" in " ".join(s.text_of(mail).split())


@pytest.mark.parametrize(
    ("who", "headers"),
    [
        ("Eve <eve@anywhere.test>", ["Precedence: bulk"]),
        ("Eve <eve@anywhere.test>", ["List-Id: <x.anywhere.test>"]),
        ("No <no-reply@anywhere.test>", []),
        ("Carla <carla@globex.test>", [FAIL]),
    ],
)
def test_silence_where_no_automatic_mail_goes(closed_house: House, who: str, headers: list[str]) -> None:
    got = closed_house.writes(who, LONG, *headers)
    assert not any(not address.endswith("@acme.test") for address in got)


def test_who_takes_part_in_a_ticket_is_known(closed_house: House) -> None:
    got = closed_house.writes(ANA, f"#requester eve@anywhere.test\n\n{LONG}")
    closed_house.answers(got["eve@anywhere.test"][0], "Eve <eve@anywhere.test>", "Thank you.")
    assert len(closed_house.tickets()) == 1
    closed_house.writes("Eve <eve@anywhere.test>", LONG, subject="Something else")
    assert len(closed_house.tickets()) == 2


def test_a_group_and_why_in_explain(store: Store, tmp_path: Path) -> None:
    house = House(tmp_path, store, "desk: {open_to: [pilots]}\n")
    house.writes("Lea <lea@lab.test>", LONG)
    assert len(house.tickets()) == 1
    house.writes("Carla <carla@globex.test>", LONG)
    assert len(house.tickets()) == 1
    raw = s.mail("Dan <dan@globex.test>", "Printer", LONG, 99)
    house.desk.take(raw, sender="dan@globex.test")
    envelope = Envelope("dan@globex.test", ("support@acme.test",), "smtp", "127.0.0.1", s.NOW, trusted=True)
    reasons = house.desk.flow.consider(raw, envelope).decision.reasons
    [why] = [reason for reason in reasons if reason.step == "open_to"]
    assert (why.outcome, why.evidence) == (
        "no ticket",
        "desk.open_to is pilots, and dan@globex.test is none of them",
    )


# -- copies and own requests ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("more", "joined"), [("", ["dan@globex.test"]), ("desk: {cc: ignore}\n", [])])
def test_people_in_copy(store: Store, tmp_path: Path, more: str, joined: list[str]) -> None:
    house = House(tmp_path, store, more)
    own = "Authentication-Results: mx.acme.test; dmarc=pass header.from=globex.test"
    got = house.writes("Carla <carla@globex.test>", LONG, "Cc: dan@globex.test", own)
    assert [person.key for person in house.last().participants] == joined
    house.answers(got["ana@acme.test"][0], ANA, "We look at it.")
    assert "proposed" not in house.events(1)
    assert [person.key for person in house.last().participants] == joined


def test_what_agents_ask_for_themselves_is_internal(house: House) -> None:
    house.writes(ANA, LONG)
    assert (house.last().channel, house.last().sla) == ("internal", "standard")
    house.writes(ANA, f"#priority 2\n\n{LONG}", subject="With commands")
    assert (house.last().channel, house.last().priority) == ("internal", 2)
    house.writes(ANA, f"#requester Jan Jansen\n\n{LONG}", subject="For somebody")
    assert house.last().channel == "email"
    house.writes("Carla <carla@globex.test>", LONG, subject="From outside")
    assert house.last().channel == "email"
