"""How mail comes in, and whose word on a sender is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator

from maild.reading import Duration, Flag, Line, Port, Shape, domain
from maild.settings.values import (
    Network,
    PathSetting,
    afterwards_of,
    header_of,
    host_of,
    key,
    mailbox_label,
    network_of,
    poll_of,
    resolver_of,
    socket_of,
    token_endpoint_of,
)


class Listen(Shape):
    """A socket on which mail comes in; there may be several."""

    protocol: Literal["smtp", "lmtp"] = key(
        "smtp from anywhere, lmtp from a mail server of yours.", example="smtp"
    )
    address: Annotated[Line, AfterValidator(socket_of)] = key(
        "HOST:PORT, unix:PATH, or systemd:NAME for sockets that systemd passes; port 0 picks a free one.",
        example="127.0.0.1:2525",
    )
    tls: Literal["none", "starttls", "implicit"] = key(
        "Whether the connection can be, or is, encrypted.", "none"
    )
    require_tls: Flag = key("With starttls: take no mail before the connection is encrypted.", False)
    certificate: PathSetting | None = key(
        "The certificate's file (PEM, with its chain).", None, example="tls.pem"
    )
    key: PathSetting | None = key("The file of its private key.", None, example="tls.key")


class OAuth(Shape):
    """How access to a mailbox is got by OAuth 2."""

    advice: ClassVar[Mapping[str, str]] = {
        "client_secret": "a secret is never written here: put it in a file and name that with client_secret_file, or use client_credential",
        "refresh_token": "a secret is never written here: put it in a file and name that with refresh_token_file, or use refresh_credential",
    }
    provider: Literal["google", "microsoft", "custom"] = key(
        "Whose: google and microsoft bring their token_endpoint and scope with them.", example="google"
    )
    client_id: Line = key("The name of the application that you registered there.", example="…")
    client_secret_file: PathSetting | None = key("The file whose first line is its secret.", None)
    client_credential: Line | None = key("Or the name of a systemd credential (LoadCredential=).", None)
    refresh_token_file: PathSetting | None = key(
        "The file whose first line is the refresh token that somebody with the mailbox consented to; without one the application's own rights are used.",
        None,
    )
    refresh_credential: Line | None = key("Or the name of a systemd credential (LoadCredential=).", None)
    tenant: Line = key("With microsoft: the directory, by its identifier or domain.", "common")
    token_endpoint: Annotated[Line, AfterValidator(token_endpoint_of)] | None = key(
        "The URL where tokens are given; needed with custom.", None
    )
    scope: Line | None = key("What is asked for; none: all that is needed to read by IMAP.", None)

    @property
    def by_refresh_token(self) -> bool:
        """Whether somebody consented; else the application acts by itself."""
        return self.refresh_token_file is not None or self.refresh_credential is not None

    @property
    def endpoint(self) -> str:
        """The URL where tokens are given."""
        known = {
            "google": "https://oauth2.googleapis.com/token",
            "microsoft": f"https://login.microsoftonline.com/{self.tenant}/oauth2/v2.0/token",
        }
        return self.token_endpoint or known[self.provider]

    @property
    def asked_scope(self) -> str:
        """What is asked for; "" where nothing needs to be said."""
        microsoft = (
            "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"
            if self.by_refresh_token
            else "https://outlook.office365.com/.default"
        )
        known = {"google": "https://mail.google.com/", "microsoft": microsoft}
        return self.scope if self.scope is not None else known.get(self.provider, "")


class Imap(Shape):
    """A mailbox that is read; there may be several."""

    advice: ClassVar[Mapping[str, str]] = {
        "password": "a secret is never written here: put it in a file and name that with password_file, or use credential",
        "ssl": 'that is tls = "implicit", "starttls" or "none"',
    }
    name: Annotated[Line, AfterValidator(mailbox_label)] = key(
        "What you call it: in status, in logs, and as the way by which a mail came.", example="support"
    )
    host: Annotated[Line, AfterValidator(host_of)] = key("The server.", example="imap.example.test")
    port: Port | None = key('Its port; none: 993 with tls = "implicit", else 143.', None, example=993)
    tls: Literal["implicit", "starttls", "none"] = key(
        "implicit: encrypted from the start (RFC 8314); starttls: from the greeting on; both verified. none: never.",
        "implicit",
    )
    ca_file: PathSetting | None = key(
        "The certificates (PEM) of the authorities to believe; none: those of the system.",
        None,
        example="ca.pem",
    )
    user: Line = key("The name to log in with.", example="support@example.test")
    password_file: PathSetting | None = key(
        "The file whose first line is the password.", None, example="imap.password"
    )
    credential: Line | None = key(
        "Or the name of a systemd credential (LoadCredential=).", None, example="imap"
    )
    oauth: OAuth | None = key(
        "Or OAuth 2: provider (google, microsoft, custom), client_id, client_secret_file and refresh_token_file, or client_credential and refresh_credential; tenant, token_endpoint, scope.",
        None,
        example={"provider": "google", "client_id": "…", "client_secret_file": "client.secret", "refresh_token_file": "refresh.token"},
    )  # fmt: skip
    mailbox: Line = key("The mailbox.", "INBOX")
    then: Annotated[Line, AfterValidator(afterwards_of)] = key(
        "What becomes of a mail once it is kept: move:FOLDER, flag (seen, and the keyword $maild) or delete.",
        "flag",
    )
    start: Literal["now", "all"] = key(
        "What is read at first: now, what comes from now on; all, also what was there before.", "now"
    )
    poll: Annotated[Duration, AfterValidator(poll_of)] = key(
        "How often to look; where the server announces new mail (IDLE), it is taken at once.", "1m"
    )
    stale_after: Duration = key("The admins get a mail when it could not be read for so long.", "30m")
    timeout: Annotated[Duration, AfterValidator(poll_of)] = key(
        "Silence after which the connection is taken for lost.", "30s"
    )

    @property
    def connect_port(self) -> int:
        """The port as given, or the usual one (RFC 8314 §3.2, RFC 3501 §2.1)."""
        return self.port or (993 if self.tls == "implicit" else 143)

    @property
    def place(self) -> str:
        """Host and port, as one writes them."""
        return (
            f"[{self.host}]:{self.connect_port}" if ":" in self.host else f"{self.host}:{self.connect_port}"
        )

    @property
    def route(self) -> str:
        """As envelopes name the way of its mails; also the name of the lease on it."""
        return f"imap:{self.name}"


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
        "Networks of mail servers whose headers may be believed; Unix sockets and mailboxes always are.",
        ["127.0.0.0/8", "::1"],
    )
    spam: tuple[Annotated[Line, AfterValidator(header_of)], ...] = key(
        "Headers by which your mail server says that a mail is spam.", ["X-Spam-Flag: YES"]
    )
