"""How mail comes in, and whose word on a sender is believed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from maild.reading import Flag, Line, Shape, domain
from maild.settings.values import (
    Network,
    PathSetting,
    header_of,
    key,
    network_of,
    resolver_of,
    socket_of,
)


class Listen(Shape):
    """A socket on which mail comes in; there may be several."""

    protocol: Literal["smtp", "lmtp"] = key(
        "smtp from anywhere, lmtp from a mail server of yours.", example="smtp"
    )
    address: Annotated[Line, AfterValidator(socket_of)] = key(
        "HOST:PORT, or unix:PATH; port 0 picks a free one.", example="127.0.0.1:2525"
    )
    tls: Literal["none", "starttls", "implicit"] = key(
        "Whether the connection can be, or is, encrypted.", "none"
    )
    require_tls: Flag = key("With starttls: take no mail before the connection is encrypted.", False)
    certificate: PathSetting | None = key(
        "The certificate's file (PEM, with its chain).", None, example="tls.pem"
    )
    key: PathSetting | None = key("The file of its private key.", None, example="tls.key")


class Trust(Shape):
    """Whose word on a sender is believed."""

    authserv_ids: tuple[Line, ...] = key(
        "Hosts whose Authentication-Results are believed: those your own mail server writes.", [], example=[]
    )
    verify: Flag = key(
        "Check SPF, DKIM and DMARC ourselves, for mail of which no such host says dmarc=pass or fail.", False
    )
    arc_sealers: tuple[Annotated[Line, AfterValidator(domain)], ...] = key(
        "With verify: domains of list servers and forwarders whose ARC seals are believed.", []
    )
    resolvers: tuple[Annotated[tuple[str, int], BeforeValidator(resolver_of)], ...] = key(
        "With verify: the DNS servers to ask, IP or IP:PORT; none: those of the system.", []
    )
    peers: tuple[Annotated[Network, BeforeValidator(network_of)], ...] = key(
        "Networks of mail servers whose headers may be believed; Unix sockets always are.",
        ["127.0.0.0/8", "::1"],
    )
    spam: tuple[Annotated[Line, AfterValidator(header_of)], ...] = key(
        "Headers by which your mail server says that a mail is spam.", ["X-Spam-Flag: YES"]
    )
