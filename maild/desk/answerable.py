"""Whether a person's mail may be answered automatically, and within which bounds (CONTRACT §7, RFC 3834 §2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from maild.desk.effects import Given
from maild.desk.events import MessageArrived
from maild.desk.facts import Envelope, Kind, Mail
from maild.desk.participants import is_robot
from maild.desk.rulebook import Limits, Rulebook
from maild.desk.snapshot import Counts, Snapshot
from maild.desk.tokens import LOCAL_PART_MAX

ADDRESS_MAX = 254  # RFC 5321 §4.5.3.1.3, less the brackets
SUPPRESSED = "the address is suppressed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refusals` empty: it may be answered, not before `delay` if that is set."""

    refusals: tuple[str, ...]
    delay: datetime | None = None


def bounds(address: str, snapshot: Snapshot, limits: Limits, given: Given) -> Verdict:
    """What stands against automatic mail to one address: it is suppressed, or a bound is reached. Bounds by address refuse, those by domain
    and over all only delay: what is too much for this hour goes into the next ones."""
    suppressed = snapshot.suppressed.get(address.lower())
    if suppressed is not None:
        return Verdict((f"{SUPPRESSED}: since {suppressed.at:%Y-%m-%d}, {suppressed.why}",))
    counts = snapshot.automatic.get(address.lower(), Counts())
    most = limits.automatic_per_address_per_hour
    if most is not None and counts.address >= most:
        return Verdict(
            (
                f"limits.automatic_per_address_per_hour: {counts.address} automatic mails to this address within an hour",
            )
        )
    late = [
        count // bound
        for count, bound in (
            (counts.domain, limits.automatic_per_domain_per_hour),
            (counts.total, limits.automatic_per_hour),
        )
        if bound is not None and count >= bound
    ]
    return Verdict((), given.now + timedelta(hours=max(late)) if late else None)


def ticket_bound(ticket: int, snapshot: Snapshot, limits: Limits) -> str | None:
    """Why no more automatic mail may go out on this ticket today; None when it may."""
    sent, most = snapshot.ticket_automatic.get(ticket, 0), limits.automatic_per_ticket_per_day
    if most is not None and sent >= most:
        return f"limits.automatic_per_ticket_per_day: {sent} automatic mails on this ticket within a day"
    return None


def _repeated(mail: Mail, to: str, snapshot: Snapshot, limits: Limits) -> bool:
    """Whether a robot that looks like a person answers each of our mails alike, however slowly. People behind a form may write alike."""
    most, sender = limits.automatic_per_address_per_hour, mail.sender
    same = sender is not None and sender.key == to.lower()
    return same and most is not None and snapshot.repeated >= most


def _age(mail: Mail, envelope: Envelope, given: Given) -> timedelta:
    """How old it was when it came to us. In a mailbox it may have lain for long: there `received_at` is when it came into that, and counts
    where no Date says better."""
    if envelope.route.startswith("imap:"):
        said = mail.date if mail.date and mail.date <= given.now else None
        return given.now - (said or envelope.received_at)
    return envelope.received_at - mail.date if mail.date else timedelta(0)


def acknowledgeable(
    event: MessageArrived, to: str, snapshot: Snapshot, rulebook: Rulebook, given: Given
) -> Verdict:
    """May `to`, the requester of this mail, be acknowledged?"""
    mail, envelope, refusals = event.mail, event.envelope, list(event.mail.unanswerable)
    if mail.kind is not Kind.PERSON:
        refusals.append(f"kind is {mail.kind}")
    if envelope.sender == "":  # RFC 3834 §2: never in answer to the null return-path
        refusals.append("the envelope sender is <>")
    if mail.sender is None:
        refusals.append("no From, or several")
    if not to:
        refusals.append("no address")
    elif len(to.rpartition("@")[0].encode()) > LOCAL_PART_MAX or len(to) > ADDRESS_MAX:
        refusals.append("no possible address")
    elif rulebook.is_own(to):
        refusals.append("the address is the desk's own")
    elif is_robot(to):
        refusals.append(f"the address of a robot: {to}")
    if _repeated(mail, to, snapshot, rulebook.limits):
        refusals.append(f"the same words again and again: {snapshot.repeated} times within a day")
    if envelope.route == "import":
        refusals.append("imported")
    if _age(mail, envelope, given) > rulebook.limits.acknowledge_within:
        refusals.append("older than limits.acknowledge_within")
    bound = bounds(to, snapshot, rulebook.limits, given)
    return Verdict(tuple(dict.fromkeys((*refusals, *bound.refusals))), bound.delay)
