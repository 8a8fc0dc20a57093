"""The desk's words, through the daemon: closed lists, the priority table until somebody chooses, definitions by mail, fields that are shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.way.desk import Desk
from tests.way.letters import answer, letter

ANA = "Ana Ruiz <ana@acme.test>"
CARLA = "Carla <carla@globex.test>"
PASS = {"Authentication-Results": "mx.acme.test; dmarc=pass header.from=acme.test"}
WORDS = """\
desk: {channels: {phone: "+31 20 555 0100"}}
dictionary:
  types: {question: {}, bug: {label: {en: Bug, es: Error}}}
  categories: {bug: {describe: Something that worked does not}, billing: {}}
  severities:
    critical: {describe: "Production down or inoperative", impact: 1}
    significant: {describe: "Many users can't do their normal work", impact: 2}
    low: {describe: "Cosmetic", impact: 3}
  impacts: {1: everybody, 2: a group, 3: one person}
  urgencies: {1: now, 2: today, 3: whenever}
  priority: [[1, 1, 2], [1, 3, 4], [3, 4, 5]]
fields:
  seats: {label: {en: Seats, es: Plazas}, type: number, visible: requester}
rules:
  - name: Everything is down
    when: {text: everything is down}
    then: {type: bug, severity: critical, field.seats: "2,5"}
  - name: Cosmetic
    when: {text: colour}
    then: {severity: low, priority: 1}
"""


@pytest.fixture(name="wordy")
def _wordy(new_desk: Callable[..., Desk]) -> Desk:
    desk = new_desk()
    (desk.folder / "rules" / "40-words.yaml").write_text(WORDS)
    desk.start()
    return desk


def ratings(desk: Desk, number: int) -> tuple[str | None, str | None, str | None, int]:
    found = desk.ticket(number)
    return found["severity"], found["impact"], found["urgency"], found["priority"]


def test_priority_follows_until_somebody_chooses_it(wordy: Desk) -> None:
    _, acknowledged = wordy.ask(CARLA, "Help", "Hello, everything is down since this morning.")
    assert "Seats: 2.5" in acknowledged.text
    told = wordy.told("ana@acme.test", 1)
    assert "Severity: critical – Production down or inoperative" in told.text
    assert "Impact: 1 (everybody)" in told.text
    wordy.quiet()
    assert ratings(wordy, 1) == ("critical", "1", None, 1)
    shown = wordy.maild("ticket", "1").stdout.decode().split()
    assert shown[shown.index("severity") :][:4] == ["severity", "critical", "impact", "1"]

    def act(lines: str) -> tuple[str | None, str | None, str | None, int]:
        wordy.smtp(answer(told, ANA, lines))
        wordy.quiet()
        return ratings(wordy, 1)

    assert act("#urgency whenever") == ("critical", "1", "3", 2)
    assert act("#priority 5\n#type error") == ("critical", "1", "3", 5)
    assert wordy.ticket(1)["type"] == "bug"
    assert act("#severity low\n#urgency now") == ("low", "3", "1", 5)
    assert act("#priority auto") == ("low", "3", "1", 3)
    assert act("#impact a group") == ("low", "2", "1", 1)
    assert act("#severity critical\n#urgency today") == ("critical", "2", "2", 3)
    assert act("#undo") == ("low", "2", "1", 1)
    assert act("#priority 4") == ("low", "2", "1", 4)
    assert act("#undo") == ("low", "2", "1", 1)
    assert act("#urgency 2") == ("low", "2", "2", 3)


def test_a_rules_priority_stays(wordy: Desk) -> None:
    wordy.ask(CARLA, "Colour", "The colour of the button is wrong on our screens.")
    told = wordy.told("ana@acme.test", 1)
    wordy.quiet()
    assert ratings(wordy, 1) == ("low", "3", None, 1)
    wordy.smtp(answer(told, ANA, "#severity significant"))
    wordy.quiet()
    assert ratings(wordy, 1) == ("significant", "2", None, 1)


def test_a_misspelt_word_is_refused_with_the_nearest(wordy: Desk) -> None:
    wordy.ask(CARLA, "Invoice", "Could you please send the invoice of last month?")
    told = wordy.told("ana@acme.test", 1)
    wrong = answer(told, ANA, "#category biling\n#channel phnoe\nHere it is.")
    wordy.smtp(wrong)
    transcript = wordy.gets("ana@acme.test", lambda mail: mail["In-Reply-To"] == wrong["Message-ID"])
    assert "did you mean billing?" in transcript.text
    assert "did you mean phone?" in transcript.text
    wordy.quiet()
    assert wordy.ticket(1)["category"] is None


def test_definitions_by_mail(wordy: Desk) -> None:
    asked = letter(ANA, "help severities", "", headers=PASS)
    wordy.smtp(asked)
    told = wordy.gets("ana@acme.test", lambda mail: mail["In-Reply-To"] == asked["Message-ID"])
    assert "critical: Production down or inoperative" in told.text
    assert "#severity critical" in told.text
    near = letter(ANA, "help severitys", "", headers=PASS)
    wordy.smtp(near)
    hint = wordy.gets("ana@acme.test", lambda mail: mail["In-Reply-To"] == near["Message-ID"])
    assert "Did you mean: help severities" in hint.text
    _, stranger = wordy.ask("Uwe <uwe@initech.test>", "help severities", "")
    assert stranger.number == 1


def test_a_misspelt_word_in_a_rule_is_shown_at_its_place(wordy: Desk) -> None:
    bad = wordy.folder / "rules" / "50-more.yaml"
    bad.write_text("rules: [{name: x, when: {type: bgu}, then: {category: biling}}]\n")
    done = wordy.maild("check")
    bad.unlink()
    assert done.returncode == 78
    said = done.stdout.decode() + done.stderr.decode()
    assert "50-more.yaml:1:32: type: unknown type 'bgu' (did you mean 'bug'?)" in said
    assert "50-more.yaml:1:55: category: unknown category 'biling' (did you mean 'billing'?)" in said
