"""What single settings of maild.toml may be: paths, endpoints, networks, URLs; each refuses others with a sentence."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationInfo

from maild.reading import Count, domain, unknown

Network = IPv4Network | IPv6Network


def key(doc: str, default: Any = ..., *, example: Any = None, needed: bool = True) -> Any:
    """A setting: its sentence, its default as one would write it in the file, and what `maild init` writes.

    `needed`: of a section, whether a new desk has it; else all of it is written as a comment.
    """
    extra = {"example": example, "needed": needed}
    return Field(default, validate_default=True, description=doc, json_schema_extra=extra)


def path_of(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("must be the path of a file or folder, in quotes")
    return Path(info.context["folder"] if info.context else "", value)


@dataclass(frozen=True, slots=True)
class S3Address:
    """`s3://bucket/prefix/`: a bucket and what the names in it begin with ("" or ending in a slash)."""

    bucket: str
    prefix: str


def files_of(value: object, info: ValidationInfo) -> Path | S3Address:
    """A folder, or a place in an S3-compatible store. Raises ValueError."""
    if not isinstance(value, str) or "://" not in value:
        return path_of(value, info)
    scheme, _, rest = value.partition("://")
    if scheme != "s3":
        raise ValueError(f"'{value}' is neither a folder nor s3://BUCKET/PREFIX")
    bucket, _, prefix = rest.partition("/")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):  # Amazon S3's naming rules
        raise ValueError(
            f"'{value}': a bucket's name has 3 to 63 small letters, digits, dots and hyphens, like s3://acme-support/maild"
        )
    if not prefix.isprintable() or prefix.startswith("/") or "//" in prefix:
        raise ValueError(f"'{value}': what follows the bucket is names with single slashes between")
    return S3Address(bucket, prefix.rstrip("/") + "/" if prefix else "")


def s3_endpoint_of(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^/?#@\s]+/?", value):
        raise ValueError(f"'{value}' is no endpoint, like https://s3.example.org or http://127.0.0.1:9000")
    return value.rstrip("/")


def node_name(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", value):
        raise ValueError(f"'{value}' is no name of a node: at most 63 letters, digits, dots, hyphens and _")
    return value


def endpoint(value: str) -> str:
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


def socket_of(value: str, info: ValidationInfo) -> str:
    if value.startswith("systemd:"):
        if not re.fullmatch(r"[!-9;-~]{1,255}", value.removeprefix("systemd:")):  # systemd.socket(5)
            raise ValueError("'systemd:' needs the name of a socket (FileDescriptorName=), like systemd:smtp")
        return value
    if not value.startswith("unix:"):
        return endpoint(value)
    if value == "unix:":
        raise ValueError("'unix:' needs the path of a socket, like unix:var/lmtp.sock")
    return f"unix:{path_of(value.removeprefix('unix:'), info)}"


def remote(value: str) -> str:
    if endpoint(value).endswith(":0"):
        raise ValueError(f"'{value}' needs the port of the relay, like :25 or :587")
    return value


def local_socket(value: str, info: ValidationInfo) -> str:
    """A socket that nobody reaches from outside this machine."""
    place = socket_of(value, info)
    if place.startswith("unix:"):
        return place
    host = place.rpartition(":")[0].strip("[]")
    try:
        local = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ValueError(
            f"'{value}' could be read from outside: the numbers are for this machine, at 127.0.0.1:PORT, [::1]:PORT or unix:PATH"
        )
    return place


def relay_of(value: str, info: ValidationInfo) -> str:
    """HOST:PORT of a relay, or unix:PATH."""
    if not value.startswith("unix:"):
        return remote(value)
    if value == "unix:":
        raise ValueError("'unix:' needs the path of a socket, like unix:/var/spool/postfix/public/maild")
    return f"unix:{path_of(value.removeprefix('unix:'), info)}"


def selector_of(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,100}[A-Za-z0-9])?", value):  # RFC 6376 §3.1
        raise ValueError(
            f"'{value}' is no selector: letters, digits, hyphens and dots, like maild or 2026.desk"
        )
    return value


def store_url(value: str, info: ValidationInfo) -> str:
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
    return f"sqlite:///{path_of(path, info)}{mark}{query}"


def network_of(value: object) -> Network:
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


def resolver_of(value: object) -> tuple[str, int]:
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


def header_of(value: str) -> str:
    name, colon, text = value.partition(":")
    if not colon or not re.fullmatch(r"[!-9;-~]+", name) or not text.strip():  # RFC 5322 §2.2
        raise ValueError(f"'{value}' is no header with a value, like \"X-Spam-Flag: YES\"")
    return value


def tag_of(value: str) -> str:
    if len(value) > 30 or re.search(r"[\[\]#]", value):
        raise ValueError(
            f"'{value}' stands as [{value} #12] in subjects: at most 30 characters, without [, ] and #"
        )
    return value


def or_off(value: object) -> object:
    if isinstance(value, str) and value != "off":
        raise ValueError(f"'{value}' must be a whole number or \"off\"")
    return None if value in ("off", 0) else value


def hostname_of(value: str, info: ValidationInfo) -> str:
    return domain(value) if value else str(info.data.get("address", "")).rpartition("@")[2]


def host_of(value: str) -> str:
    """A host name or IP address."""
    with contextlib.suppress(ValueError):
        return str(ip_address(value.removeprefix("[").removesuffix("]")))
    name, colon, port = value.rpartition(":")
    if colon and port.isascii() and port.isdigit():
        raise ValueError(f"'{value}' is a host with a port: write host = \"{name}\" and port = {port}")
    return domain(value)


def mailbox_label(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", value):
        raise ValueError(f"'{value}' must be a short word of letters, digits, '.', '_' and '-'")
    return value


def afterwards_of(value: str) -> str:
    """`flag`, `delete` or `move:FOLDER`, the word in lower case."""
    word, colon, folder = value.partition(":")
    word, folder = word.strip().lower(), folder.strip()
    if word == "move" and not folder:
        raise ValueError("'move' needs a folder, like move:Archive")
    if word in ("flag", "delete") and not colon:
        return word
    if word != "move":
        raise ValueError(f"'{value}' is not one of move:FOLDER, flag, delete")
    return f"move:{folder}"


def poll_of(value: timedelta) -> timedelta:
    if value >= timedelta(minutes=29):  # RFC 2177
        raise ValueError(
            "must be shorter than 29 minutes: servers end a session that says nothing for longer"
        )
    return value


def token_endpoint_of(value: str) -> str:
    parts = urlsplit(value)
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and here)):
        raise ValueError(f"'{value}' must be a URL that begins with https://")
    return value


PathSetting = Annotated[Path, BeforeValidator(path_of)]
FilesSetting = Annotated[Path | S3Address, BeforeValidator(files_of)]
Limit = Annotated[Count | None, BeforeValidator(or_off)]
