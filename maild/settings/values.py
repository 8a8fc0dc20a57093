"""What single settings of maild.toml may be: paths, endpoints, networks, URLs; each refuses others with a sentence."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo

from maild.reading import Count, domain, unknown

Network = IPv4Network | IPv6Network


def key(doc: str, default: Any = ..., *, example: Any = None) -> Any:
    """A setting: its sentence, its default as one would write it in the file, and what `maild init` writes."""
    return Field(default, validate_default=True, description=doc, json_schema_extra={"example": example})


def path_of(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("must be the path of a file or folder, in quotes")
    return Path(info.context["folder"] if info.context else "", value)


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
    if not value.startswith("unix:"):
        return endpoint(value)
    if value == "unix:":
        raise ValueError("'unix:' needs the path of a socket, like unix:var/lmtp.sock")
    return f"unix:{path_of(value.removeprefix('unix:'), info)}"


def remote(value: str) -> str:
    if endpoint(value).endswith(":0"):
        raise ValueError(f"'{value}' needs the port of the relay, like :25 or :587")
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


PathSetting = Annotated[Path, BeforeValidator(path_of)]
Limit = Annotated[Count | None, BeforeValidator(or_off)]
