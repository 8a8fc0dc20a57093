"""What maild.toml, the sysadmin's file, may hold: sockets, storage, how mail leaves, who is trusted, what is bounded.

Every setting is declared here once, with its default and a sentence; loading, complaints and the described file come from that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from maild.reading import Shape
from maild.settings.incoming import Listen, Trust
from maild.settings.keeping import Desk, Limits, Log, Store
from maild.settings.outgoing import Relay, Webhooks
from maild.settings.values import PathSetting, key

__all__ = ["Desk", "Limits", "Listen", "Log", "Relay", "Settings", "Store", "Trust", "Webhooks"]


class Settings(Shape):
    """The whole file. Paths are absolute when the file's is."""

    advice: ClassVar[Mapping[str, str]] = {
        "imap": "fetching from mailboxes is not supported by this version of maild"
    }
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
    relay: Relay = key("Where mail goes out.", {})
    webhooks: Webhooks = key("What posts to webhooks are signed with.", {})
    trust: Trust = key("Whose word on a sender is believed.", {})
    limits: Limits = key("What is bounded.", {})
    log: Log = key("What is logged.", {})
