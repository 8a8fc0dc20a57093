"""Words of the dictionary in mails: what agents read of a ticket, what the requester may see, the glossary by mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from maild.delivery.notice import Board, Notice
from maild.delivery.render import Templates
from maild.delivery.samples import samples
from maild.desk.effects import Change
from maild.desk.people import Person, Ticket
from maild.desk.questions import WORDS
from maild.desk.rulebook import Identity, Limits, Rulebook
from maild.desk.rulefiles import load
from maild.desk.words import Role, Scope

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = Templates(
    {
        str(file.relative_to(ROOT / "templates")): file.read_text("utf-8")
        for file in (ROOT / "templates").rglob("*")
        if file.is_file()
    }
)
FIELDS = """
fields:
  seats: {label: {en: Seats, es: Plazas}, type: number, visible: requester}
  insured: {label: {en: Insured, es: Asegurado}, type: yes/no, visible: requester}
  delivered: {label: Delivered, type: date, visible: requester}
  buyer: {label: Buyer, type: person, visible: requester}
  size: {label: Size, values: {large: {label: {es: Grande}}}, visible: requester}
  secret: {label: Inside, required: [bug]}
"""
HELD = {"seats": "2.5", "insured": "yes", "delivered": "2026-12-24", "buyer": "ana@example.test", "size": "large", "secret": "hush"}  # fmt: skip


def shipped() -> Rulebook:
    names = ("10-desk.yaml", "15-words.yaml", "20-sla.yaml")
    files = [(name, (ROOT / "rules" / name).read_text("utf-8")) for name in names]
    identity = Identity("Acme", "support@acme.test", "Acme")
    loaded = load([*files, ("fields.yaml", FIELDS)], identity, Limits(), date(2026, 11, 22))
    assert loaded.problems == []
    assert loaded.rulebook is not None
    return loaded.rulebook


BOOK = shipped()


def notice(name: str, language: str, **ticket: object) -> Notice:
    fullest = max(samples(name), key=lambda one: len(repr(one)))
    there = fullest.ticket
    made: Ticket | None = replace(there, **ticket) if there else None  # type: ignore[arg-type]
    return replace(fullest, rulebook=BOOK, language=language, ticket=made)


def text(mail: Notice) -> str:
    return TEMPLATES.render(mail).text


BAD = {"type": "bug", "severity": "critical", "impact": "1", "urgency": "2", "priority": 1, "fields": HELD}


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("en", ["Type: Bug – Something does not do what it should", "Severity: Critical – Production down or inoperative", "Impact: 1 (Everybody)", "Priority: 1 (Urgent)", "Seats: 2.5", "Insured: yes", "Delivered: Dec 24, 2026", "Size: large"]),
        ("es", ["Tipo: Error – Algo no hace lo que debería", "Gravedad: Crítica – Producción caída o inservible", "Impacto: 1 (Todos)", "Prioridad: 1 (Urgente)", "Plazas: 2,5", "Asegurado: sí", "Delivered: 24 dic 2026", "Size: Grande"]),
    ],
)  # fmt: skip
def test_agents_read_labels_and_definitions(language: str, lines: list[str]) -> None:
    told = text(notice("notification", language, **BAD))
    for line in (*lines, "Buyer: Ana Example <ana@example.test>", "Inside: hush"):
        assert line in told


def test_what_changed_is_named_too() -> None:
    changes = (Change("severity", "low", "critical"), Change("field.insured", "no", "yes"))
    told = text(replace(notice("notification", "es", **BAD), changes=changes))
    assert "Gravedad: Baja → Crítica" in told
    assert "Asegurado: no → sí" in told


@pytest.mark.parametrize("name", ["acknowledgement", "status", "solved", "closed"])
def test_the_requester_sees_the_fields_that_are_his(name: str) -> None:
    told = text(notice(name, "es", **BAD))
    assert "Plazas: 2,5" in told
    assert "Buyer: Ana Example" in told
    assert "ana@example.test" not in told
    assert "hush" not in told


def test_a_word_that_is_declared_no_more_stands_as_it_is() -> None:
    told = text(notice("notification", "en", type="oddity", impact="high", fields={"gone": "x"}))
    assert "Type: oddity" in told
    assert "Impact: high" in told
    assert "gone: x" in told


def glossary(language: str, *names: str, book: Rulebook = BOOK) -> str:
    ana = Person(1, "Ana", "ana@example.test")
    board = Board("help words", glossary=names)
    found = next(iter(samples("glossary")))
    mail = replace(found, recipient=ana, role=Role.RESPONSIBLE, scope=Scope.INTERNAL, language=language, rulebook=book, board=board)  # fmt: skip
    return text(mail)


def test_the_glossary_says_what_a_word_means_implies_asks_and_how_it_is_set() -> None:
    told = glossary("en", *WORDS)
    for part in (
        "critical: Production down or inoperative",
        "Implies the impact: 1 (Everybody)",
        "#severity critical",
        "Asks the requester: What did you do? What did you expect to happen?",
        "Needed before it is solved: Inside",
        "#impact 2",
        "Priority for urgency 1, 2 and 3 at impact 2: 1, 3, 4",
        "#field seats=12",
        "The requester sees it.",
        "None is declared: any word will do.",
    ):
        assert part in told, part


def test_the_glossary_in_the_agents_language() -> None:
    told = glossary("es", "severities")
    assert "critical (Crítica): Producción caída o inservible" in told
    assert "#severity critical" in told


def test_nothing_is_declared() -> None:
    told = glossary("en", *WORDS, book=Rulebook(Identity("Acme", "support@acme.test", "Acme")))
    assert told.count("None is declared") == 6
    assert "Numbers from 1 (highest) to 5." in told
