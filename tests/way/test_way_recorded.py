"""Work that is recorded, through the daemon: time and cause before solving, a phone call of somebody without an address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.way.desk import Desk
from tests.way.letters import answer, letter

ANA = "Ana Ruiz <ana@acme.test>"
PASS = {"Authentication-Results": "mx.acme.test; dmarc=pass header.from=acme.test"}
WORDS = """\
desk:
  channels: {phone: "+31 20 555 0100"}
  time: required
dictionary:
  types:
    question: {}
    bug: {required_on_solve: cause}
"""


@pytest.fixture(name="strict")
def _strict(new_desk: Callable[..., Desk]) -> Desk:
    desk = new_desk()
    (desk.folder / "rules" / "40-words.yaml").write_text(WORDS)
    desk.start()
    return desk


def test_solved_only_when_all_is_recorded(strict: Desk, tmp_path: Path) -> None:
    customer = "carla@globex.test"
    strict.ask(customer, "Printer", "The printer on the third floor does not print.")
    told = strict.told("ana@acme.test", 1)
    first = answer(told, ANA, "#type bug\n#solve\nThe roller is new.")
    strict.smtp(first)
    transcript = strict.gets("ana@acme.test", lambda mail: mail["In-Reply-To"] == first["Message-ID"])
    for words in ("#time 25m", "#cause WORDS", "The roller is new."):
        assert words in transcript.text
    assert strict.ticket(1)["state"] == "new"
    second = answer(
        told, ANA, "#type bug\n#solve\n#time 25m\n#cause A worn roller\n#solution\nThe roller is new."
    )
    strict.smtp(second)
    strict.gets(customer, lambda mail: "The roller is new." in mail.text)
    summed = strict.gets("ana@acme.test", lambda mail: mail["In-Reply-To"] == second["Message-ID"])
    assert "Time spent on this ticket: 25 min" in summed.text
    strict.quiet()
    found = strict.ticket(1)
    assert (found["state"], found["minutes_spent"]) == ("solved", 25)
    assert (found["cause"], found["solution"]) == ("A worn roller", "The roller is new.")
    assert found["time"] == [{"agent": "ana@acme.test", "minutes": 25}]
    [said] = [one for one in found["messages"] if one["direction"] == "out" and one["kind"] == "person"]
    assert said["minutes"] == 25
    for mail in strict.relay.to(customer):
        assert "roller" not in mail.text or "worn" not in mail.text
        assert "Time spent" not in mail.everything()
    shown = strict.maild("ticket", "1").stdout.decode()
    assert "25 min (ana@acme.test 25 min)" in shown
    assert [one["id"] for one in strict.show("tickets", "--search", "worn")] == [1]
    assert strict.maild("export", str(tmp_path / "out")).returncode == 0
    assert "A worn roller" in (tmp_path / "out" / "tickets.jsonl").read_text()


def test_a_phone_call_of_somebody_without_an_address(strict: Desk) -> None:
    call = letter(
        ANA,
        "Invoice",
        "#requester Maria from the shop\n#channel phone\n#contact phone\n#time 10m\nShe asks for invoice 12.",
        headers=PASS,
    )
    strict.smtp(call)
    strict.told("chen@acme.test", 1)
    strict.quiet()
    found = strict.ticket(1)
    assert (found["requester"]["name"], found["requester"]["address"], found["channel"]) == (
        "Maria from the shop",
        None,
        "phone",
    )
    assert (found["state"], found["minutes_spent"], found["first_response_due"]) == ("open", 10, None)
    [said] = found["messages"]
    assert (said["public"], said["minutes"], said["text"]) == (False, 10, "She asks for invoice 12.")
    assert {mail.recipient for mail in strict.relay.mails} <= {
        "ana@acme.test",
        "ben@acme.test",
        "chen@acme.test",
    }
    refused = strict.maild("ticket", "1", "#channel fax")
    assert refused.returncode == 65
    assert b"email, phone" in refused.stderr
