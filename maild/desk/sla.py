"""Service levels: which policy a ticket falls under, and when its targets are due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from maild.desk import calendars
from maild.desk.rulebook import Policy, Rulebook

TARGETS = ("first_response", "update", "resolution", "silence")
CONDITIONS = ("organisation", "group", "type", "team", "priority")


def policy_for(
    rulebook: Rulebook,
    *,
    organisation: str | None = None,
    address: str = "",
    type: str | None = None,
    team: str | None = None,
    priority: int | None = None,
) -> Policy | None:
    """The policy of a ticket with these facts; `address` is the requester's. None: nothing is promised.

    A group with a policy of its own goes first, then the organisation's own, then the first policy of the files whose `for` fits.
    """
    groups = _groups(rulebook, address)
    customer = rulebook.organisations.get(organisation or "")
    owned = [rulebook.groups[key].sla for key in groups] + ([customer.sla] if customer else [])
    for key in owned:
        if key is not None:
            return rulebook.policies[key]
    facts = {
        "organisation": (organisation,),
        "group": groups,
        "type": (type,),
        "team": (team,),
        "priority": (str(priority),),
    }
    return next((policy for policy in rulebook.policies.values() if _fits(policy, facts)), None)


def _groups(rulebook: Rulebook, address: str) -> tuple[str, ...]:
    key = address.lower()
    domain = key.rpartition("@")[2]
    return tuple(
        group.key for group in rulebook.groups.values() if key in group.members or domain in group.domains
    )


def _fits(policy: Policy, facts: Mapping[str, tuple[str | None, ...]]) -> bool:
    return all(any(fact in wanted for fact in facts[name]) for name, wanted in policy.for_.items())


def due_at_opening(
    rulebook: Rulebook, policy: Policy, priority: int, received_at: datetime
) -> dict[str, datetime]:
    """When each target of a new ticket is due (UTC). Targets without a span for this priority have no due time.

    Silence is counted by the wall clock, the others by the target's calendar or else the policy's.
    Raises ValueError when a calendar has no such time within five years.
    """
    due = {}
    for name, target in policy.targets.items():
        span = target.span(priority)
        if span is None:
            continue
        if name == "silence" and target.calendar is None:
            due[name] = received_at.astimezone(UTC) + span
        else:
            due[name] = calendars.add(
                rulebook.calendars[target.calendar or policy.calendar], received_at, span
            )
    return due
