"""What maild.toml, the sysadmin's file, may hold: sockets, storage, how mail leaves, who is trusted, what is bounded.

Every setting is declared here once, with its default and a sentence; loading, complaints and the described file come from that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from maild.reading import (
    Count,
    Duration,
    Flag,
    Language,
    Line,
    ListId,
    Mailbox,
    Shape,
    Size,
    Zone,
    domain,
    unknown,
)

Network = IPv4Network | IPv6Network


def _key(doc: str, default: Any = ..., *, example: Any = None) -> Any:
    """A setting: its sentence, its default as one would write it in the file, and what `maild init` writes."""
    return Field(default, validate_default=True, description=doc, json_schema_extra={"example": example})


def _path(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("must be the path of a file or folder, in quotes")
    return Path(info.context["folder"] if info.context else "", value)


def _endpoint(value: str) -> str:
    """`host:port` or `[v6]:port`. Raises ValueError with what is missing."""
    host, colon, port = value.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"'{value}' needs a port from 0 to 65535, like 127.0.0.1:25")
    if not host:
        raise ValueError(
            f"'{value}' needs a host: 127.0.0.1:{port} for this machine only, 0.0.0.0:{port} for all"
        )
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError(f"'{value}': an IPv6 address stands in brackets, like [::1]:25")
    if ":" in host:
        ip_network(host[1:-1])
    else:
        domain(host)
    return value


def _socket(value: str, info: ValidationInfo) -> str:
    if not value.startswith("unix:"):
        return _endpoint(value)
    if value == "unix:":
        raise ValueError("'unix:' needs the path of a socket, like unix:var/lmtp.sock")
    return f"unix:{_path(value.removeprefix('unix:'), info)}"


def _remote(value: str) -> str:
    if _endpoint(value).endswith(":0"):
        raise ValueError(f"'{value}' needs the port of the relay, like :25 or :587")
    return value


def _store_url(value: str, info: ValidationInfo) -> str:
    scheme, colon, rest = value.partition("://")
    if not colon:
        raise ValueError(f"'{value}' is no database URL, like sqlite:///var/maild.db")
    if scheme in ("postgres", "postgresql"):
        raise ValueError("a PostgreSQL URL begins with 'postgresql+psycopg://'")
    if scheme not in ("sqlite", "postgresql+psycopg"):
        raise ValueError(unknown("kind of database", scheme, ("sqlite", "postgresql+psycopg")))
    if scheme != "sqlite":
        return value
    path, mark, query = rest.removeprefix("/").partition("?")
    if not rest.startswith("/") or not path or path == ":memory:":
        raise ValueError("an SQLite URL names a file after three slashes, like sqlite:///var/maild.db")
    return f"sqlite:///{_path(path, info)}{mark}{query}"


def _network(value: object) -> Network:
    try:
        network = ip_network(value if isinstance(value, str) else "", strict=False)
    except ValueError:
        raise ValueError(f"'{value}' is no IP address or network, like 192.0.2.7 or 10.0.0.0/8") from None
    if (
        "/" in str(value)
        and ip_network(str(value).partition("/")[0]).network_address != network.network_address
    ):
        raise ValueError(f"'{value}' names an address inside a network (did you mean '{network}'?)")
    return network


def _resolver(value: object) -> tuple[str, int]:
    """(address, port) of a DNS server, port 53 when none is given."""
    text = value if isinstance(value, str) else ""
    address, port = text, "53"
    if text.startswith("[") or text.count(":") == 1:
        address, _, port = text.rpartition(":") if not text.endswith("]") else (text, "", "53")
    try:
        place = ip_address(address.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError(
            f"'{value}' is no DNS server, like 192.0.2.53, 127.0.0.1:5353 or [::1]:5353"
        ) from None
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"'{value}' needs a port from 1 to 65535, or none")
    return str(place), int(port)


def _header(value: str) -> str:
    name, colon, text = value.partition(":")
    if not colon or not re.fullmatch(r"[!-9;-~]+", name) or not text.strip():  # RFC 5322 §2.2
        raise ValueError(f"'{value}' is no header with a value, like \"X-Spam-Flag: YES\"")
    return value


def _tag(value: str) -> str:
    if len(value) > 30 or re.search(r"[\[\]#]", value):
        raise ValueError(
            f"'{value}' stands as [{value} #12] in subjects: at most 30 characters, without [, ] and #"
        )
    return value


def _or_off(value: object) -> object:
    if isinstance(value, str) and value != "off":
        raise ValueError(f"'{value}' must be a whole number or \"off\"")
    return None if value in ("off", 0) else value


def _hostname(value: str, info: ValidationInfo) -> str:
    return domain(value) if value else str(info.data.get("address", "")).rpartition("@")[2]


PathSetting = Annotated[Path, BeforeValidator(_path)]
Limit = Annotated[Count | None, BeforeValidator(_or_off)]


class Desk(Shape):
    """Who the desk is."""

    name: Line = _key("The desk's name, as people see it beside its address.", example="Example Support")
    address: Mailbox = _key("The address that customers write to.", example="support@example.test")
    aliases: tuple[Mailbox, ...] = _key("Further addresses of this desk.", [])
    tag: Annotated[Line, AfterValidator(_tag)] = _key(
        "The word in subjects: [TAG #12] Printer on fire.", example="Example"
    )
    language: Language = _key("The language for everybody of whom nothing else is known.", "en")
    timezone: Zone = _key("The desk's time zone, for times in mails and for digests.", "UTC", example="UTC")
    reply_address: Literal["plus", "plain"] = _key(
        "plus: answers go to support+TOKEN@…, if your mail server delivers that; plain: the token is in the Message-ID only.",
        "plus",
    )
    delimiter: Literal["+", "-", "=", "_", "."] = _key("What your mail server has instead of the plus.", "+")
    lists: tuple[ListId, ...] = _key(
        "List-Ids of mailing lists that are our own way in: their mail is acknowledged.", []
    )
    forms: tuple[Mailbox, ...] = _key("Senders of web forms, whose Reply-To names the requester.", [])
    hostname: Annotated[str, AfterValidator(_hostname)] = _key(
        "Our name when we greet other mail servers; empty: the domain of the address.", ""
    )


class Store(Shape):
    """Where everything is kept."""

    url: Annotated[Line, AfterValidator(_store_url)] = _key(
        "The database: sqlite:///FILE, or postgresql+psycopg://HOST/NAME.", "sqlite:///var/maild.db"
    )
    files: PathSetting = _key("The folder of raw mail and attachments.", "var/files")


class Listen(Shape):
    """A socket on which mail comes in; there may be several."""

    protocol: Literal["smtp", "lmtp"] = _key(
        "smtp from anywhere, lmtp from a mail server of yours.", example="smtp"
    )
    address: Annotated[Line, AfterValidator(_socket)] = _key(
        "HOST:PORT, or unix:PATH; port 0 picks a free one.", example="127.0.0.1:2525"
    )
    tls: Literal["none", "starttls", "implicit"] = _key(
        "Whether the connection can be, or is, encrypted.", "none"
    )
    require_tls: Flag = _key("With starttls: take no mail before the connection is encrypted.", False)
    certificate: PathSetting | None = _key(
        "The certificate's file (PEM, with its chain).", None, example="tls.pem"
    )
    key: PathSetting | None = _key("The file of its private key.", None, example="tls.key")


class Relay(Shape):
    """The mail server that takes outgoing mail."""

    advice: ClassVar[Mapping[str, str]] = {
        "password": "a secret is never written here: put it in a file and name that with password_file, or use credential"
    }
    address: Annotated[Line, AfterValidator(_remote)] = _key(
        "HOST:PORT.", "127.0.0.1:25", example="127.0.0.1:25"
    )
    tls: Literal["none", "opportunistic", "required", "implicit"] = _key(
        "opportunistic: encrypted if offered; required: encrypted and verified; implicit: from the start, verified.",
        "opportunistic",
    )
    user: Line | None = _key("The name to log in with.", None, example="maild")
    password_file: PathSetting | None = _key(
        "The file whose first line is the password.", None, example="relay.password"
    )
    credential: Line | None = _key(
        "Or the name of a systemd credential (LoadCredential=).", None, example="relay"
    )
    connections: Count = _key("How many connections at once.", 4)


class Webhooks(Shape):
    """What posts to webhooks are signed with; rules with `webhook` need it."""

    advice: ClassVar[Mapping[str, str]] = {
        "secret": "a secret is never written here: put it in a file and name that with secret_file, or use credential"
    }
    secret_file: PathSetting | None = _key(
        "The file whose first line is the secret, of 24 characters or more; whsec_… is read as base64.",
        None,
        example="webhooks.secret",
    )
    credential: Line | None = _key(
        "Or the name of a systemd credential (LoadCredential=).", None, example="webhooks"
    )

    @property
    def can_sign(self) -> bool:
        return self.secret_file is not None or self.credential is not None


class Trust(Shape):
    """Whose word on a sender is believed."""

    authserv_ids: tuple[Line, ...] = _key(
        "Hosts whose Authentication-Results are believed: those your own mail server writes.", [], example=[]
    )
    verify: Flag = _key(
        "Check SPF, DKIM and DMARC ourselves, for mail of which no such host says dmarc=pass or fail.", False
    )
    arc_sealers: tuple[Annotated[Line, AfterValidator(domain)], ...] = _key(
        "With verify: domains of list servers and forwarders whose ARC seals are believed.", []
    )
    resolvers: tuple[Annotated[tuple[str, int], BeforeValidator(_resolver)], ...] = _key(
        "With verify: the DNS servers to ask, IP or IP:PORT; none: those of the system.", []
    )
    peers: tuple[Annotated[Network, BeforeValidator(_network)], ...] = _key(
        "Networks of mail servers whose headers may be believed; Unix sockets always are.",
        ["127.0.0.0/8", "::1"],
    )
    spam: tuple[Annotated[Line, AfterValidator(_header)], ...] = _key(
        "Headers by which your mail server says that a mail is spam.", ["X-Spam-Flag: YES"]
    )


class Limits(Shape):
    """What is bounded; "off" where there may be no bound."""

    message_size: Size = _key("The largest mail that is taken.", "25 MB")
    acknowledge_within: Duration = _key("Mail that is older is not acknowledged.", "1d")
    automatic_per_address_per_hour: Limit = _key("Automatic mails to one address in an hour.", 10)
    automatic_per_ticket_per_day: Limit = _key("Automatic mails on one ticket in a day.", 50)
    automatic_per_domain_per_hour: Limit = _key(
        "Automatic mails to one domain in an hour; more are delayed.", "off"
    )
    automatic_per_hour: Limit = _key("Automatic mails in an hour in all; more are delayed.", "off")
    notifications_per_agent_per_hour: Limit = _key("Notifications to one agent; more become a digest.", 60)
    notify_size: Size = _key("Attachments up to this sum go with a notification.", "10 MB")
    participants: Count = _key("Participants of one ticket.", 10)
    references: Count = _key("Message-IDs in the References of a mail we send.", 20)
    connections: Count = _key("Incoming connections at once.", 200)
    connections_per_address: Count = _key("Incoming connections at once from one address.", 20)
    recipients: Count = _key("Recipients of one incoming mail (RFC 5321 §4.5.3.1.8 asks for 100).", 100)
    errors: Count = _key("Mistakes after which an incoming connection is closed.", 10)
    idle_commands: Count = _key("Commands without a mail after which it is closed.", 50)
    timeout: Duration = _key(
        "Silence after which it is closed (RFC 5321 §4.5.3.2.7 asks for 5 minutes).", "5m"
    )


class Log(Shape):
    """What is written to stderr while the daemon runs."""

    format: Literal["auto", "text", "json"] = _key("auto: text on a terminal, json elsewhere.", "auto")
    level: Literal["debug", "info", "warning", "error"] = _key("From which level on.", "info")


class Settings(Shape):
    """The whole file. Paths are absolute when the file's is."""

    advice: ClassVar[Mapping[str, str]] = {
        "imap": "fetching from mailboxes is not supported by this version of maild"
    }
    rules: PathSetting = _key("The folder of the rule files.", "rules")
    templates: PathSetting = _key(
        "The folder of your own templates; what is missing there is built in.", "templates"
    )
    reload: Literal["signal", "watch"] = _key(
        "When changed rules and templates are read: at SIGHUP only, or by themselves within seconds.",
        "signal",
    )
    desk: Desk = _key("Who the desk is.", {})
    store: Store = _key("Where everything is kept.", {})
    listen: tuple[Listen, ...] = _key("Where mail comes in.", [])
    relay: Relay = _key("Where mail goes out.", {})
    webhooks: Webhooks = _key("What posts to webhooks are signed with.", {})
    trust: Trust = _key("Whose word on a sender is believed.", {})
    limits: Limits = _key("What is bounded.", {})
    log: Log = _key("What is logged.", {})
