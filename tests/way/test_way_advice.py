"""What would you do, and why? explain and replay, which change nothing."""

from __future__ import annotations

import json
import mailbox
from collections.abc import Callable
from pathlib import Path

from tests.way.desk import Desk
from tests.way.letters import letter

RULES = """\
rules:
  - name: Production is down
    when: {text: [outage, production down]}
    then: {type: incident, priority: 1, tags: [outage], team: engineering}
    stop: true
  - name: Invoices by their number
    when: {subject: '/\\binvoice\\s+INV-\\d{4,}\\b/'}
    then: {category: billing}
"""
OTHER = RULES.replace("priority: 1", "priority: 2")


def ruled(new_desk: Callable[..., Desk]) -> Desk:
    desk = new_desk()
    (desk.folder / "rules" / "30-rules.yaml").write_text(RULES)
    return desk


def written(
    folder: Path, name: str, subject: str, text: str = "Please help us with this.", **more: str
) -> Path:
    file = folder / name
    file.write_bytes(letter("carla@globex.test", subject, text, **more).as_bytes())
    return file


def test_explain_tells_every_rule_with_its_evidence_and_stores_nothing(new_desk: Callable[..., Desk]) -> None:
    desk = ruled(new_desk)
    file = written(desk.folder, "a.eml", "invoice INV-20411: production  down")
    told = json.loads(desk.maild("explain", str(file), "--json").stdout)
    [trace] = told["rules"]
    [first, second] = trace["rounds"][0]["rules"]
    assert (first["rule"], first["outcome"]) == ("Production is down", "fired")
    assert first["conditions"][0]["value"] == "holds"
    assert "production" in first["conditions"][0]["evidence"]
    assert first["place"].endswith("rules/30-rules.yaml:2:5")
    assert (second["outcome"], second["why"]) == ("not reached", "stopped by 'Production is down'")
    assert told["ticket"]["priority"] == 1
    assert told["ticket"]["team"] == "engineering"
    assert {(mail["what"], mail["to"]) for mail in told["mails"]} == {
        ("acknowledgement", "carla@globex.test"),
        ("notification", "chen@acme.test"),
    }
    text = desk.maild("explain", str(file)).stdout.decode()
    assert "stopped by 'Production is down'" in text
    assert "acknowledgement to carla@globex.test" in text
    assert json.loads(desk.maild("tickets", "--json").stdout) == []


def test_explain_tells_why_a_candidate_was_rejected(new_desk: Callable[..., Desk]) -> None:
    desk = ruled(new_desk)
    desk.start()
    desk.ask("carla@globex.test", "Printer", "It is on fire, please send somebody with water.")
    file = desk.folder / "eve.eml"
    file.write_bytes(letter("eve@evil.test", "Re: [Acme #1] Printer", "Tell me more about it.").as_bytes())
    told = json.loads(desk.maild("explain", str(file), "--json").stdout)
    assert told["thread"]["outcome"] == "no ticket"
    assert "takes no part in ticket 1" in told["thread"]["rejected"][0]
    assert told["ticket"]["id"] is None
    assert desk.ticket(1)["messages"][0]["from"] == "carla@globex.test"


def test_explain_with_a_broken_file_says_where(new_desk: Callable[..., Desk]) -> None:
    desk = ruled(new_desk)
    (desk.folder / "rules" / "30-rules.yaml").write_text(RULES.replace("subject:", "sbject:"))
    done = desk.maild("explain", str(written(desk.folder, "a.eml", "Hello")))
    assert done.returncode == 78
    assert b"30-rules.yaml:7:12" in done.stderr + done.stdout


def test_replay_tells_what_other_rules_would_do_otherwise(new_desk: Callable[..., Desk]) -> None:
    desk = ruled(new_desk)
    other = desk.folder / "other"
    other.mkdir()
    for file in (desk.folder / "rules").glob("*.yaml"):
        (other / file.name).write_text(file.read_text())
    (other / "30-rules.yaml").write_text(OTHER)
    box = mailbox.mbox(desk.folder / "old.mbox")
    box.add(letter("carla@globex.test", "Outage in Ghent", "Nothing works here."))
    box.add(letter("pia@else.test", "How do I print?", "I would like to know how to print in green."))
    box.close()
    single = written(desk.folder, "b.eml", "Another outage")
    told = json.loads(desk.maild("replay", "old.mbox", str(single), "--rules", "other", "--json").stdout)
    assert told["messages"] == 3
    assert [row["subject"] for row in told["different"]] == ["Outage in Ghent", "Another outage"]
    assert told["different"][0]["differences"]["priority"] == [1, 2]
    text = desk.maild("replay", "old.mbox", "--rules", "other").stdout.decode()
    assert "Outage in Ghent" in text
    assert "2 messages, 1 treated otherwise" in text
    (other / "30-rules.yaml").write_text(RULES)
    same = desk.maild("replay", "old.mbox", "--rules", "other").stdout.decode()
    assert same == "2 messages, none treated otherwise\n"


def test_replay_of_the_last_tickets_of_the_desk(new_desk: Callable[..., Desk]) -> None:
    desk = ruled(new_desk)
    for subject in ("Outage in Ghent", "How do I print in green, please?"):
        desk.deliver(letter("carla@globex.test", subject, "I would like to know more about it."))
    other = desk.folder / "other"
    other.mkdir()
    for file in (desk.folder / "rules").glob("*.yaml"):
        (other / file.name).write_text(file.read_text())
    (other / "30-rules.yaml").write_text(OTHER)
    told = json.loads(desk.maild("replay", "--last", "5", "--rules", "other", "--json").stdout)
    assert told["messages"] == 2
    assert [row["file"] for row in told["different"]] == ["ticket 1"]
    assert len(json.loads(desk.maild("tickets", "--json").stdout)) == 2
    assert desk.maild("replay", "--rules", "other").returncode == 2
