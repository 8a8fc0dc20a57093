"""What is wrong with the people of the admin's files: whom they belong to, whose addresses they have, who may open tickets."""

from __future__ import annotations

from collections.abc import Iterator

from maild.desk import callers, shapes
from maild.desk.rulebook import ANYONE, KNOWN, Identity, Rulebook
from maild.errors import Problem
from maild.reading import KeyPath, Places, unknown_word


def inconsistencies(document: shapes.Document, identity: Identity, places: Places) -> Iterator[Problem]:
    yield from _contacts(document, places)
    yield from _addresses(document, identity, places)
    yield from _open_to(document, places)


def _contacts(document: shapes.Document, places: Places) -> Iterator[Problem]:
    customers = [customer.name for customer in document.organisations]
    nameless: dict[tuple[str | None, str | None], KeyPath] = {}
    for at, contact in enumerate(document.people):
        path = ("people", at)
        yield from unknown_word(
            "organisation", contact.organisation, customers, (*path, "organisation"), places
        )
        for index, group in enumerate(contact.groups):
            yield from unknown_word("group", group, document.groups, (*path, "groups", index), places)
        if contact.phone is not None and not _is_number(contact.phone):
            yield places.value((*path, "phone")).problem(
                f"phone: '{contact.phone}' is no telephone number, like \"+31 20 555 1234\""
            )
        if not contact.address:
            key = (callers.name_key(contact.name), callers.phone_key(contact.phone))
            if key in nameless:
                yield places.value((*path, "name")).problem(
                    f"person '{contact.name}' stands twice; before: {places.value(nameless[key])}"
                )
            nameless.setdefault(key, (*path, "name"))


def _is_number(phone: str) -> bool:
    return bool(callers.is_number(phone)) and len(callers.digits(phone)) >= callers.SHORT


def _addresses(document: shapes.Document, identity: Identity, places: Places) -> Iterator[Problem]:
    """Each address belongs to one person, who is neither an agent nor the desk."""
    own, agents = Rulebook(identity), {agent.address for agent in document.agents}
    first: dict[str, KeyPath] = {}
    for at, contact in enumerate(document.people):
        for index, address in enumerate(contact.address):
            path: KeyPath = ("people", at, "address", index)
            place = places.value(path)
            if own.is_own(address):
                yield place.problem(f"address: '{address}' is the desk's own")
            elif address in agents:
                yield place.problem(f"address: '{address}' is an agent's: people are those outside")
            if address in first:
                yield place.problem(
                    f"address '{address}' stands twice; before: {places.value(first[address])}"
                )
            first.setdefault(address, path)


def _open_to(document: shapes.Document, places: Places) -> Iterator[Problem]:
    for index, word in enumerate(document.desk.open_to):
        known = (ANYONE, KNOWN, *document.groups)
        yield from unknown_word("group", word, known, ("desk", "open_to", index), places)
    for word in (ANYONE, KNOWN):
        if word in document.groups:
            yield places.key(("groups", word)).problem(
                f"'{word}' is a word of desk.open_to: call the group otherwise"
            )
