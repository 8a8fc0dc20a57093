"""What is wrong with the teams and agents of the admin's files: nobody of that name, addresses that are somebody else's, skills nobody needs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from maild.desk import shapes
from maild.desk.folding import fold
from maild.desk.rulebook import FieldKind, Identity, Rulebook
from maild.errors import Problem
from maild.reading import Places, unknown, unknown_word


def inconsistencies(document: shapes.Document, identity: Identity, places: Places) -> Iterator[Problem]:
    """Every mistake of teams and agents that shows only beside the other files."""
    addresses = [agent.address for agent in document.agents]
    for key, team in document.teams.items():
        for word, address in (("responsible", team.responsible), ("manager", team.manager)):
            yield from unknown_word("agent", address, addresses, ("teams", key, word), places)
        if team.address is not None:
            why = not_inside(team.address, document, Rulebook(identity))
            if why:
                place = places.value(("teams", key, "address"))
                yield place.problem(f"address: '{team.address}' {why}")
    closed = _closed_words(document)
    for index, agent in enumerate(document.agents):
        path = ("agents", index)
        yield from unknown_word("calendar", agent.calendar, document.calendars, (*path, "calendar"), places)
        for at, skill in enumerate(agent.skills):
            if closed is not None and fold(skill) not in map(fold, closed):
                place = places.value((*path, "skills", at))
                yield place.problem(f"skills: {unknown('word', skill, closed)}")


def not_inside(address: str, document: shapes.Document, desk: Rulebook) -> str:
    """Why a team cannot have this mailbox: it gets what is for agents only. Empty when it can."""
    if desk.is_own(address):
        return "is the desk's own: a team needs a mailbox of its own, or none"
    domain = address.rpartition("@")[2]
    for customer in document.organisations:
        if address in customer.members or domain in (*customer.domains, *customer.members):
            return f"belongs to {customer.name}: what is for agents must not go to customers"
    if any(address in contact.address for contact in document.people):
        return "is in `people`: what is for agents must not go to customers"
    return ""


def _closed_words(document: shapes.Document) -> list[str] | None:
    """All words that may be skills; None when one of the lists they can come from is open."""
    words = document.dictionary or shapes.Dictionary()
    lists = (words.types, words.categories, words.severities, words.tags)
    if not all(lists):
        return None
    fields = (field.values for field in document.fields.values() if field.type in (None, FieldKind.CHOICE))
    return list(dict.fromkeys(chain(*lists, *fields)))
