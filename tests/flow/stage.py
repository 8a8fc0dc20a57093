"""A desk in one process: files in a folder, a store, a clock that the test moves, and the mails it would send."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from maild import site
from maild.desk.facts import Envelope
from maild.flow import Flow
from maild.keeping import Kept
from maild.settling import Delivered, Outbound
from store import Store

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MAILD_TOML = """\
[desk]
name = "Acme Support"
address = "support@acme.test"
aliases = ["help@acme.test"]
tag = "Acme"
[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"
[relay]
address = "127.0.0.1:2526"
[trust]
authserv_ids = ["mx.acme.test"]
"""
RULES = """\
fields:
  product: {label: Product, values: [flow, rsr]}
teams:
  support: {name: First line}
  engineering: {name: Second line, level: 2}
agents:
  - {name: Ana Ruiz, address: ana@acme.test, team: support, languages: [es, en]}
  - {name: Ben Okoro, address: ben@acme.test, team: support}
  - {name: Chen Li, address: chen@acme.test, team: engineering, role: admin}
organisations:
  - {name: Globex, domains: [globex.test]}
calendars:
  always: {timezone: UTC, mon-sun: "00:00-24:00"}
sla:
  standard: {calendar: always, first_response: 10m, resolution: 24h}
"""


@dataclass(slots=True)
class Stage:
    """The desk and its clock."""

    flow: Flow
    store: Store
    now: list[datetime] = field(default_factory=lambda: [NOW])

    def take(
        self, raw: bytes, *to: str, sender: str = "carla@globex.test", route: str = "smtp", **envelope: bool
    ) -> int:
        """Keep one mail; its intake row."""
        digest = hashlib.sha256(raw).hexdigest()
        recipients = to or ("support@acme.test",)
        kept = Envelope(sender, recipients, route, "127.0.0.1", self.now[0], **{"trusted": True, **envelope})
        [row] = self.flow.keep([Kept(io.BytesIO(raw), len(raw), digest, kept)])
        return row

    def work(self) -> None:
        """Process all that waits."""
        while self.flow.work():
            pass

    def sent(self, kind: str = "sent", text: str = "250 ok") -> list[tuple[Outbound, EmailMessage]]:
        """Deliver all that is due, with this outcome; what went out, in order."""
        out = []
        while batch := self.flow.outgoing(50):
            self.flow.settle([(mail.row, Delivered(kind, text)) for mail in batch])
            out += [(mail, parsed(mail.row.raw)) for mail in batch]
        return out

    def pass_time(self, span: timedelta) -> None:
        self.now[0] += span


def stage(folder: Path, store: Store, toml: str = MAILD_TOML, rules: str = RULES) -> Stage:
    """A desk on this store."""
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "10.yaml").write_text(rules, encoding="utf-8")
    (folder / "maild.toml").write_text(toml, encoding="utf-8")
    loaded = site.load(folder / "maild.toml", NOW)
    now = [NOW]
    return Stage(Flow(loaded, store, lambda: now[0]), store, now)


def parsed(raw: bytes) -> EmailMessage:
    """A mail as the standard library reads it."""
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body else ""


def mail(
    sender: str,
    subject: str,
    text: str,
    number: int = 1,
    to: str = "support@acme.test",
    headers: Sequence[str] = (),
) -> bytes:
    """A plain mail with CRLF; `headers` are whole lines."""
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Message-ID: <{number}@client.test>", "Date: Mon, 02 Mar 2026 08:59:00 +0000",
             "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", *headers]  # fmt: skip
    return "\r\n".join([*lines, "", *text.split("\n"), ""]).encode()


def answer(to: EmailMessage, sender: str, text: str, number: int) -> tuple[bytes, str]:
    """An answer as a mail program writes it, quoting, and the address it goes to."""
    quoted = "\n".join(f"> {line}" for line in text_of(to).splitlines())
    headers = [
        f"In-Reply-To: {to['Message-ID']}",
        f"References: {' '.join(filter(None, (to['References'], to['Message-ID'])))}",
    ]
    address = to["Reply-To"].addresses[0].addr_spec
    body = f"{text}\n\nOn {to['Date']}, {to['From']} wrote:\n{quoted}"
    return mail(sender, f"Re: {to['Subject']}", body, number, str(to["Reply-To"]), headers), address
