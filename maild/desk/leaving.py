"""What may leave the desk with an agent's answer, and what must not (CONTRACT §4)."""

from __future__ import annotations

import re

from maild.desk import tokens
from maild.desk.facts import Attachment
from maild.desk.rulebook import Agent, Rulebook

_STAYS = frozenset(
    (
        "text/vcard",
        "text/x-vcard",
        "text/directory",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-signature",
        "application/pgp-keys",
        "application/ms-tnef",
    )
)
_ADDRESS = re.compile(r"[\w.+=~-]{1,64}@[\w.-]{1,255}\w", re.UNICODE)


def may_leave(attachment: Attachment) -> bool:
    """Whether an agent's attachment goes to the requester: not his vCard, not his signature."""
    return attachment.type.lower() not in _STAYS and not attachment.name.lower().endswith((".vcf", ".p7s"))


def leaks(text: str, agent: Agent, rulebook: Rulebook) -> tuple[str, ...]:
    """What in an answer must not leave: addresses of agents, and addresses of the desk that hold a token. Empty: it may go."""
    identity, found = rulebook.identity, []
    for address in dict.fromkeys(match[0].rstrip(".") for match in _ADDRESS.finditer(text)):
        if address.lower() == agent.address or rulebook.agent(address) is not None:
            found.append(f"the address {address}")
        else:
            details = tokens.candidates((address,), identity.addresses, identity.delimiter)
            if any(tokens.read(detail) is not None for detail in details):
                found.append("a reply address of ours with its token")
    return tuple(found)
