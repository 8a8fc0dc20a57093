"""What can be wrong between the settings of mailboxes that are right by themselves, and their secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from maild.errors import Problem
from maild.reading import KeyPath, Places
from maild.settings import secrets
from maild.settings.incoming import Imap, OAuth

_HERE = ("127.0.0.1", "::1", "localhost")


def problems(mailboxes: Sequence[Imap], places: Places) -> Iterator[Problem]:
    """What keeps them from being read."""
    for index, imap in enumerate(mailboxes):
        path: KeyPath = ("imap", index)
        if imap.name in [other.name for other in mailboxes[:index]]:
            yield places.value((*path, "name")).problem("name: another [[imap]] has the same one")
        if _place(imap) in map(_place, mailboxes[:index]):
            yield places.value((*path, "mailbox")).problem("mailbox: another [[imap]] reads the same one")
        if imap.then.startswith("move:") and _folder(imap.then.removeprefix("move:")) == _folder(
            imap.mailbox
        ):
            yield places.value((*path, "then")).problem(f"then: '{imap.mailbox}' is the mailbox that is read")
        if imap.ca_file is not None and secrets.is_missing(imap.ca_file):
            yield places.value((*path, "ca_file")).problem(f"ca_file: there is no file {imap.ca_file}")
        if imap.tls == "none" and imap.port == 993:
            yield places.value((*path, "tls")).problem('tls: port 993 speaks TLS from the start: "implicit"')
        yield from _log_in_problems(imap, path, places)


def _place(imap: Imap) -> tuple[object, ...]:
    return imap.host.lower(), imap.connect_port, imap.user, _folder(imap.mailbox)


def _folder(name: str) -> str:
    """RFC 3501 §5.1: INBOX is the same in any case."""
    return "INBOX" if name.upper() == "INBOX" else name


def _log_in_problems(imap: Imap, path: KeyPath, places: Places) -> Iterator[Problem]:
    by_password = imap.password_file is not None or imap.credential is not None
    if imap.oauth is None and not by_password:
        yield places.value((*path, "user")).problem("user: needs password_file, credential or oauth")
    if imap.oauth is not None and by_password:
        yield places.key((*path, "oauth")).problem("oauth: stands beside a password; one of them is enough")
    yield from secrets.problems(path, "password_file", imap.password_file, imap.credential, places)
    if imap.oauth is not None:
        yield from _oauth_problems(imap.oauth, (*path, "oauth"), places)


def _oauth_problems(oauth: OAuth, path: KeyPath, places: Places) -> Iterator[Problem]:
    has_secret = oauth.client_secret_file is not None or oauth.client_credential is not None
    if oauth.provider == "custom" and oauth.token_endpoint is None:
        yield places.value((*path, "provider")).problem("provider: 'custom' needs a token_endpoint")
    if not oauth.by_refresh_token and not has_secret:
        needs = "client_id: needs a refresh_token_file, or a client_secret_file where the application acts by itself"
        yield places.value((*path, "client_id")).problem(needs)
    if oauth.provider == "google" and not oauth.by_refresh_token:
        yield places.value((*path, "provider")).problem("provider: 'google' needs a refresh_token_file")
    yield from secrets.problems(
        path,
        "client_secret_file",
        oauth.client_secret_file,
        oauth.client_credential,
        places,
        "client_credential",
    )
    yield from secrets.problems(
        path,
        "refresh_token_file",
        oauth.refresh_token_file,
        oauth.refresh_credential,
        places,
        "refresh_credential",
    )


def doubts(mailboxes: Sequence[Imap], places: Places) -> Iterator[str]:
    """What works but is hardly meant."""
    for index, imap in enumerate(mailboxes):
        if imap.tls == "none" and imap.host not in _HERE:
            where = places.value(("imap", index, "tls"))
            yield f'{where}: password and mail cross the network in clear: use tls = "implicit" or "starttls"'
        if imap.stale_after <= imap.poll:
            where = places.value(("imap", index, "stale_after"))
            yield f"{where}: is not longer than poll, so the admins are told of a mailbox that is well"


def password(imap: Imap, env: Mapping[str, str]) -> str:
    """The mailbox's password from its file or systemd credential; "" when none is named. Raises ConfigError."""
    return secrets.first_line("password", imap.password_file, imap.credential, env) or ""


def client_secret(oauth: OAuth, env: Mapping[str, str]) -> str | None:
    """The application's secret; None when it has none. Raises ConfigError."""
    return secrets.first_line("client secret", oauth.client_secret_file, oauth.client_credential, env)


def refresh_token(oauth: OAuth, env: Mapping[str, str]) -> str | None:
    """The refresh token as the admin gave it; None when there is none. Raises ConfigError."""
    return secrets.first_line("refresh token", oauth.refresh_token_file, oauth.refresh_credential, env)
