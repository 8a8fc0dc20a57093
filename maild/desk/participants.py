"""Who joins a ticket from To and Cc (CONTRACT §4)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from maild.desk.facts import Address, Mail
from maild.desk.rulebook import Rulebook

ROBOT = re.compile(
    r"^(?:mailer-daemon|postmaster|(?:.*[._-])?(?:no|do-?_?not)[._-]?reply|bounces?|root|daemon|nobody|owner-.*|.*-(?:request|owner|bounces?))(?:[+=-].*)?$",
    re.IGNORECASE,
)
MONITOR = re.compile(
    r"^(?:nagios|icinga2?|naemon|zabbix|check_?mk|prometheus|alert-?manager|grafana|munin|monit|cron|anacron|crond?-?daemon|logwatch|logcheck|smartd|"
    r"mdadm|fail2ban|www-data|apache|jenkins|notifications?|alerts?)(?:[+=-].*)?$",
    re.IGNORECASE,
)
LIST = re.compile(r"^(?:list|listserv|majordomo|.*-list)$", re.IGNORECASE)


def is_robot(address: str) -> bool:
    """Whether nobody reads mail to this address, by its name."""
    local = address.rpartition("@")[0]
    return bool(ROBOT.match(local) or LIST.match(local) or MONITOR.match(local))


@dataclass(frozen=True, slots=True)
class Joining:
    """Who joins, and who is only proposed to the agents, with why."""

    join: tuple[Address, ...]
    proposed: tuple[Address, ...]
    why: str


def joining(mail: Mail, rulebook: Rulebook, *, believed: bool, known: Iterable[str], why: str) -> Joining:
    """People in To and Cc of a mail; nobody with `desk.cc: ignore`. `believed`: its sender is the proved requester or an agent. `known`: keys already in the ticket."""
    there = set(known)
    if mail.sender is not None:
        there.add(mail.sender.key)
    there |= {one for key in tuple(there) if key in rulebook.people for one in rulebook.people[key].addresses}
    fresh: dict[str, Address] = {}
    for address in (*mail.to, *mail.cc):
        skip = (
            rulebook.is_own(address.address)
            or rulebook.agent(address.address) is not None
            or is_robot(address.address)
        )
        if not skip and "@" in address.address and address.key not in there:
            fresh.setdefault(address.key, address)
    people = tuple(fresh.values()) if rulebook.copies_join else ()
    room = max(0, rulebook.limits.participants - len(there))
    if not believed:
        return Joining((), people[: rulebook.limits.participants], why)
    return Joining(
        people[:room], people[room : room + rulebook.limits.participants], "more people than a ticket takes"
    )
