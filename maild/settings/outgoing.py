"""How mail and posts go out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from maild.reading import Count, Line, Shape
from maild.settings.values import (
    PathSetting,
    key,
    remote,
)


class Relay(Shape):
    """The mail server that takes outgoing mail."""

    advice: ClassVar[Mapping[str, str]] = {
        "password": "a secret is never written here: put it in a file and name that with password_file, or use credential"
    }
    address: Annotated[Line, AfterValidator(remote)] = key(
        "HOST:PORT.", "127.0.0.1:25", example="127.0.0.1:25"
    )
    tls: Literal["none", "opportunistic", "required", "implicit"] = key(
        "opportunistic: encrypted if offered; required: encrypted and verified; implicit: from the start, verified.",
        "opportunistic",
    )
    user: Line | None = key("The name to log in with.", None, example="maild")
    password_file: PathSetting | None = key(
        "The file whose first line is the password.", None, example="relay.password"
    )
    credential: Line | None = key(
        "Or the name of a systemd credential (LoadCredential=).", None, example="relay"
    )
    connections: Count = key("How many connections at once.", 4)


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
