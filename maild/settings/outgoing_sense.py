"""What is wrong between the settings of outgoing mail that are right by themselves, and what is hardly meant."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from maild.errors import Problem
from maild.reading import KeyPath, Place, Places
from maild.settings import Dkim, Relay, Settings, secrets
from maild.settings.secrets import is_missing

_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


def problems(settings: Settings, places: Places) -> Iterator[Problem]:
    """Everything that keeps mail from going out as it was meant."""
    if not settings.relay:
        yield places.value(("relay",)).problem("relay: at least one is needed")
    for index, relay in enumerate(settings.relay):
        yield from _of_relay(relay, ("relay", index), places)
        if relay.address in [other.address for other in settings.relay[:index]]:
            where = places.value(("relay", index, "address"))
            yield where.problem("address: another [[relay]] has the same one")
    for index, dkim in enumerate(settings.dkim):
        yield from _of_dkim(dkim, ("dkim", index), settings, places)
    seen: set[str] = set()
    for index, destination in enumerate(settings.destination):
        if destination.domain in seen:
            where = places.value(("destination", index, "domain"))
            yield where.problem("domain: another [[destination]] has the same one")
        seen.add(destination.domain)


def doubts(settings: Settings, places: Places) -> Iterator[str]:
    """Sentences, each with its place."""
    for index, relay in enumerate(settings.relay):
        where = places.value(("relay", index, "tls"))
        remote = not relay.address.startswith("unix:") and relay.address.rpartition(":")[0] not in _LOOPBACK
        if relay.user is None or not remote:
            continue
        if relay.password_in_clear:
            yield f'{where}: the password may cross the network in clear: use tls = "required" or "implicit"'
        elif relay.tls == "none":
            yield f'{where}: the password is not sent in clear, so there is hardly a log-in: use tls = "required" or "implicit"'
        elif relay.tls == "opportunistic":
            yield f'{where}: anybody between us and the relay may read the password: use tls = "required" or "implicit"'


def _of_relay(relay: Relay, path: KeyPath, places: Places) -> Iterator[Problem]:
    named = [name for name in ("password_file", "credential") if getattr(relay, name) is not None]
    if relay.user is not None and not named:
        yield places.value((*path, "user")).problem("user: needs password_file or credential")
    if relay.user is None and named:
        yield places.key((*path, named[0])).problem(f"{named[0]}: needs a user to log in as")
    yield from secrets.problems(path, "password_file", relay.password_file, relay.credential, places)
    if relay.ca_file is not None and relay.tls not in ("required", "implicit"):
        yield places.key((*path, "ca_file")).problem('ca_file: goes with tls = "required" or "implicit" only')
    elif relay.ca_file is not None:
        yield from _of_ca_file(relay.ca_file, places.value((*path, "ca_file")))


def _of_ca_file(file: Path, where: Place) -> Iterator[Problem]:
    if is_missing(file):
        yield where.problem(f"ca_file: there is no file {file}")
        return
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:
        says = (
            "holds no certificate in PEM"
            if isinstance(error, ssl.SSLError)
            else f"cannot be read: {error.strerror}"
        )
        yield where.problem(f"ca_file: {file}: {says}")


def _of_dkim(dkim: Dkim, path: KeyPath, settings: Settings, places: Places) -> Iterator[Problem]:
    ours = {address.rpartition("@")[2] for address in (settings.desk.address, *settings.desk.aliases)}
    if not any(f".{domain}".endswith(f".{dkim.domain}") for domain in ours):
        where = places.value((*path, "domain"))
        yield where.problem(
            f"domain: no address of the desk is of '{dkim.domain}' ({', '.join(sorted(ours))})"
        )
    if dkim.key_file is None and dkim.credential is None:
        yield places.key(path).problem("dkim: needs key_file or credential")
    found = list(secrets.problems(path, "key_file", dkim.key_file, dkim.credential, places))
    yield from found
    if dkim.key_file is None or found:
        return
    from maild.settings import signing_keys  # dkimpy, for desks that sign

    try:
        signing_keys.read(dkim.key_file.read_bytes())
    except (OSError, ValueError) as error:
        says = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        yield places.value((*path, "key_file")).problem(f"key_file: {dkim.key_file}: {says}")
