"""A mail on its way out, and what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from maild.delivery.dialogue import Reply
from maild.message.write import shorten

TEXT_MAX: Final = 500
# RFC 4954 §6 and RFC 3207 §4: what is wrong with our log-in or TLS is the site's fault, not the recipient's;
# RFC 5321 §4.2.2: 503 says that the dialogue is out of step
OUR_FAULT: Final = frozenset((503, 530, 534, 535, 538))
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")
# RFC 3463 §3.4, §3.5, §3.8: mail system status, network and routing, security or policy
_OF_DOMAIN = re.compile(r"4\.[347]\.")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail for one recipient. `sender` "" is the null sender; `envelope_id` comes back in delivery reports (RFC 3461 §4.4);
    None: no report is asked for."""

    raw: bytes
    sender: str
    recipient: str
    envelope_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mail. "later": try again; "unknown": it may have arrived, try again with the same bytes.

    `text` is printable, at most 500 characters; `status` the enhanced code (RFC 3463), if one was given. `of`: what the reason of "later"
    concerns besides the mail: all mail to its recipient's domain, or all mail because no relay is there.
    """

    kind: Literal["sent", "later", "failed", "unknown"]
    text: str
    status: str | None = None
    of: Literal["mail", "domain", "relay"] = "mail"


def answered(reply: Reply, *, at_recipient: bool = False) -> Outcome:
    """The verdict of a reply; `at_recipient`: it was given to RCPT."""
    found = status_of(reply.text)
    text = shorten(f"{reply.code} {reply.text}", TEXT_MAX)
    if reply.code < 300:
        return Outcome("sent", text, found)
    if reply.code >= 500 and reply.code not in OUR_FAULT:
        return Outcome("failed", text, found)
    of_domain = at_recipient and reply.code != 421 and _OF_DOMAIN.match(found or "")
    return Outcome("later", text, found, "domain" if of_domain else "mail")


def refused(text: str, status: str) -> Outcome:
    """A permanent failure that is found before anything is said to the relay."""
    return Outcome("failed", shorten(text, TEXT_MAX), status)


def status_of(text: str) -> str | None:
    """The enhanced status code with which the text of a reply begins (RFC 2034 §4)."""
    found = _ENHANCED.match(text)
    return found[1] if found else None
