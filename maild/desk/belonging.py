"""To whom people belong: what the register was told goes first, what follows from the files is looked up when it is used."""

from __future__ import annotations

from collections.abc import Iterable

from maild.desk.people import Person
from maild.desk.rulebook import Organisation, Rulebook


def organisation_at(address: str, rulebook: Rulebook) -> Organisation | None:
    """By what `people` says first, then by member address, then by the domain, else the nearest one above it."""
    contact = rulebook.people.get(address.lower())
    if contact is not None and contact.organisation is not None:
        return rulebook.organisations.get(contact.organisation)
    addresses = _addresses(address, rulebook)
    domains = _domains(addresses)
    nearest, by_domain = "", None
    for organisation in rulebook.organisations.values():
        if not addresses.isdisjoint(organisation.members):
            return organisation
        named = max(domains.intersection((*organisation.domains, *organisation.members)), key=len, default="")
        if len(named) > len(nearest):
            nearest, by_domain = named, organisation
    return by_domain


def groups_at(address: str, rulebook: Rulebook, known: Iterable[str] = ()) -> tuple[str, ...]:
    """The groups of a person: those of the register (`known`), and by any of the person's addresses or a domain of them."""
    contact, addresses = rulebook.people.get(address.lower()), _addresses(address, rulebook)
    names = addresses | _domains(addresses)
    said = {*known, *(contact.groups if contact else ())}
    return tuple(
        group.key
        for group in rulebook.groups.values()
        if group.key in said or not names.isdisjoint((*group.members, *group.domains))
    )


def _addresses(address: str, rulebook: Rulebook) -> frozenset[str]:
    """All addresses (in lower case) of whom the files know by this one; else this one."""
    contact = rulebook.people.get(address.lower())
    return frozenset(contact.addresses if contact else (address.lower(),))


def _domains(addresses: Iterable[str]) -> frozenset[str]:
    """The domains of the addresses, and those above them."""
    domains = {address.rpartition("@")[2] for address in addresses}
    return frozenset(
        domain[at:] for domain in domains for at in range(len(domain)) if at == 0 or domain[at - 1] == "."
    )


def organisation_of(person: Person, rulebook: Rulebook) -> str | None:
    """The name of the person's organisation: what `people` or `#organisation` said, else that of an address or a domain."""
    if person.organisation:
        return person.organisation
    found = organisation_at(person.address, rulebook)
    return found.name if found else None


def customer_of(person: Person, rulebook: Rulebook) -> Organisation | None:
    """The person's organisation as the files describe it; None when they do not."""
    return rulebook.organisations.get(organisation_of(person, rulebook) or "")


def groups_of(person: Person, rulebook: Rulebook) -> tuple[str, ...]:
    """The groups of a person, by any of the addresses and by what `people` says."""
    return groups_at(person.address, rulebook, person.groups)


def language_of(person: Person, rulebook: Rulebook) -> str | None:
    """The person's language, else that of the organisation."""
    customer = customer_of(person, rulebook)
    return person.language or (customer.language if customer else None)


def reason(person: Person, rulebook: Rulebook) -> str:
    """Where the person's organisation comes from, as words; "" when there is none."""
    contact, name = rulebook.people.get(person.key), organisation_of(person, rulebook)
    if name is None:
        return ""
    if contact is not None and contact.organisation == name:
        return "people of the rule files"
    if person.organisation:
        return "the register: an agent or the rule files said so"
    listed = not _addresses(person.address, rulebook).isdisjoint(rulebook.organisations[name].members)
    return "an address of its members" if listed else "the domain of the address"
