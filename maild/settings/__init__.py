"""What maild.toml, the sysadmin's file, may hold: sockets, storage, how mail leaves, who is trusted, what is bounded.

Every setting is declared here once, with its default and a sentence; loading, complaints and the described file come from that.
"""

from __future__ import annotations

from typing import Literal

from maild.reading import Shape
from maild.settings.incoming import Imap, Listen, OAuth, Trust
from maild.settings.keeping import Desk, Limits, Log, Metrics, Store
from maild.settings.outgoing import Delivery, Destination, Dkim, Relay, Webhooks
from maild.settings.values import PathSetting, key

__all__ = [
    "Delivery",
    "Desk",
    "Destination",
    "Dkim",
    "Imap",
    "Limits",
    "Listen",
    "Log",
    "Metrics",
    "OAuth",
    "Relay",
    "Settings",
    "Store",
    "Trust",
    "Webhooks",
]


class Settings(Shape):
    """The whole file. Paths are absolute when the file's is."""

    rules: PathSetting = key("The folder of the rule files.", "rules")
    templates: PathSetting = key(
        "The folder of your own templates; what is missing there is built in.", "templates"
    )
    reload: Literal["signal", "watch"] = key(
        "When changed rules and templates are read: at SIGHUP only, or by themselves within seconds.",
        "signal",
    )
    desk: Desk = key("Who the desk is.", {})
    store: Store = key("Where everything is kept.", {})
    listen: tuple[Listen, ...] = key("Where mail comes in.", [])
    imap: tuple[Imap, ...] = key("Mailboxes from which mail is fetched.", [], needed=False)
    relay: tuple[Relay, ...] = key(
        "Where mail goes out. With several, the first that can be reached takes it.", [{}]
    )
    delivery: Delivery = key("How fast mail goes out.", {})
    destination: tuple[Destination, ...] = key(
        "Domains that want mail at a pace of their own.", [], needed=False
    )
    dkim: tuple[Dkim, ...] = key(
        "Keys that sign what goes out, where no mail server of yours does (DKIM).", [], needed=False
    )
    webhooks: Webhooks = key("What posts to webhooks are signed with.", {})
    trust: Trust = key("Whose word on a sender is believed.", {})
    limits: Limits = key("What is bounded.", {})
    log: Log = key("What is logged.", {})
    metrics: Metrics = key("Numbers for Prometheus.", {}, needed=False)
