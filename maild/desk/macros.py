"""Macros: answers written once. What may stand in double braces in their text, and what it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from maild.desk.people import Ticket
from maild.desk.rulebook import Agent, Identity

VARIABLE = re.compile(r"\{\{\s*([^{}\n]*?)\s*\}\}")
VARIABLES: Mapping[str, Callable[[Ticket, Agent | None, Identity], str]] = MappingProxyType(
    {
        "ticket.id": lambda ticket, agent, desk: str(ticket.id),
        "ticket.subject": lambda ticket, agent, desk: ticket.subject,
        "requester.name": lambda ticket, agent, desk: ticket.requester.name,
        "agent.name": lambda ticket, agent, desk: agent.name if agent else desk.name,
        "desk.name": lambda ticket, agent, desk: desk.name,
        "desk.address": lambda ticket, agent, desk: desk.address,
    }
)


def filled(text: str, ticket: Ticket, agent: Agent | None, desk: Identity) -> str:
    """The text with its variables' values. KeyError for one that does not exist, which reading the file refuses."""

    def value(found: re.Match[str]) -> str:
        return " ".join(VARIABLES[found[1]](ticket, agent, desk).split())

    return VARIABLE.sub(value, text)
