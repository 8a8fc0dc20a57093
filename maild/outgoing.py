"""What maild.toml says of outgoing mail, as those want it who send: relays, keys that sign, and how much of what may go where."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from maild import config
from maild.delivery.opening import Relay
from maild.delivery.send import Sender
from maild.delivery.signing import Signer, Source
from maild.errors import ConfigError, Problem
from maild.settings import Dkim, Settings
from maild.settings import Relay as RelaySettings
from store.destinations import CATCH_UP
from store.rows import Pace

AHEAD: Final = 4
"""How many mails are claimed for each that can be under way at once."""


def relays(settings: Settings, env: Mapping[str, str] = os.environ) -> list[Relay]:
    """The relays in their order. Passwords are read when they are needed."""
    return [_relay(one, settings.desk.hostname, env) for one in settings.relay]


def _relay(one: RelaySettings, hostname: str, env: Mapping[str, str]) -> Relay:
    password: Callable[[], str | None] = partial(config.password, one, env)
    return Relay(
        one.address,
        one.tls,
        one.user,
        password,
        hostname,
        one.connections,
        ca_file=str(one.ca_file) if one.ca_file else None,
        in_clear=one.password_in_clear,
    )


def sender(settings: Settings, may_send: Callable[[], bool], env: Mapping[str, str] = os.environ) -> Sender:
    """What hands mail to the relays. Raises ConfigError for a `ca_file` that cannot be used."""
    try:
        return Sender(relays(settings, env), Paces(settings).at_once, may_send=may_send)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            [Problem("maild.toml", 0, 0, f"ca_file of a relay cannot be used: {reason}")]
        ) from error


def signer(settings: Settings, env: Mapping[str, str] = os.environ) -> Signer:
    """What signs as [[dkim]] says. Raises ConfigError for a key that cannot be used."""
    return Signer([source(one, env) for one in settings.dkim])


def source(one: Dkim, env: Mapping[str, str] = os.environ) -> Source:
    """The key of one [[dkim]]. Raises ConfigError when nobody says where it is."""
    return Source(one.domain, one.selector, _key_file(one, env))


def _key_file(one: Dkim, env: Mapping[str, str]) -> Path:
    if one.key_file is not None:
        return one.key_file
    folder = env.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        needs = f"credential '{one.credential}' needs systemd (LoadCredential=)"
        raise ConfigError([Problem("maild.toml", 0, 0, needs)])
    return Path(folder, one.credential or "")


class Paces:
    """How much mail goes to a recipient domain, as [delivery] and [[destination]] say."""

    def __init__(self, settings: Settings) -> None:
        delivery, connections = settings.delivery, max(one.connections for one in settings.relay)
        usual = min(delivery.per_domain, max(1, connections - 1))
        self._usual = (usual, _gap(delivery.per_domain_per_minute))
        self._own = {one.domain: (one.at_once or usual, _gap(one.per_minute)) for one in settings.destination}

    def at_once(self, domain: str) -> int:
        """How many mails may be under way to it at once."""
        return self._own.get(domain, self._usual)[0]

    def pace(self, domain: str, going: int) -> Pace:
        """What may be claimed of it while `going` mails are claimed already."""
        at_once, gap = self._own.get(domain, self._usual)
        return Pace(AHEAD * at_once - going, gap)


def _gap(per_minute: int | None) -> timedelta | None:
    """Between two mails, so long that in no minute there are more, whatever is caught up in it."""
    return None if per_minute is None else (timedelta(minutes=1) + CATCH_UP) / per_minute
