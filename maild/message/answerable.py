"""Whether a mail may be answered automatically (RFC 3834 §2), whatever kind of mail it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from maild.desk.facts import Address, Proof, Trust, Verdict
from maild.message.headers import Fields, statements

_SUPPRESSED = frozenset({"all", "oof", "autoreply"})
_SILENT_PRECEDENCE = frozenset({"bulk", "list", "junk"})
_ROBOT = re.compile(
    r"mailer-?daemon|mdaemon|daemon|postmaster|listserv|majordomo|bounces?|auto-?(?:reply|responder|respond)|"
    r"(?:.{1,40}[._+-])?(?:no|do-?_?not|dont|ne-?pas|nao|non?|keine?)[._-]?(?:reply|respond|r[eé]pondre|responder|responda|rispondere|antwort(?:en)?)(?:[._+-].{1,60})?|"
    r"bounces?[+=._-].{1,64}|.{1,60}[._-]bounces?|owner-.{1,60}|.{1,60}-(?:owner|request)",
    re.IGNORECASE,
)


def is_robot(address: str) -> bool:
    """Whether nobody reads what is sent to this address (RFC 3834 §2: mailer-daemon, owner-*, *-request and the like)."""
    return bool(_ROBOT.fullmatch(address.rpartition("@")[0][:120]))


def own_list(fields: Fields, trust: Trust) -> bool:
    """Whether the mail came through a list that is one of our own ways in."""
    return any(list_id(value) in trust.lists for value in fields.all("list-id"))


def list_id(value: str) -> str:
    """The identifier in a List-Id value (RFC 2919 §2), in lower case."""
    inner = value.rpartition("<")[2].partition(">")[0] if "<" in value else value
    return inner.strip().lower()


def auto_submitted(fields: Fields) -> str:
    """The first word of Auto-Submitted in lower case (RFC 3834 §5); "" when the field is absent."""
    value = fields.first("auto-submitted").lower()
    words = (statements(value) or [value])[0].split()
    return words[0] if words else value


def precedence(fields: Fields) -> str:
    """Precedence (RFC 2076 §3.9) in lower case; "" when the field is absent."""
    return fields.first("precedence").strip().lower()


def disproved(proof: Proof) -> tuple[str, ...]:
    """That the sender is not who he says he is, as a reason; nothing when that is not known."""
    return (f"dmarc=fail says {proof.host}",) if proof.dmarc is Verdict.FAIL else ()


def reasons(fields: Fields, from_: Sequence[Address], proof: Proof, trust: Trust) -> tuple[str, ...]:
    """Why no automatic answer may go to the sender, as sentences for `explain`; empty when one may."""
    found: list[str] = []
    submitted = auto_submitted(fields)
    if submitted and submitted != "no":
        found.append(f"Auto-Submitted: {submitted}")
    own = own_list(fields, trust)
    priority = precedence(fields)
    if priority in _SILENT_PRECEDENCE and not (own and priority == "list"):
        found.append(f"Precedence: {priority}")
    lists = sorted(name for name in fields.names() if name.startswith("list-"))
    if lists and not own:
        found.append(f"{lists[0].title()} is set")
    suppressed = {
        word.strip().lower() for value in fields.all("x-auto-response-suppress") for word in value.split(",")
    }
    if suppressed & _SUPPRESSED:
        found.append(f"X-Auto-Response-Suppress: {', '.join(sorted(suppressed & _SUPPRESSED))}")
    found += [f"the address of a robot: {address.address}" for address in from_ if is_robot(address.address)]
    found += disproved(proof)
    for name, start in trust.spam:
        if any(value.lower().startswith(start.lower()) for value in fields.all(name.lower())):
            found.append(f"{name}: {start} says spam")
    return tuple(found)
