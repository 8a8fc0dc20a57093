"""Mails to measure with: the same ones for every run. 60 % plain, 30 % with HTML, 10 % with an attachment; each from another customer."""

from __future__ import annotations

import random
from email.message import EmailMessage

TEXT = """printer invoice order since this morning the portal no longer works for anyone in our office when I click on save
nothing is stored we restarted the machine twice without any effect could you please tell me when it will be fixed"""
WORDS = TEXT.split()


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(8, 18))).capitalize() + "."


def _text(chance: random.Random, size: int) -> str:
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        lines.append(_sentence(chance))
    return "\n".join(lines)


def mails(count: int, seed: int = 1) -> list[bytes]:
    """`count` mails as they travel: CRLF, no dot at the beginning of a line."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        mail = EmailMessage()
        mail["From"] = f"Customer {number} <c{number}@customer{number % 97}.example>"
        mail["To"] = "Bench <support@bench.test>"
        mail["Subject"] = _sentence(chance)[:60]
        mail["Message-ID"] = f"<{seed}.{number}@customer.example>"
        kind = number % 10
        mail.set_content(_text(chance, chance.randint(1000, 4000)))
        if kind in (6, 7, 8):
            paragraphs = "".join(
                f"<p class=MsoNormal>{_sentence(chance)}</p>" for _ in range(chance.randint(40, 200))
            )
            mail.add_alternative(
                f"<html><head><style>p {{margin:0}}</style></head><body>{paragraphs}</body></html>",
                subtype="html",
            )
        if kind == 9:
            mail.add_attachment(
                chance.randbytes(chance.randint(50_000, 300_000)),
                maintype="application",
                subtype="pdf",
                filename="report.pdf",
            )
        made.append(b"\r\n".join(mail.as_bytes().splitlines()) + b"\r\n")
    return made
