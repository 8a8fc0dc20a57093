"""The register: everybody who ever wrote, was written to, or called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from maild.desk.callers import meant, name_key, phone_key, read
from maild.desk.facts import Address
from maild.desk.people import Person, Suppression
from store.blobs import Blobs
from store.columns import bounded, clean
from store.prepared import Prepared
from store.tables import SUPPRESSED, address, person, ticket, where
from store.transaction import Transaction, any_of, chunks, insert_ignore, insert_rows

PERSON_COLUMNS = (
    person.c.id,
    person.c.name,
    person.c.address,
    person.c.organisation,
    person.c.language,
    person.c.zone,
    person.c.phone,
    person.c.groups,
)
_BY_KEY = Prepared(
    sa.select(address.c.key, *PERSON_COLUMNS)
    .join(person, person.c.id == address.c.person)
    .where(address.c.key.in_(any_of("keys")))
)
_SUPPRESSED = sa.select(address.c.key, address.c.suppressed_at, address.c.suppressed_why).where(
    address.c.key.in_(any_of("keys")), where(SUPPRESSED)
)
_BY_ID = Prepared(sa.select(*PERSON_COLUMNS).where(person.c.id.in_(any_of("ids"))))
_BY_CALL = (
    sa.select(*PERSON_COLUMNS)
    .where(
        sa.or_(
            person.c.name_key == sa.bindparam("name", type_=person.c.name_key.type),
            person.c.phone_key == sa.bindparam("phone", type_=person.c.phone_key.type),
        )
    )
    .order_by(person.c.id)
    .limit(sa.bindparam("most"))
)
_MOST_CALLERS: Final = 100
"""Who looks for one of more people of a name is to say the address."""


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
        tuple(row.groups),
    )


def people_by_address(connection: Connection, keys: Iterable[str]) -> dict[str, Person]:
    """Those whose address (in lower case) is known."""
    found: dict[str, Person] = {}
    for part in chunks(keys):
        wanted = {bounded(key): key for key in part}
        for row in _BY_KEY.rows(connection, {"keys": list(wanted)}):
            found[wanted[row.key]] = person_of(row)
    return found


def suppressions(connection: Connection, keys: Iterable[str]) -> dict[str, Suppression]:
    """Those of the addresses (in lower case) that get nothing automatic."""
    found: dict[str, Suppression] = {}
    for part in chunks(keys):
        wanted = {bounded(key): key for key in part}
        for row in connection.execute(_SUPPRESSED, {"keys": list(wanted)}):
            found[wanted[row.key]] = Suppression(row.suppressed_at, row.suppressed_why)
    return found


def people_by_id(connection: Connection, ids: Iterable[int]) -> dict[int, Person]:
    """Those whose number is known."""
    found: dict[int, Person] = {}
    for part in chunks(ids):
        for row in _BY_ID.rows(connection, {"ids": part}):
            found[row.id] = person_of(row)
    return found


def people_called(connection: Connection, written: Iterable[str]) -> dict[str, tuple[Person, ...]]:
    """Whom a name, a telephone number or both may mean (`desk.callers`), for each text in which there is one."""
    found: dict[str, tuple[Person, ...]] = {}
    for text in written:
        asked = read(text)
        if asked is None or asked.address:
            continue
        keys = {"name": name_key(asked.name), "phone": phone_key(asked.phone), "most": _MOST_CALLERS}
        found[text] = meant(asked, map(person_of, connection.execute(_BY_CALL, keys)))
    return found


def _keyed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns together with those by which a person is found again."""
    keys: dict[str, Any] = {}
    if "name" in values:
        keys["name_key"] = name_key(values["name"])
    if "phone" in values:
        keys["phone_key"] = phone_key(values["phone"])
    return {**values, **keys}


class PeopleWork(Transaction):
    """The register as part of a transaction; who was looked up in it is remembered until its end."""

    def __init__(self, connection: Connection, files: Blobs, *, writing: bool) -> None:
        super().__init__(connection, files, writing=writing)
        self._register: dict[str, Person | None] = {}

    def _forget(self) -> None:
        super()._forget()
        self._register.clear()

    def _look_up(self, keys: Iterable[str]) -> dict[str, Person]:
        """Those whose address (in lower case) is known."""
        keys = list(keys)
        missing = [key for key in keys if key not in self._register]
        if missing:
            self._register |= {**dict.fromkeys(missing), **people_by_address(self._connection, missing)}
        known = {key: self._register[key] for key in keys}
        return {key: person for key, person in known.items() if person is not None}

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
        known = self._look_up([address.key]).get(address.key) or self._enter(address, given)
        missing = {name: value for name, value in given.items() if not getattr(known, name)}
        self._register[address.key] = known = self._fill(known, missing) if missing else known
        return known

    def people(self, addresses: Sequence[Address]) -> list[Person]:
        """The persons with these addresses, in this order, entered now if unknown: one look for those who are known."""
        known = self._look_up(one.key for one in addresses)
        for one in addresses:
            had = known.get(one.key)
            if had is None or (one.name and not had.name):
                known[one.key] = self.person(one)
        return [known[one.key] for one in addresses]

    def _enter(self, entered: Address, given: Mapping[str, str]) -> Person:
        row: dict[str, Any] = {"name": "", "organisation": None, "language": None, "zone": None, **given}
        row["address"] = clean(entered.address)
        number = self._insert(person, _keyed(row))
        entry = {"key": entered.key, "person": number}
        if insert_rows(self._connection, address, [entry], returning=(address.c.person,)):
            return Person(number, **row)
        # Another node entered this address while we did, and has committed (the insert waited for that).
        self._connection.execute(sa.delete(person).where(person.c.id == number))
        return people_by_address(self._connection, [entered.key])[entered.key]

    def _fill(self, known: Person, values: Mapping[str, Any]) -> Person:
        change = sa.update(person).where(person.c.id == known.id).values(**_keyed(values))
        return person_of(self._connection.execute(change.returning(*PERSON_COLUMNS)).one())

    def caller(self, name: str, phone: str | None) -> Person:
        """Enter somebody without an address; `name` is empty when only the number is known."""
        row = {"name": clean(name), "address": "", "phone": clean(phone) if phone else None}
        number = self._insert(person, _keyed(row))
        return Person(number, row["name"] or "", "", phone=row["phone"])

    def reached(self, id: int, at: Address) -> Person | None:
        """A caller can be written to at this address from now on, on all his tickets. None: the person has an address, or somebody else has this."""
        known = self.person_by_id(id)
        if known is None or known.address:
            return None
        entry = insert_ignore(self._connection, address, returning=(address.c.person,))
        if self._connection.scalar(entry, {"key": at.key, "person": id}) != id:
            return None
        mine = sa.update(ticket).where(ticket.c.requester == id, ticket.c.requester_address == "")
        self._connection.execute(mine.values(requester_address=clean(at.address)))
        self._register.clear()
        return self._fill(known, {"address": clean(at.address)})

    def called(self, id: int, name: str, phone: str | None) -> Person | None:
        """The person of this number, with the name and the telephone number filled in that the register lacks."""
        known = self.person_by_id(id)
        if known is None:
            return None
        told = {"name": clean(name), "phone": clean(phone) if phone else None}
        missing = {key: value for key, value in told.items() if value and not getattr(known, key)}
        return self._fill(known, missing) if missing else known

    def addresses(self, id: int) -> tuple[str, ...]:
        """All addresses (in lower case) by which the person of this number is known."""
        mine = sa.select(address.c.key).where(address.c.person == id).order_by(address.c.key)
        return tuple(self._connection.scalars(mine))

    def set_organisation(self, person_id: int, organisation: str | None) -> None:
        """The person belongs to this organisation; None: the register does not say."""
        change = sa.update(person).where(person.c.id == person_id).values(organisation=organisation)
        self._connection.execute(change)
        self._register.clear()

    def person_at(self, key: str) -> Person | None:
        """The person with this address (in any case), None when nobody has it."""
        return people_by_address(self._connection, [key.lower()]).get(key.lower())

    def suppression(self, key: str) -> Suppression | None:
        """Since when and why nothing automatic goes to this address; None when it may."""
        return suppressions(self._connection, [key.lower()]).get(key.lower())

    def suppress(self, key: str, why: str, now: datetime) -> None:
        """Nothing automatic goes to this address any more; an earlier reason stays."""
        change = sa.update(address).where(address.c.key == key.lower(), address.c.suppressed_at.is_(None))
        self._connection.execute(change.values(suppressed_at=now, suppressed_why=why))

    def allow(self, key: str) -> bool:
        """Automatic mail may go to this address again; False when it might before."""
        change = sa.update(address).where(address.c.key == key.lower(), address.c.suppressed_at.is_not(None))
        return bool(self._connection.execute(change.values(suppressed_at=None, suppressed_why=None)).rowcount)

    def person_by_id(self, id: int) -> Person | None:
        return people_by_id(self._connection, [id]).get(id)
