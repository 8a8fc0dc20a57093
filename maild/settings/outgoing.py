"""How mail and posts go out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from maild.reading import Count, Domain, Flag, Line, Shape
from maild.settings.values import (
    Limit,
    PathSetting,
    key,
    relay_of,
    selector_of,
)


class Relay(Shape):
    """A mail server that takes outgoing mail. With several, the first that can be reached takes it."""

    advice: ClassVar[Mapping[str, str]] = {
        "password": "a secret is never written here: put it in a file and name that with password_file, or use credential"
    }
    address: Annotated[Line, AfterValidator(relay_of)] = key(
        "HOST:PORT, or unix:PATH.", "127.0.0.1:25", example="127.0.0.1:25"
    )
    tls: Literal["none", "opportunistic", "required", "implicit"] = key(
        "opportunistic: encrypted if offered; required: encrypted (STARTTLS) and verified; implicit: from the start, verified.",
        "opportunistic",
    )
    ca_file: PathSetting | None = key(
        "With required and implicit: certificates (PEM) that are believed, instead of the system's.",
        None,
        example="relay-ca.pem",
    )
    user: Line | None = key("The name to log in with.", None, example="maild")
    password_file: PathSetting | None = key(
        "The file whose first line is the password; it is read at each log-in.",
        None,
        example="relay.password",
    )
    credential: Line | None = key(
        "Or the name of a systemd credential (LoadCredential=).", None, example="relay"
    )
    password_in_clear: Flag = key(
        "Send the password where the relay offers no encryption too; to this machine it always may.", False
    )
    connections: Count = key("How many connections at once.", 4)


class Delivery(Shape):
    """How fast mail goes out to one recipient domain."""

    per_domain: Count = key(
        "How many mails at once to one domain, so that a slow one does not hold up others; never all connections, if there are several.",
        3,
    )
    per_domain_per_minute: Limit = key("How many mails a minute to one domain, of all nodes together.", "off")
    reports: Flag = key(
        "Ask for delivery reports where the relay offers them (DSN, RFC 3461): of failures and delays.", True
    )


class Destination(Shape):
    """A recipient domain that wants mail more slowly, or may get it faster, than [delivery] says."""

    domain: Domain = key("The domain, without those below it.", example="example.com")
    at_once: Count | None = key("How many mails at once; none: as [delivery] says.", None, example=1)
    per_minute: Limit = key(
        'How many mails a minute, of all nodes together; "off": as many as go.', "off", example=30
    )


class Dkim(Shape):
    """A key that signs what goes out (DKIM). The domain of From decides; two keys of one domain, RSA and Ed25519, both sign."""

    advice: ClassVar[Mapping[str, str]] = {
        "key": "a secret is never written here: put it in a file and name that with key_file, or use credential"
    }
    domain: Domain = key(
        "The domain it signs for: that of the desk's address, or one above it.", example="example.test"
    )
    selector: Annotated[Line, AfterValidator(selector_of)] = key(
        "Under which name its public half stands in the DNS: SELECTOR._domainkey.DOMAIN.", example="maild"
    )
    key_file: PathSetting | None = key(
        "The private key: RSA or Ed25519, PEM, as openssl genpkey writes it.", None, example="dkim.pem"
    )
    credential: Line | None = key(
        "Or the name of a systemd credential (LoadCredential=).", None, example="dkim"
    )


class Webhooks(Shape):
    """What posts to webhooks are signed with; rules with `webhook` need it."""

    advice: ClassVar[Mapping[str, str]] = {
        "secret": "a secret is never written here: put it in a file and name that with secret_file, or use credential"
    }
    secret_file: PathSetting | None = key(
        "The file whose first line is the secret, of 24 characters or more; whsec_… is read as base64.",
        None,
        example="webhooks.secret",
    )
    credential: Line | None = key(
        "Or the name of a systemd credential (LoadCredential=).", None, example="webhooks"
    )

    @property
    def can_sign(self) -> bool:
        return self.secret_file is not None or self.credential is not None
