"""Mails to measure with: the same ones for every run. 60 % plain (1 to 4 kB), 30 % with HTML (5 to 30 kB), 10 % with an attachment (50 to
500 kB); a third answer an earlier one."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import NamedTuple

TEXT = """printer invoice order since this morning the portal no longer works for anyone in our office when I click on save
nothing is stored we restarted the machine twice without any effect could you please tell me when it will be fixed"""
WORDS = TEXT.split()
APART = 30
"""An answer comes so many mails after what it answers, or later."""
_STYLE = "font-size:11.0pt;font-family:&quot;Calibri&quot;,sans-serif;color:#1F497D"


class Made(NamedTuple):
    """A mail as it travels (CRLF, no dot at the beginning of a line), and whether it answers an earlier one."""

    raw: bytes
    answer: bool


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(8, 18))).capitalize() + "."


def _text(chance: random.Random, size: int) -> str:
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        lines.append(_sentence(chance))
    return "\n".join(lines)


def _page(chance: random.Random, size: int) -> str:
    """HTML as Outlook writes it."""
    rows: list[str] = []
    while sum(map(len, rows)) < size:
        link = f"https://www.customer{chance.randrange(97)}.example/p?id={chance.randrange(10**8)}"
        rows.append(
            f'<p class="MsoNormal"><span lang="EN-US" style="{_STYLE}">{_sentence(chance)}<o:p></o:p></span></p>\n'
            f'<p class="MsoNormal"><a href="{link}"><b>Details</b></a>&nbsp;<img src="cid:i1@x" width="1" height="1" alt=""></p>\n'
        )
    style = "p.MsoNormal {margin:0cm;font-size:11.0pt}"
    return f"<html><head><style><!-- {style} --></style></head><body><div>{''.join(rows)}</div></body></html>"


def _headers(mail: EmailMessage, chance: random.Random, seed: int, number: int, answered: int | None) -> None:
    writer = number if answered is None else answered
    host = f"customer{writer % 97}.example"
    for hop in range(2):
        mail["Received"] = (
            f"from mx{hop}.{host} (mx{hop}.{host} [192.0.2.{hop + 1}]) by in{hop}.bench.test (Postfix) with ESMTPS id {number:x}"
        )
    signature = base64.b64encode(chance.randbytes(128)).decode()
    mail["DKIM-Signature"] = (
        f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={host}; s=s1; h=from:to:subject; b={signature}"
    )
    mail["From"] = f"Customer {writer} <c{seed}.{writer}@{host}>"
    mail["To"] = "Bench <support@bench.test>"
    subject = _sentence(random.Random(writer))[:60]
    mail["Subject"] = subject if answered is None else f"Re: {subject}"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{seed}.{number}@{host}>"
    if answered is not None:
        mail["In-Reply-To"] = mail["References"] = f"<{seed}.{answered}@{host}>"


def mails(count: int, seed: int = 1) -> list[Made]:
    """`count` mails, to be sent in this order."""
    chance = random.Random(seed)
    made: list[Made] = []
    first: list[int] = []
    for number in range(count):
        mail = EmailMessage()
        earlier = [one for one in first if one <= number - APART]
        answered = chance.choice(earlier[-90:]) if number % 3 == 2 and earlier else None
        first += [number] if answered is None else []
        _headers(mail, chance, seed, number, answered)
        kind = chance.choices(("plain", "html", "file"), (60, 30, 10))[0]
        text = _text(chance, chance.randint(1000, 4000))
        if answered is not None:
            quoted = _text(chance, 600).replace("\n", "\n> ")
            text += f"\n\nOn Mon, 2 Mar 2026 at 08:00, Bench <support@bench.test> wrote:\n> {quoted}"
        mail.set_content(text, cte=chance.choice(("8bit", "quoted-printable", "base64")))
        if kind == "html":
            mail.add_alternative(_page(chance, chance.randint(5_000, 30_000)), subtype="html")
        if kind == "file":
            size = int(50_000 * 10 ** chance.random())
            mail.add_attachment(
                chance.randbytes(size), maintype="application", subtype="pdf", filename="report.pdf"
            )
        raw = b"\r\n".join(mail.as_bytes().splitlines()) + b"\r\n"
        made.append(Made(raw.replace(b"\r\n.", b"\r\n.."), answered is not None))
    return made
