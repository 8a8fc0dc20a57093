"""Large desks for measuring: rows straight into the tables, the search index with them, the other indexes afterwards."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any, Final

import sqlalchemy as sa

from maild.desk.terms import tag_term, terms
from tests.flow import stage as s

SENDERS: Final = 50_000
"""Customers that write to the desk, each with an address c0@home.test, c1@home.test …"""

_SHAPES: Final = 500
_WORDS_EACH: Final = 40
_BATCH: Final = 20_000
_STATES: Final = ("new", "open", "pending", "on-hold", "closed")
_AGENTS: Final = ("ana@acme.test", "ben@acme.test", "chen@acme.test")


def _vocabulary(chance: random.Random) -> list[str]:
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    found: dict[str, None] = {}
    while len(found) < 8000:
        found["".join(chance.choices(syllables, k=chance.randint(2, 4)))] = None
    return list(found)


class _Shapes:
    """Texts to make messages of: words as often as in a language, a few everywhere, most seldom."""

    def __init__(self) -> None:
        chance = random.Random(1)
        words = _vocabulary(chance)
        often = list(accumulate(1 / (rank + 2) for rank in range(len(words))))
        self.common = words[2]
        self.texts: list[tuple[str, list[str], frozenset[str]]] = []
        for _ in range(_SHAPES):
            drawn = [" ".join(chance.choices(words, cum_weights=often, k=_WORDS_EACH)) for _ in range(3)]
            subject = " ".join(chance.choices(words, cum_weights=often, k=5)).capitalize()
            self.texts.append((subject, drawn, frozenset(terms(" ".join([subject, *drawn])))))


@cache
def _shapes() -> _Shapes:
    return _Shapes()


def _rows(count: int, senders: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, row) of so many tickets, by turns from each of the senders."""
    shapes, now = _shapes(), s.NOW
    for number in range(1, count + 1):
        subject, texts, found = shapes.texts[number % _SHAPES]
        at = now - timedelta(minutes=2 * (count - number))
        state = _STATES[number % 4] if number % 20 == 0 else "closed"
        person = number % senders + 1
        address = f"c{person - 1}@home.test"
        tags = ["vip"] if number % 997 == 0 else []
        order = f"Order-{number}"
        yield "ticket", {
            "id": number, "subject": subject, "state": state, "requester": person, "requester_address": address,
            "received_at": at, "created_at": at, "updated_at": at, "priority": 1 + number % 5, "level": 1, "tags": tags, "fields": {},
            "language": "en", "channel": "email", "team": "support" if number % 3 else "engineering",
            "assignee": _AGENTS[number // 20 % 3] if number % 40 == 0 else None, "sla": "standard", "breached": [], "minutes_spent": 0,
            "active_at": at, "clock_at": now + timedelta(days=30) if state != "closed" else None,
        }  # fmt: skip
        for place, text in enumerate(texts):
            message = 3 * number + place
            inward = place != 1
            yield "message", {
                "id": message, "ticket": number, "at": at + timedelta(hours=place), "created_at": at + timedelta(hours=place),
                "direction": "in" if inward else "out", "public": True, "kind": "person",
                "from_name": "", "from_address": address if inward else _AGENTS[0], "to": ["support@acme.test"], "cc": [],
                "subject": subject, "text": f"{text}\n{order}", "reply": text, "person": person if inward else None,
                "message_id": f"<{message}@home.test>", "identity": f"id{message}", "content_identity": f"content{message}", "defects": [],
            }  # fmt: skip
            yield "reference", {
                "id": message, "ticket": number, "person": person, "mid": f"<{message}@home.test>", "written": inward, "at": at,
            }  # fmt: skip
        for place, what in enumerate(("created", "changed", "changed", "answered")):
            detail = {"state": ["new", state]} if what == "changed" else {"message": 3 * number}
            yield "event", {
                "id": 4 * number + place, "ticket": number, "at": at + timedelta(hours=place), "actor": _AGENTS[0], "event": what,
                "detail": detail, "reasons": [["rules", "no rule", ""]],
            }  # fmt: skip
        for place, kind in enumerate(("acknowledgement", "answer")):
            yield "outbox", {
                "id": 2 * number + place, "event_key": f"large:{number}:{place}", "recipient": address, "recipient_key": address,
                "recipient_domain": "home.test", "person": person, "ticket": number, "message": 3 * number + 1,
                "message_id": f"<o{2 * number + place}@acme.test>", "key_id": 1, "role": "requester", "scope": "public", "kind": kind,
                "outside": True, "public": True, "automatic": place == 0, "answer": place == 1, "raw": b"Subject: x\r\n\r\nx\r\n", "state": "sent",
                "attempts": 1, "due_at": at, "created_at": at, "sent_at": at, "finished_at": at, "reason": "250 ok",
            }  # fmt: skip
        yield "search", {"ticket": number, "words": found | terms(order) | {tag_term(tag) for tag in tags}}


def _people(senders: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for number in range(1, senders + 1):
        address = f"c{number - 1}@home.test"
        yield "person", {"id": number, "name": f"Customer {number}", "address": address}
        yield "address", {"key": address, "person": number}


def fill(engine: sa.Engine, tickets: int, senders: int = SENDERS) -> tuple[str, str]:
    """Make the rows of so many tickets in an empty store; a word that stands in many of them, and one that stands in few."""
    postgres = engine.dialect.name == "postgresql"
    connection: Any = engine.raw_connection()
    write = _copier(connection) if postgres else _inserter(connection)
    dropped = _without_indexes(connection, postgres)
    batch: dict[str, list[dict[str, Any]]] = {}
    for rows in (_people(senders), _rows(tickets, senders)):
        for table, row in rows:
            batch.setdefault(table, []).append(row)
            if table == "ticket" and len(batch["ticket"]) >= _BATCH:
                _flush(batch, write, kept=batch["ticket"].pop())
        _flush(batch, write)
    for statement in dropped:
        connection.cursor().execute(statement)
    _settle(connection, postgres)
    connection.close()
    engine.dispose()
    return _shapes().common, f"order-{tickets // 2}"


def _flush(
    batch: dict[str, list[dict[str, Any]]],
    write: Callable[[str, list[dict[str, Any]]], None],
    kept: dict[str, Any] | None = None,
) -> None:
    for table in ("person", "address", "ticket", "message", "reference", "event", "outbox", "search"):
        if batch.get(table):
            write(table, batch.pop(table))
    batch.clear()
    if kept is not None:
        batch["ticket"] = [kept]


def _without_indexes(connection: Any, postgres: bool) -> list[str]:
    """Drop the indexes that no constraint needs; the statements that make them again."""
    cursor = connection.cursor()
    if postgres:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE 'pk%' AND indexname NOT LIKE '%pkc'"
        )
    else:
        cursor.execute("COMMIT" if connection.in_transaction else "SELECT 1")
        for pragma in ("foreign_keys = OFF", "synchronous = OFF", "cache_size = -200000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    found = [(name, sql) for name, sql in cursor.fetchall() if not name.startswith("sqlite")]
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    return [sql for _, sql in found]


def _settle(connection: Any, postgres: bool) -> None:
    cursor = connection.cursor()
    if not postgres:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for pragma in ("foreign_keys = ON", "synchronous = FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        return
    for table in ("person", "ticket", "message", "reference", "event", "outbox"):
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
        )
    cursor.execute("SET session_replication_role = origin")
    connection.commit()
    connection.driver_connection.autocommit = True
    cursor.execute("VACUUM ANALYZE")
    connection.driver_connection.autocommit = False


def _inserter(connection: Any) -> Callable[[str, list[dict[str, Any]]], None]:
    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.strftime("%Y-%m-%d %H:%M:%S.%f")
        return json.dumps(value) if isinstance(value, list | dict) else value

    def write(table: str, rows: list[dict[str, Any]]) -> None:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        if table == "search":
            pairs = [(row["ticket"], " ".join(row["words"])) for row in rows]
            cursor.executemany("INSERT INTO search (rowid, words) VALUES (?, ?)", pairs)
        else:
            names = ", ".join(f'"{name}"' for name in rows[0])
            marks = ", ".join("?" for _ in rows[0])
            cursor.executemany(
                f'INSERT INTO "{table}" ({names}) VALUES ({marks})',
                [[*map(plain, row.values())] for row in rows],
            )
        cursor.execute("COMMIT")

    return write


def _copier(connection: Any) -> Callable[[str, list[dict[str, Any]]], None]:
    def plain(value: Any) -> Any:
        if isinstance(value, frozenset | set):
            return " ".join(f"'{term}'" for term in value)
        return json.dumps(value) if isinstance(value, list | dict) else value

    def write(table: str, rows: list[dict[str, Any]]) -> None:
        names = ", ".join(f'"{name}"' for name in rows[0])
        with connection.cursor().copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row([*map(plain, row.values())])
        connection.commit()

    return write
