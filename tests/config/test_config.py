"""maild.toml: what is accepted, where it is found, and how it is described."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from maild import config
from maild.errors import ConfigError
from maild.settings import Settings

GOOD = """\
[desk]
name = "Acme Support"
address = "Support@Acme.test"
tag = "Acme"
"""

WHOLE = """\
rules = "policy"

[desk]
name = "Acme Support"
address = "support@acme.test"
aliases = ["help@acme.test"]
tag = "Acme"
language = "es"
timezone = "Europe/Madrid"
reply_address = "plain"
delimiter = "-"
lists = ["Help <help.lists.acme.test>"]
forms = ["form@www.acme.test"]
hostname = "mx.acme.test"
[store]
url = "sqlite:///var/maild.db?timeout=3"
files = "/srv/files"
[[listen]]
protocol = "smtp"
address = "[::1]:0"
tls = "starttls"
require_tls = true
certificate = "tls.pem"
key = "tls.key"
[[listen]]
protocol = "lmtp"
address = "unix:var/lmtp.sock"
[relay]
address = "mail.acme.test:587"
tls = "required"
user = "maild"
password_file = "secret"
[trust]
authserv_ids = ["mx.acme.test"]
peers = ["10.0.0.0/8", "192.0.2.7"]
spam = []
[limits]
message_size = "64 KB"
acknowledge_within = "1d12h"
automatic_per_address_per_hour = "off"
automatic_per_ticket_per_day = 0
automatic_per_hour = 1000
notify_size = 1000
[log]
format = "json"
level = "debug"
"""


def problems(text: str) -> list[str]:
    return [str(problem) for problem in config.parse(text, Path("maild.toml")).problems]


def test_the_least_there_can_be():
    settings = config.parse(GOOD, Path("/srv/desk/maild.toml")).settings
    assert settings is not None
    assert settings.desk.address == "support@acme.test"
    assert settings.desk.hostname == "acme.test"
    assert settings.store.url == "sqlite:////srv/desk/var/maild.db"
    assert settings.store.files == Path("/srv/desk/var/files")
    assert settings.rules == Path("/srv/desk/rules")
    assert settings.listen == ()
    assert (settings.relay[0].address, settings.relay[0].tls, settings.relay[0].connections) == (
        "127.0.0.1:25",
        "opportunistic",
        4,
    )
    assert settings.trust.peers == (ip_network("127.0.0.0/8"), ip_network("::1"))
    assert settings.limits.message_size == 25_000_000
    assert settings.limits.automatic_per_address_per_hour == 10
    assert settings.limits.automatic_per_hour is None
    assert settings.limits.timeout == timedelta(minutes=5)


def test_everything(tmp_path):
    for name in ("secret", "tls.pem", "tls.key"):
        (tmp_path / name).write_text("hush\nmore\n")
    (tmp_path / "maild.toml").write_text(WHOLE)
    settings = config.load(tmp_path / "maild.toml")
    assert settings.rules == tmp_path / "policy"
    assert settings.desk.lists == ("help.lists.acme.test",)
    assert settings.desk.hostname == "mx.acme.test"
    assert settings.store.url == f"sqlite:///{tmp_path}/var/maild.db?timeout=3"
    assert settings.store.files == Path("/srv/files")
    assert settings.listen[0].certificate == tmp_path / "tls.pem"
    assert settings.listen[1].address == f"unix:{tmp_path}/var/lmtp.sock"
    assert settings.limits.automatic_per_address_per_hour is None
    assert settings.limits.automatic_per_ticket_per_day is None
    assert settings.limits.acknowledge_within == timedelta(hours=36)
    assert settings.limits.notify_size == 1000
    assert config.password(settings.relay[0], {}) == "hush"


def test_a_relative_path_is_relative_to_the_file(tmp_path, monkeypatch):
    (tmp_path / "maild.toml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert config.load(Path("maild.toml")).templates == tmp_path / "templates"


def test_what_is_no_text(tmp_path):
    path = tmp_path / "maild.toml"
    path.write_bytes(b"[desk]\nname = 'caf\xe9'\n")
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert str(caught.value) == f"{path}:2:1: this line is not UTF-8 text"
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        config.load(tmp_path)
    assert problems("x = " + "[" * 100_000) == ["maild.toml: is nested too deeply"]


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    (tmp_path / "maild.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert config.load(tmp_path / "maild.toml").desk.tag == "Acme"


def test_find(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "SYSTEM_FILE", tmp_path / "etc.toml")
    for name in ("option.toml", "env.toml"):
        (tmp_path / name).write_text("")
    with pytest.raises(ConfigError) as caught:
        config.find(None, {})
    for word in ("--config", "$MAILD_CONFIG", "./maild.toml", "etc.toml", "`maild init`"):
        assert word in str(caught.value)
    assert caught.value.exit_code == 78
    (tmp_path / "etc.toml").write_text("")
    assert config.find(None, {}) == tmp_path / "etc.toml"
    (tmp_path / "maild.toml").write_text("")
    assert config.find(None, {}) == Path("maild.toml")
    assert config.find(None, {"MAILD_CONFIG": "env.toml"}) == Path("env.toml")
    assert config.find("option.toml", {"MAILD_CONFIG": "env.toml"}) == Path("option.toml")
    with pytest.raises(ConfigError, match=r"gone\.toml: there is no such file, which \$MAILD_CONFIG names"):
        config.find(None, {"MAILD_CONFIG": "gone.toml"})


def test_a_credential_is_read_from_systemds_folder(tmp_path):
    text = GOOD + "[relay]\nuser = 'u'\ncredential = 'relay'\n"
    settings = config.parse(text, tmp_path / "maild.toml").settings
    assert settings is not None
    with pytest.raises(ConfigError, match="needs systemd"):
        config.password(settings.relay[0], {})
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        config.password(settings.relay[0], {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    (tmp_path / "relay").write_text("hush")
    assert config.password(settings.relay[0], {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "hush"
    without = config.parse(GOOD, tmp_path / "maild.toml").settings
    assert without is not None
    assert config.password(without.relay[0], {}) is None


def test_what_works_but_is_hardly_meant():
    text = (
        GOOD
        + "[relay]\naddress = 'mx.test:587'\nuser = 'u'\ncredential = 'c'\n[store]\nurl = 'postgresql+psycopg://u:pw@h/d'\n"
    )
    checked = config.parse(text, Path("maild.toml"))
    assert checked.problems == ()
    assert checked.warnings == (
        'maild.toml:5:2: anybody between us and the relay may read the password: use tls = "required" or "implicit"',
        "maild.toml:10:7: the password stands in the file: put it in a file and add ?passfile=PATH to the URL",
    )


def test_the_described_file_is_valid_and_holds_every_setting():
    text = config.describe()
    checked = config.parse(text, Path("maild.toml"))
    assert (checked.problems, checked.warnings) == ((), ())
    everything = "\n".join(
        line.removeprefix("#") if line[:1] == "#" and line[1:2] != " " else line for line in text.split("\n")
    )
    data = tomllib.loads(everything)
    for name, info in Settings.model_fields.items():
        shapes = [
            part
            for part in (info.annotation, *get_args(info.annotation))
            if isinstance(part, type) and issubclass(part, BaseModel)
        ]
        if shapes:
            held = data[name][0] if isinstance(data[name], list) else data[name]
            assert set(held) == set(shapes[0].model_fields)
        else:
            assert name in data


def test_every_setting_has_its_sentence():
    def sentences(shape):
        for info in shape.model_fields.values():
            yield info.description
            for part in (info.annotation, *get_args(info.annotation)):
                if isinstance(part, type) and issubclass(part, BaseModel):
                    yield from sentences(part)

    found = list(sentences(Settings))
    assert len(found) > 50
    assert all(text and text.endswith(".") and text[0].isalnum() for text in found)


def test_the_described_defaults_are_the_defaults():
    """What stands commented out says the same as leaving it out."""
    active = [line for line in config.describe().split("\n") if not line.startswith("#")]
    described = re.sub(r"\n#\[(.*\n)*?(?=\n|\Z)", "", config.describe())  # a section that a new desk has not
    commented = described.replace("\n#", "\n").split("\n")
    skip = (
        "certificate",
        "ca_file",
        "key",
        "user",
        "password_file",
        "secret_file",
        "credential",
        "spool",
        "s3_secret_file",
        "s3_credential",
    )
    full = [
        line
        for line in commented
        if (" = " in line and line.split(" = ")[0].isidentifier()) or line.startswith("[")
    ]
    full = [line for line in full if line.split(" = ")[0] not in skip]
    path = Path("/srv/maild.toml")
    assert config.parse("\n".join(full), path).settings == config.parse("\n".join(active), path).settings


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
    ],
)
def test_where_the_dns_is_asked(written, place):
    text = f"{GOOD}[trust]\nverify = true\nresolvers = ['{written}']\n"
    settings = config.parse(text, Path("maild.toml")).settings
    assert settings is not None
    assert settings.trust.resolvers == (place,)
