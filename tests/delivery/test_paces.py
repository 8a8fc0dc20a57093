"""How much of what may go where, as maild.toml says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from maild import config
from maild.errors import ConfigError
from maild.outgoing import Paces, relays, sender, signer
from maild.settings import Settings

DESK = "[desk]\nname = 'A'\naddress = 'a@acme.test'\ntag = 'A'\n"


def settings(text: str, folder: Path = Path("/srv")) -> Settings:
    found = config.parse(DESK + text, folder / "maild.toml")
    assert found.settings is not None, found.problems
    return found.settings


@pytest.mark.parametrize(
    ("text", "at_once"),
    [
        ("", 3),
        ("[relay]\nconnections = 20\n", 3),
        ("[relay]\nconnections = 1\n", 1),
        ("[relay]\nconnections = 2\n", 1),
        (
            "[delivery]\nper_domain = 99\n[[relay]]\nconnections = 2\n[[relay]]\naddress = 'b:25'\nconnections = 9\n",
            8,
        ),
    ],
)
def test_one_domain_never_has_all_connections(text: str, at_once: int) -> None:
    assert Paces(settings(text)).at_once("x.test") == at_once


def test_a_destination_has_a_pace_of_its_own() -> None:
    paces = Paces(
        settings("[delivery]\nper_domain_per_minute = 61\n[[destination]]\ndomain = 'x.test'\nat_once = 1\n")
    )
    assert paces.pace("y.test", 2).gap == timedelta(seconds=1)
    assert (paces.pace("y.test", 2).most, paces.pace("x.test", 1).most) == (10, 3)
    assert paces.pace("x.test", 0).gap is None


def test_the_relays_are_what_the_file_says_and_a_password_is_read_when_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("one\n")
    first, second = relays(
        settings(
            "[[relay]]\naddress = 'mx.test:587'\ntls = 'required'\nuser = 'u'\npassword_file = 'pw'\n[[relay]]\naddress = 'unix:s'\n",
            tmp_path,
        )
    )
    assert (first.address, first.tls, first.user, first.password()) == ("mx.test:587", "required", "u", "one")
    (tmp_path / "pw").write_text("two\n")
    assert first.password() == "two"
    assert (second.address, second.hostname) == (f"unix:{tmp_path}/s", "acme.test")


def test_keys_and_certificates_that_went_away_after_the_check(tmp_path: Path) -> None:
    text = "[[dkim]]\ndomain = 'acme.test'\nselector = 's'\ncredential = 'c'\n"
    with pytest.raises(ConfigError, match="needs systemd"):
        signer(settings(text), {})
    with pytest.raises(ConfigError, match="the DKIM key of acme"):
        signer(settings(text), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    one = settings("").relay[0].model_copy(update={"tls": "required", "ca_file": tmp_path / "none"})
    with pytest.raises(ConfigError, match="ca_file of a relay cannot be used: No such file"):
        sender(settings("").model_copy(update={"relay": (one,)}), lambda: True, {})
