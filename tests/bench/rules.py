"""What rules cost by how many there are: `python -m tests.bench.rules [MOST]`.

For 10, 100, 1,000 and 10,000 rules (words, phrases, patterns, senders and ticket words mixed, one in a thousand fits): seconds to
compile them, and milliseconds of processor time for one mail of 4 kB and of 100 kB, none of them seen before.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from maild.desk.facts import Address
from maild.desk.people import Person, Ticket
from maild.desk.rule_facts import Facts, MailFacts
from maild.desk.rulebook import Identity, Rulebook
from maild.desk.rules import Lexicon, compile_rules
from maild.desk.ruling import run
from maild.desk.words import State

COUNTS = (10, 100, 1_000, 10_000)
SIZES = {"4 kB": 4_000, "100 kB": 100_000}
MAILS = 9
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def word(chance: random.Random) -> str:
    return "".join(chance.choices("abcdefghijklmnopqrstuvwxyzéñü", k=chance.randint(4, 9)))


def rule(number: int, chance: random.Random) -> dict[str, Any]:
    """One rule, of the kinds that admins write."""
    kinds: tuple[dict[str, Any], ...] = (
        {"text": [word(chance), f"{word(chance)} {word(chance)}"]},
        {"subject": rf"/(?i)\b{word(chance)}-\d{{4,}}\b/"},
        {"body": f"{word(chance)} {word(chance)} {word(chance)}", "not": {"organisation": "Globex"}},
        {"from": f"{word(chance)}@{word(chance)}.example", "team": None},
    )
    when = {"text": "production down"} if number % 1000 == 7 else kinds[number % len(kinds)]
    then = {"tags": [f"t{number}"], "priority": 2}
    return {"name": f"Rule {number}", "on": ("ticket",), "when": when, "then": then, "stop": False}


def mail(size: int, chance: random.Random) -> MailFacts:
    words = ["production", "down", *(word(chance) for _ in range(size // 7))]
    return MailFacts(
        Address("Carla", "carla@globex.example"), subject=" ".join(words[2:8]), body=" ".join(words)[:size]
    )


def milliseconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start)


def main(most: int = COUNTS[-1]) -> None:
    person = Person(1, "Carla", "carla@globex.example")
    ticket = Ticket(0, "", State.NEW, person, NOW, NOW, NOW)
    print(
        f"{'rules':>6}  {'compile':>8}  "
        + "  ".join(f"{f'{name}: median':>15} {'worst':>7}" for name in SIZES)
    )
    for count in (one for one in COUNTS if one <= most):
        chance = random.Random(count)
        start = time.process_time()
        rules = compile_rules(((rule(number, chance), "") for number in range(count)), Lexicon())
        row = f"{count:>6}  {time.process_time() - start:>7.2f}s  "
        book = Rulebook(Identity("Acme", "support@acme.example", "Acme"), rules=rules)
        for size in SIZES.values():
            mails = [Facts(mail(size, chance), now=NOW) for _ in range(MAILS)]
            taken = [milliseconds(partial(run, "ticket", facts, ticket, book)) for facts in mails]
            assert all("Rule 7" in run("ticket", facts, ticket, book).fired for facts in mails)
            row += f"{statistics.median(taken):>15.2f} {max(taken):>7.2f}  "
        print(row.rstrip())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
