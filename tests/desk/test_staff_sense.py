"""Mistakes in teams and agents, at their places, and what is right there."""

from __future__ import annotations

import pytest

from tests.desk.test_rulefiles import load

AGENTS = """\
agents:
  - {name: Ana, address: ana@acme.test, team: support}
"""
CLOSED = """\
dictionary:
  types: {bug: {}, question: {}}
  categories: {billing: {}}
  severities: {low: {}}
  tags: {vip: {}}
fields:
  product: {type: choice, values: [Printer, scanner]}
"""


def problems(*texts: str) -> list[str]:
    return [str(problem).removeprefix("rules/") for problem in load(*texts).problems]


@pytest.mark.parametrize(
    ("team", "says"),
    [
        ("{manager: anna@acme.test}", "1.yaml:1:28: manager: unknown agent 'anna@acme.test' (did you mean 'ana@acme.test'?)"),
        ("{responsible: anna@acme.test}", "1.yaml:1:32: responsible: unknown agent 'anna@acme.test' (did you mean 'ana@acme.test'?)"),
        ("{address: support+x@acme.test}", "1.yaml:1:28: address: 'support+x@acme.test' is the desk's own: a team needs a mailbox of its own, or none"),
        ("{address: hank@globex.test}", "1.yaml:1:28: address: 'hank@globex.test' belongs to Globex: what is for agents must not go to customers"),
        ("{address: pia@home.test}", "1.yaml:1:28: address: 'pia@home.test' is in `people`: what is for agents must not go to customers"),
        ("{address: team@acme.test, manager: ana@acme.test, responsible: ana@acme.test, private: true, speaks: false}", None),
        ("{address: ana@acme.test}", None),
    ],
)  # fmt: skip
def test_teams(team: str, says: str | None) -> None:
    rest = "organisations: [{name: Globex, domains: [globex.test]}]\npeople: [{name: Pia, address: pia@home.test}]\n"
    assert problems(f"teams: {{support: {team}}}\n", AGENTS, rest) == ([says] if says else [])


@pytest.mark.parametrize(
    ("agent", "words", "says"),
    [
        ("skills: [prnter]", CLOSED, "1.yaml:2:65: skills: unknown word 'prnter' (did you mean 'Printer'?)"),
        ("skills: prnter", CLOSED, "1.yaml:2:64: skills: unknown word 'prnter' (did you mean 'Printer'?)"),
        ("skills: [printer, BUG, vip, low, Billing]", CLOSED, None),
        ("skills: [anything]", CLOSED.replace("  tags: {vip: {}}\n", ""), None),
        ("skills: [anything]", "", None),
        ("skills: [doing]", CLOSED + "  doing: {label: What}\n", "1.yaml:2:65: skills: unknown word 'doing' (known: bug, question, billing, low, vip, Printer, scanner)"),
        ("calendar: ofice", "calendars: {office: {mon-fri: \"09:00-17:00\"}}\n", "1.yaml:2:66: calendar: unknown calendar 'ofice' (did you mean 'office'?)"),
        ("calendar: office", "", "1.yaml:2:66: calendar: unknown calendar 'office': none is defined"),
        ("calendar: office", "calendars: {office: {mon-fri: \"09:00-17:00\"}}\n", None),
    ],
)  # fmt: skip
def test_agents(agent: str, words: str, says: str | None) -> None:
    found = problems(
        f"agents:\n  - {{name: Ana, address: ana@acme.test, team: support, {agent}}}\n",
        "teams: {support: {}}\n",
        words or "fields: {}\n",
    )
    assert found == ([says] if says else [])


def test_the_rulebook_has_it_all() -> None:
    book = load(
        "teams: {support: {manager: ana@acme.test, address: Team@acme.test, private: true, speaks: false}, other: {}}\n",
        AGENTS.replace("support}", "support, skills: [Printer], calendar: office}"),
        'calendars: {office: {mon-fri: "09:00-17:00"}}\n',
    ).rulebook
    assert book is not None
    team, agent = book.teams["support"], book.agents["ana@acme.test"]
    assert (team.address, team.private, team.speaks) == ("team@acme.test", True, False)
    assert (agent.skills, agent.calendar) == (("Printer",), "office")
    assert book.manager("support") == agent
    assert book.manager("other") is book.manager(None) is book.manager("gone") is None
