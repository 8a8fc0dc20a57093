"""The register: everybody who ever wrote, was written to, or called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.desk.facts import Address
from maild.desk.people import Person
from store.columns import bounded, clean
from store.tables import address, person
from store.transaction import Transaction, any_of, chunks, insert_ignore

PERSON_COLUMNS = (
    person.c.id,
    person.c.name,
    person.c.address,
    person.c.organisation,
    person.c.language,
    person.c.zone,
    person.c.phone,
)
_BY_KEY = (
    sa.select(address.c.key, *PERSON_COLUMNS)
    .join(person, person.c.id == address.c.person)
    .where(address.c.key.in_(any_of("keys")))
)
_BY_ID = sa.select(*PERSON_COLUMNS).where(person.c.id.in_(any_of("ids")))


def person_of(row: Any, address: str | None = None) -> Person:
    """The person of a row that has `PERSON_COLUMNS`, written to at `address` if that is another than the register's."""
    return Person(
        row.id,
        row.name,
        row.address if address is None else address,
        row.organisation,
        row.language,
        row.zone,
        row.phone,
    )


def people_by_address(connection: Connection, keys: Iterable[str]) -> dict[str, Person]:
    """Those whose address (in lower case) is known."""
    found: dict[str, Person] = {}
    for part in chunks(keys):
        wanted = {bounded(key): key for key in part}
        for row in connection.execute(_BY_KEY, {"keys": list(wanted)}):
            found[wanted[row.key]] = person_of(row)
    return found


def people_by_id(connection: Connection, ids: Iterable[int]) -> dict[int, Person]:
    """Those whose number is known."""
    found: dict[int, Person] = {}
    for part in chunks(ids):
        for row in connection.execute(_BY_ID, {"ids": part}):
            found[row.id] = person_of(row)
    return found


class PeopleWork(Transaction):
    """The register as part of a transaction."""

    def person(
        self,
        address: Address,
        *,
        organisation: str | None = None,
        language: str | None = None,
        zone: str | None = None,
    ) -> Person:
        """The person with this address, entered now if unknown. What the register lacks is filled in, what it has is kept.
        ValueError when there is no address."""
        if not address.address:
            raise ValueError("a person is found by an address; somebody without one is a caller")
        told = {"name": address.name, "organisation": organisation, "language": language, "zone": zone}
        given = {name: clean(value) for name, value in told.items() if value}
        known = people_by_address(self._connection, [address.key]).get(address.key)
        if known is None:
            known = self._enter(address, given)
        missing = {name: value for name, value in given.items() if not getattr(known, name)}
        return self._fill(known, missing) if missing else known

    def people(self, addresses: Sequence[Address]) -> list[Person]:
        """The persons with these addresses, in this order, entered now if unknown: one look for those who are known."""
        known = people_by_address(self._connection, [one.key for one in addresses])
        for one in addresses:
            had = known.get(one.key)
            if had is None or (one.name and not had.name):
                known[one.key] = self.person(one)
        return [known[one.key] for one in addresses]

    def _enter(self, entered: Address, given: Mapping[str, str]) -> Person:
        row: dict[str, Any] = {"name": "", "organisation": None, "language": None, "zone": None, **given}
        row["address"] = clean(entered.address)
        number = self._insert(person, row)
        entry = insert_ignore(self._connection, address, returning=(address.c.person,))
        if self._connection.scalar(entry, {"key": entered.key, "person": number}) == number:
            return Person(number, **row)
        # Another node entered this address while we did, and has committed (the insert waited for that).
        self._connection.execute(sa.delete(person).where(person.c.id == number))
        return people_by_address(self._connection, [entered.key])[entered.key]

    def _fill(self, known: Person, missing: Mapping[str, str | None]) -> Person:
        row = self._connection.execute(
            sa.update(person).where(person.c.id == known.id).values(**missing).returning(*PERSON_COLUMNS)
        ).one()
        return person_of(row)

    def caller(self, name: str, phone: str | None, organisation: str | None) -> Person:
        """Enter somebody without an address."""
        row = {"name": name, "address": "", "phone": phone, "organisation": organisation}
        number = self._insert(person, row)
        return Person(number, clean(name), "", organisation, phone=phone)

    def person_by_id(self, id: int) -> Person | None:
        return people_by_id(self._connection, [id]).get(id)
