"""maild.toml: what is accepted, and the sentence for each mistake."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import get_args

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    assert (settings.relay.address, settings.relay.tls, settings.relay.connections) == (
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
    assert config.password(settings.relay, {}) == "hush"


def test_a_relative_path_is_relative_to_the_file(tmp_path, monkeypatch):
    (tmp_path / "maild.toml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert config.load(Path("maild.toml")).templates == tmp_path / "templates"


# Each line is put behind GOOD; the complaint's file is maild.toml and GOOD has four lines.
MISTAKES = [
    ("[relay]\nadress = 'x:25'", "6:1: unknown key 'adress' (did you mean 'address'?)"),
    ("[lmits]", "5:2: unknown key 'lmits' (did you mean 'limits'?)"),
    ("[imap]\nhost = 'x'", "5:2: 'imap': fetching from mailboxes is not supported by this version of maild"),
    (
        "[relay]\npassword = 'x'",
        "6:1: 'password': a secret is never written here: put it in a file and name that with password_file, or use credential",
    ),
    ("[relay]\nconnections = '4'", "6:15: connections: must be a whole number, without quotes"),
    ("[relay]\nconnections = 0", "6:15: connections: must be at least 1"),
    (
        "[relay]\naddress = 'mx.acme.test'",
        "6:11: address: 'mx.acme.test' needs a port from 0 to 65535, like 127.0.0.1:25",
    ),
    (
        "[relay]\naddress = 'mx:99999'",
        "6:11: address: 'mx:99999' needs a port from 0 to 65535, like 127.0.0.1:25",
    ),
    ("[relay]\naddress = 'mx:0'", "6:11: address: 'mx:0' needs the port of the relay, like :25 or :587"),
    (
        "[relay]\naddress = '::1:25'",
        "6:11: address: '::1:25': an IPv6 address stands in brackets, like [::1]:25",
    ),
    (
        "[relay]\ntls = 'oportunistic'",
        "6:7: tls: 'oportunistic' is not one of none, opportunistic, required, implicit (did you mean 'opportunistic'?)",
    ),
    ("[relay]\nuser = 'maild'", "6:8: user: needs password_file or credential"),
    ("[relay]\ncredential = 'relay'", "6:1: credential: needs a user to log in as"),
    ("[relay]\nuser = 'u'\ncredential = 'a/b'", "7:14: credential: is a name, not a path"),
    ("[relay]\nuser = 'u'\npassword_file = '/nowhere/x'", "7:17: password_file: there is no file /nowhere/x"),
    (
        "[[listen]]\nprotocol = 'smtp'\naddress = ':25'",
        "7:11: address: ':25' needs a host: 127.0.0.1:25 for this machine only, 0.0.0.0:25 for all",
    ),
    (
        "[[listen]]\nprotocol = 'lmtp'\naddress = 'unix:'",
        "7:11: address: 'unix:' needs the path of a socket, like unix:var/lmtp.sock",
    ),
    ("[[listen]]\nprotocol = 'smtp'", "5:3: 'address' is missing"),
    (
        "[[listen]]\nprotocol = 'stmp'\naddress = 'a:1'",
        "6:12: protocol: 'stmp' is not one of smtp, lmtp (did you mean 'smtp'?)",
    ),
    (
        "[[listen]]\nprotocol = 'smtp'\naddress = 'a:1'\ntls = 'starttls'\ncertificate = '/'",
        "8:7: tls: 'starttls' needs a key, which is missing",
    ),
    (
        "[[listen]]\nprotocol = 'smtp'\naddress = 'a:1'\nkey = 'x'",
        '8:1: key: needs tls = "starttls" or "implicit"',
    ),
    (
        "[[listen]]\nprotocol = 'smtp'\naddress = 'a:1'\n[[listen]]\nprotocol = 'smtp'\naddress = 'a:1'",
        "10:11: address: another [[listen]] has the same one",
    ),
    ("[listen]\nprotocol = 'smtp'", "5:2: listen: must be a list, like [a, b]"),
    (
        "[store]\nurl = 'var/maild.db'",
        "6:7: url: 'var/maild.db' is no database URL, like sqlite:///var/maild.db",
    ),
    (
        "[store]\nurl = 'sqlite:///:memory:'",
        "6:7: url: an SQLite URL names a file after three slashes, like sqlite:///var/maild.db",
    ),
    ("[store]\nurl = 'postgres://h/d'", "6:7: url: a PostgreSQL URL begins with 'postgresql+psycopg://'"),
    (
        "[store]\nurl = 'mysql://h/d'",
        "6:7: url: unknown kind of database 'mysql' (known: sqlite, postgresql+psycopg)",
    ),
    ("[store]\nfiles = 3", "6:9: files: must be the path of a file or folder, in quotes"),
    (
        "[trust]\nverify = true",
        "6:10: verify: this version of maild does not check SPF, DKIM and DMARC itself; let your mail server do it and name its host in authserv_ids",
    ),
    ("[trust]\nverify = 'true'", "6:10: verify: must be true or false, without quotes"),
    ("[trust]\nauthserv_ids = 'mx.acme.test'", "6:16: authserv_ids: must be a list, like [a, b]"),
    (
        "[trust]\npeers = ['::1', 'local']",
        "6:17: peers: 'local' is no IP address or network, like 192.0.2.7 or 10.0.0.0/8",
    ),
    (
        "[trust]\npeers = ['10.1.1.1/8']",
        "6:10: peers: '10.1.1.1/8' names an address inside a network (did you mean '10.0.0.0/8'?)",
    ),
    (
        "[trust]\nspam = ['X-Spam']",
        "6:9: spam: 'X-Spam' is no header with a value, like \"X-Spam-Flag: YES\"",
    ),
    (
        "[limits]\nmessage_size = '25 MX'",
        "6:16: message_size: unknown unit of size 'MX' (known: B, KB, MB, GB, KiB, MiB, GiB)",
    ),
    (
        "[limits]\nmessage_size = 'big'",
        "6:16: message_size: 'big' is no size: write a number of octets, or one with a unit, like \"25 MB\"",
    ),
    (
        "[limits]\nmessage_size = true",
        "6:16: message_size: 'True' is no size: write a number of octets, or one with a unit, like \"25 MB\"",
    ),
    (
        "[limits]\nmessage_size = 0",
        "6:16: message_size: '0' is no size: write a number of octets, or one with a unit, like \"25 MB\"",
    ),
    (
        "[limits]\nacknowledge_within = '10 minutes'",
        "6:22: acknowledge_within: '10 minutes' is no duration (did you mean '10m'?)",
    ),
    (
        "[limits]\nacknowledge_within = 24",
        "6:22: acknowledge_within: '24' is no duration: write a number and a unit, like 30m, 4h, 5d or 1h30m",
    ),
    (
        "[limits]\nacknowledge_within = '99999999d'",
        "6:22: acknowledge_within: '99999999d' must be longer than nothing and at most ten years",
    ),
    (
        "[limits]\nautomatic_per_hour = 'none'",
        "6:22: automatic_per_hour: 'none' must be a whole number or \"off\"",
    ),
    (
        "[log]\nlevel = 'warn'",
        "6:9: level: 'warn' is not one of debug, info, warning, error (did you mean 'warning'?)",
    ),
    ("[log]\nlevel = debug", "6:9: this is no value (text stands in quotes)"),
    ("[limits]\nreopen = 14d", "6:12: something stands behind the value (text stands in quotes)"),
    ("[log]\nlevel = 'info'\nlevel = 'info'", "7:15: this key stands twice"),
    ("[log]\n[log]", "6:5: the section [log] stands twice"),
    ("[log]\nlevel", "6:6: a key needs '=' and a value behind it"),
    ("[log]\nlevel = 'in", "6:9: this quote is never closed"),
    ("[log]\nlevel = \"in\nformat = 'text'", "6:12: this quote is never closed"),
]

# (the line of GOOD that is replaced, the new line, the complaint)
DESK_MISTAKES = [
    (2, "nmae = 'x'", ["1:2: 'desk.name' is missing", "2:1: unknown key 'nmae' (did you mean 'name'?)"]),
    (2, "name = 3", ["2:8: name: must be text: put it in quotes"]),
    (2, "name = ' '", ["2:8: name: must not be empty"]),
    (2, 'name = "a\\nb"', ["2:8: name: must be one line of printable text"]),
    (3, "address = 'support'", ["3:11: address: 'support' is no mail address, like name@example.org"]),
    (
        3,
        "address = 'Acme <support@acme.test>'",
        ["3:11: address: 'Acme <support@acme.test>' must be the bare address, without a name and brackets"],
    ),
    (3, "address = 'a@-x.test'", ["3:11: address: '-x.test' is no domain name"]),
    (
        3,
        "address = 'a@bücher.test'",
        ["3:11: address: 'bücher.test' must be written as mail writes it: 'xn--bcher-kva.test'"],
    ),
    (
        3,
        "address = 'customer.support.team@acme.test'",
        [
            "3:11: address: 'customer.support.team' leaves no room for a reply token (18 characters at most): "
            'use a shorter one or reply_address = "plain"'
        ],
    ),
    (
        3,
        "address = 'help-desk@acme.test'\ndelimiter = '-'",
        ["4:13: delimiter: '-' is part of 'help-desk', so no token could be found behind it"],
    ),
    (
        4,
        "tag = '[Acme]'",
        ["4:7: tag: '[Acme]' stands as [[Acme] #12] in subjects: at most 30 characters, without [, ] and #"],
    ),
    (
        4,
        "tag = 'A'\ntimezone = 'Europe/Amsterdm'",
        ["5:12: timezone: unknown time zone 'Europe/Amsterdm' (did you mean 'Europe/Amsterdam'?)"],
    ),
    (
        4,
        "tag = 'A'\ntimezone = 'new york'",
        ["5:12: timezone: unknown time zone 'new york' (did you mean 'America/New_York'?)"],
    ),
    (
        4,
        "tag = 'A'\ntimezone = 'Europe'",
        ["5:12: timezone: unknown time zone 'Europe': write it like Europe/Amsterdam"],
    ),
    (
        4,
        "tag = 'A'\nlanguage = 'english'",
        ["5:12: language: 'english' is no language tag, like en, es or pt-BR"],
    ),
    (
        4,
        "tag = 'A'\naliases = ['a@b.test', 7, 'x']",
        [
            "5:24: aliases: must be text: put it in quotes",
            "5:27: aliases: 'x' is no mail address, like name@example.org",
        ],
    ),
    (4, "tag = 'A'\nlists = ['help me']", ["5:10: lists: 'help me' is no domain name"]),
    (4, "tag = 'A'\nreply_address = 'minus'", ["5:17: reply_address: 'minus' is not one of plus, plain"]),
]


@pytest.mark.parametrize(("addition", "complaint"), MISTAKES)
def test_mistakes(addition, complaint):
    assert problems(f"{GOOD}{addition}\n") == [f"maild.toml:{complaint}"]


@pytest.mark.parametrize(("line", "text", "complaints"), DESK_MISTAKES)
def test_mistakes_in_desk(line, text, complaints):
    lines = GOOD.split("\n")
    lines[line - 1] = text
    assert problems("\n".join(lines)) == [f"maild.toml:{complaint}" for complaint in complaints]


def test_all_mistakes_at_once_in_order_of_lines():
    found = problems("[log]\nlevel = 1\nfromat = 'x'\n[relay]\ntls = true\n")
    assert found == [
        "maild.toml: 'desk.address' is missing",
        "maild.toml: 'desk.name' is missing",
        "maild.toml: 'desk.tag' is missing",
        "maild.toml:2:9: level: '1' is not one of debug, info, warning, error",
        "maild.toml:3:1: unknown key 'fromat' (did you mean 'format'?)",
        "maild.toml:5:7: tls: 'True' is not one of none, opportunistic, required, implicit",
    ]


def test_what_is_no_text(tmp_path):
    path = tmp_path / "maild.toml"
    path.write_bytes(b"[desk]\nname = 'caf\xe9'\n")
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert str(caught.value) == f"{path}:2:1: this line is not UTF-8 text"
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        config.load(tmp_path)
    assert problems("x = " + "[" * 100_000) == ["maild.toml: is nested too deeply"]


broken = st.tuples(
    st.integers(0, len(WHOLE)), st.integers(0, 3), st.text("{}[]=,-'\"#.\n\t 1a~\x00é", max_size=3)
)


@hypothesis.settings(max_examples=150, deadline=None)
@given(st.lists(broken, min_size=1, max_size=3))
def test_whatever_is_written_is_answered_with_places(changes):
    text = WHOLE
    for at, length, inserted in changes:
        text = text[:at] + inserted + text[at + length :]
    checked = config.parse(text, Path("/nowhere/maild.toml"))
    assert (checked.settings is None) == bool(checked.problems)
    lines = text.split("\n")
    assert all(problem.line <= len(lines) for problem in checked.problems)
    assert all(
        problem.column <= len(lines[problem.line - 1]) + 2 for problem in checked.problems if problem.line
    )


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
        config.password(settings.relay, {})
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        config.password(settings.relay, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    (tmp_path / "relay").write_text("hush")
    assert config.password(settings.relay, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "hush"
    without = config.parse(GOOD, tmp_path / "maild.toml").settings
    assert without is not None
    assert config.password(without.relay, {}) is None


def test_what_works_but_is_hardly_meant():
    text = (
        GOOD
        + "[relay]\naddress = 'mx.test:587'\nuser = 'u'\ncredential = 'c'\n[store]\nurl = 'postgresql+psycopg://u:pw@h/d'\n"
    )
    checked = config.parse(text, Path("maild.toml"))
    assert checked.problems == ()
    assert checked.warnings == (
        'maild.toml:5:2: the password may cross the network in clear: use tls = "required" or "implicit"',
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
    commented = config.describe().replace("\n#", "\n").split("\n")
    skip = ("certificate", "key", "user", "password_file", "credential")
    full = [
        line
        for line in commented
        if (" = " in line and line.split(" = ")[0].isidentifier()) or line.startswith("[")
    ]
    full = [line for line in full if line.split(" = ")[0] not in skip]
    path = Path("/srv/maild.toml")
    assert config.parse("\n".join(full), path).settings == config.parse("\n".join(active), path).settings
