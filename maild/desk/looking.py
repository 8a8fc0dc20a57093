"""When the rules on time should look at a ticket again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from maild.desk.people import Ticket
from maild.desk.rules import Rules
from maild.desk.words import State

RESTLESS: Final = timedelta(minutes=15)


def next_look(rules: Rules, ticket: Ticket, now: datetime, *, fresh: bool) -> datetime | None:
    """When one of the spans that rules on time wait for is over. None: never.

    `fresh`: the ticket was just changed, so that a span that is over already may count now. What comes about without anybody's
    doing (working hours) is looked at four times an hour.
    """
    if ticket.dormant or ticket.state in (State.MERGED, State.SPAM) or not rules.on("time"):
        return None
    starts = (ticket.active_at or ticket.received_at, ticket.received_at)
    moments = [start + span for span in rules.waits for start in starts]
    if fresh and any(moment <= now for moment in moments):
        return now
    coming = [moment for moment in moments if moment > now]
    if rules.restless and ticket.state is not State.CLOSED:
        coming.append(now + RESTLESS)
    return min(coming, default=None)
