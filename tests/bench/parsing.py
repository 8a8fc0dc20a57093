"""What understanding a mail costs beside mail-parser alone, in one run: `python -m tests.bench.parsing [COUNT]`.

Prints median and worst milliseconds of processor time for each kind of mail, and the ratio of the medians.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from email import message_from_bytes
from email.message import EmailMessage

import mailparser

from maild.message.parse import parse
from tests.bench.mails import mails

ROUNDS = 5


def html_only(raw: bytes) -> bytes:
    """The same mail without its plain alternative."""
    given = message_from_bytes(raw)
    page = next(part for part in given.walk() if part.get_content_type() == "text/html")
    made = EmailMessage()
    for name in ("From", "To", "Subject", "Message-ID"):
        made[name] = given[name]
    made.set_content(page.get_payload(decode=True).decode(), subtype="html")
    return b"\r\n".join(made.as_bytes().splitlines()) + b"\r\n"


def milliseconds(works: Sequence[Callable[[bytes], object]], raw: bytes) -> list[float]:
    """The best of a few runs of each, taken in turns, so that what disturbs one disturbs the others."""
    best = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for at, work in enumerate(works):
            start = time.process_time()
            work(raw)
            best[at] = min(best[at], time.process_time() - start)
    return [1000 * seconds for seconds in best]


def main(count: int = 200) -> None:
    made = [one.raw for one in mails(count)]
    pages = [mail for mail in made if b"text/html" in mail]
    kinds = {
        "plain": [mail for mail in made if b"multipart/" not in mail],
        "with HTML": pages,
        "HTML only": [html_only(mail) for mail in pages],
        "attachment": [mail for mail in made if b"multipart/mixed" in mail],
    }
    for mail in made[:10]:
        parse(mail)  # loads what is loaded once
    print(
        f"{'':<11} {'mails':>5}  {'maild: median':>13} {'worst':>6}  {'mail-parser: median':>19} {'worst':>6}  ratio"
    )
    for kind, chosen in kinds.items():
        both = [milliseconds((parse, mailparser.parse_from_bytes), mail) for mail in chosen]
        ours, alone = [one for one, _ in both], [other for _, other in both]
        middle, base = statistics.median(ours), statistics.median(alone)
        print(
            f"{kind:<11} {len(chosen):>5}  {middle:>13.2f} {max(ours):>6.2f}  {base:>19.2f} {max(alone):>6.2f}  {middle / base:>5.2f}"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
