"""Calls and people by mail, through the daemon: who is written to, what agents are told, what the commands show."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.way.desk import Desk
from tests.way.letters import letter

ANA = "Ana Ruiz <ana@acme.test>"
PASS = {"Authentication-Results": "mx.acme.test; dmarc=pass header.from=acme.test"}
PEOPLE = """\
desk: {channels: {phone: "+31 20 555 0100", chat: "https://chat.acme.test"}, open_to: known}
groups:
  pilots: {members: [lab.test]}
people:
  - {name: Jan Jansen, address: [jan@home.test, jansen@work.test], phone: "+31 20 555 0777", organisation: Globex, groups: pilots}
  - {name: Kim Kuiper, address: kim@one.test}
  - {name: Kim Kuiper, phone: "+31 20 555 0888"}
"""


def test_a_call_of_somebody_without_an_address(desk: Desk) -> None:
    mail = letter(
        ANA, "Printing", "#requester +31 20 555 0199\n#channel phone\n\nHe can't print.", headers=PASS
    )
    desk.smtp(mail)
    transcript = desk.gets("ana@acme.test", lambda one: one["In-Reply-To"] == mail["Message-ID"])
    assert "Nothing is sent: +31 20 555 0199 has no address." in transcript.text
    number = transcript.number
    told = desk.told("ben@acme.test", number, "He can't print.")
    assert "+31 20 555 0199" in told.text
    desk.quiet()
    about = [one for one in desk.relay.mails if f"#{number}]" in one["Subject"]]
    assert {one.recipient for one in about} <= {"ana@acme.test", "ben@acme.test", "chen@acme.test"}
    ticket = desk.ticket(number)
    assert ticket["requester"] == {
        "name": "",
        "address": None,
        "phone": "+31 20 555 0199",
        "organisation": None,
    }
    assert (ticket["channel"], ticket["participants"]) == ("phone", [])
    assert [(one["public"], one["reply"]) for one in ticket["messages"]] == [(False, "He can't print.")]
    printed = desk.maild("ticket", str(number)).stdout.decode()
    assert "+31 20 555 0199" in printed
    assert re.search(r"channel +phone", printed)
    known = desk.show("person", "show", "0031 20 555 0199")
    assert (known["phone"], known["address"], known["tickets"]) == ("+31 20 555 0199", "", [number])
    assert "+31 20 555 0199" in desk.maild("person", "show", "020 555 0199").stdout.decode()


def test_people_of_the_files_and_strangers(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    (desk.folder / "rules" / "40-known.yaml").write_text(PEOPLE)
    desk.start()
    shown = desk.show("person", "show", "jansen@work.test", "--json")
    assert shown["addresses"] == ["jan@home.test", "jansen@work.test"]
    assert (shown["organisation"], shown["organisation_from"]) == ("Globex", "people of the rule files")
    assert (shown["groups"], shown["phone"]) == (["pilots"], "+31 20 555 0777")
    for written in ("Jan Jansen", "020 555 0777"):
        assert desk.show("person", "show", written) == {**shown, "address": "jan@home.test"}
    several = desk.maild("person", "show", "Kim Kuiper")
    assert several.returncode == 65
    assert (
        b"'Kim Kuiper' could be Kim Kuiper <kim@one.test>; Kim Kuiper, +31 20 555 0888: say" in several.stderr
    )
    assert b"nobody is known as Nobody" in desk.maild("person", "show", "Nobody").stderr
    printed = desk.maild("person", "show", "jansen@work.test").stdout.decode()
    assert "Globex (people of the rule files)" in printed
    mail = letter(ANA, "Printing", "#requester 020 555 0777\n#channel phone\n\nHe can't print.", headers=PASS)
    desk.smtp(mail)
    acknowledged = desk.relay.mail_to("jan@home.test")
    assert "he can't print." not in acknowledged.everything()
    assert desk.ticket(acknowledged.number)["requester"]["organisation"] == "Globex"
    desk.smtp(
        letter("Eve <eve@anywhere.test>", "Printing", "Hello, I would like to print something at your place.")
    )
    refused = desk.relay.mail_to("eve@anywhere.test")
    assert "only from people it knows" in " ".join(refused.text.split())
    assert "https://chat.acme.test" in refused.text
    assert refused["Auto-Submitted"] == "auto-replied"
    assert len(desk.show("tickets", "--json")) == 1
