"""Service levels: which policy a ticket falls under, and when its targets are due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256

from maild.desk.belonging import groups_at
from maild.desk.clocks import clocks, due_times, next_at
from maild.desk.ladder import due_at
from maild.desk.notices import setting
from maild.desk.people import Ticket
from maild.desk.rulebook import Policy, Rulebook
from maild.desk.timeline import opening
from maild.desk.words import Happening, Notify, Role, State

_WHOLE_DAY = ((0, 1440),)
CONDITIONS = ("organisation", "group", "type", "team", "priority")


def policy_for(
    rulebook: Rulebook,
    *,
    organisation: str | None = None,
    address: str = "",
    type: str | None = None,
    team: str | None = None,
    priority: int | None = None,
    groups: Iterable[str] = (),
) -> Policy | None:
    """The policy of a ticket with these facts; `address` is the requester's, `groups` those that the register has of him. None: nothing
    is promised.

    A group with a policy of its own goes first, then the organisation's own, then the first policy of the files whose `for` fits.
    """
    groups = groups_at(address, rulebook, groups)
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


def working_zone(rulebook: Rulebook, ticket: Ticket | None) -> str | None:
    """The name of the zone in whose hours a ticket's promises are kept. None: nothing is promised, or round the clock, which is no place's."""
    policy = rulebook.policies.get(ticket.sla or "") if ticket else None
    calendar = rulebook.calendars.get(policy.calendar) if policy else None
    if calendar is None or calendar.week == (_WHOLE_DAY,) * 7:
        return None
    return calendar.zone.key


def _fits(policy: Policy, facts: Mapping[str, tuple[str | None, ...]]) -> bool:
    return all(any(fact in wanted for fact in facts[name]) for name, wanted in policy.for_.items())


def promised(
    rulebook: Rulebook, policy: Policy | None, priority: int, received_at: datetime
) -> tuple[dict[str, datetime], datetime | None]:
    """When each target of a new ticket is due (UTC), and when there is something to be done about them first.

    Targets without a span for this priority have no due time. Raises ValueError when a calendar has no such time within five years.
    """
    began = opening(received_at, State.NEW, priority, policy.key if policy else None)
    found = clocks(rulebook, began, received_at)
    moments = (next_at(found), due_at(rulebook, 0, began))
    return due_times(found), min((at for at in moments if at is not None), default=None)


def updates(rulebook: Rulebook, ticket: Ticket) -> bool:
    """Whether the ticket's requester may be sent status updates."""
    told = setting(rulebook, Happening.UPDATED, Role.REQUESTER, ticket.organisation)
    return bool(ticket.requester.address) and told is not Notify.OFF


def fingerprint(rulebook: Rulebook) -> str:
    """Stands for everything in the files from which due times follow: with another one they are to be counted again."""
    days = [(one.key, one.zone.key, one.week, sorted(one.holidays)) for one in rulebook.calendars.values()]
    owners = [
        *((one.sla, one.members, one.domains) for one in rulebook.organisations.values()),
        *((one.sla, one.members, one.domains) for one in rulebook.groups.values()),
        *((one.addresses, one.organisation, one.groups) for one in rulebook.people.values()),
        *((one.name, one.phone, one.organisation, one.groups) for one in rulebook.callers),
    ]
    policies = [repr(one) for one in rulebook.policies.values()]
    told = [repr(rule) for rule in rulebook.notices if rule.event in (None, Happening.UPDATED)]
    steps = [repr(one) for one in rulebook.escalation]
    return sha256(repr((days, owners, policies, told, steps)).encode()).hexdigest()


def first_due(ticket: Ticket) -> datetime | None:
    """The earliest thing that is promised on a ticket and still open."""
    answer = ticket.first_response_due if ticket.first_response_at is None else None
    dues = (answer, ticket.update_due, ticket.resolution_due, ticket.due_at)
    return min((due for due in dues if due is not None), default=None)
