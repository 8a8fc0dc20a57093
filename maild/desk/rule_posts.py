"""Webhooks that rules ask for."""

from __future__ import annotations

from maild.desk.effects import Post
from maild.desk.rulebook import Rulebook
from maild.desk.ruling import Ruling


def posted(ticket: int, url: str, found: Ruling, rulebook: Rulebook) -> Post:
    """The ticket as it goes to this URL: for the first rule of the ruling that names it, and for what the ruling was asked about."""
    naming = (rule.name for rule in rulebook.rules.every if url in rule.actions.get("webhook", ()))
    rule = next(name for name in naming if name in found.fired)
    return Post(ticket, url, rule, found.trace.rounds[0].occasion)
