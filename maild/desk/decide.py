"""The door of the core: `decide(event, snapshot, rulebook, given) -> Decision(effects, reasons)`.

The same call serves the daemon and everything that only wants to know what would happen.
"""

from __future__ import annotations

from typing import assert_never

from maild.desk.acting import acted, clock_due, delivered_late, delivery_failed
from maild.desk.arriving import arrived
from maild.desk.effects import Decision, Given
from maild.desk.events import Acted, ClockDue, DeliveredLate, DeliveryFailed, Event, MessageArrived
from maild.desk.rulebook import Rulebook
from maild.desk.snapshot import Snapshot


def decide(event: Event, snapshot: Snapshot, rulebook: Rulebook, given: Given) -> Decision:
    """What follows from one event, in order, and why. Pure: the same arguments give the same decision."""
    match event:
        case MessageArrived():
            return arrived(event, snapshot, rulebook, given)
        case Acted():
            return acted(event, snapshot, rulebook, given)
        case DeliveryFailed():
            return delivery_failed(event, snapshot, rulebook, given)
        case DeliveredLate():
            return delivered_late(event, snapshot, rulebook, given)
        case ClockDue():
            return clock_due(event, snapshot, rulebook, given)
        case _:
            assert_never(event)
