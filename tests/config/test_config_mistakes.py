"""The sentence for each mistake in maild.toml, at its line and column."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maild import config
from tests.config.test_config import GOOD, WHOLE, problems

# Each line is put behind GOOD; the complaint's file is maild.toml and GOOD has four lines.
MISTAKES = [
    ("[relay]\nadress = 'x:25'", "6:1: unknown key 'adress' (did you mean 'address'?)"),
    ("[lmits]", "5:2: unknown key 'lmits' (did you mean 'limits'?)"),
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
        "[[relay]]\naddress = 'a:25'\n[[relay]]\naddress = 'a:25'",
        "8:11: address: another [[relay]] has the same one",
    ),
    (
        "[[relay]]\naddress = 'a:25'\n[[relay]]\naddress = 'unix:'",
        "8:11: address: 'unix:' needs the path of a socket, like unix:/var/spool/postfix/public/maild",
    ),
    (
        "[[relay]]\naddress = 'a:25'\n[[relay]]\nconnections = 0",
        "8:15: connections: must be at least 1",
    ),
    (
        "[relay]\nca_file = '/nowhere/x'",
        '6:1: ca_file: goes with tls = "required" or "implicit" only',
    ),
    ("[relay]\ntls = 'required'\nca_file = '/nowhere/x'", "7:11: ca_file: there is no file /nowhere/x"),
    (
        "[relay]\ntls = 'implicit'\nca_file = '/dev/null'",
        "7:11: ca_file: /dev/null: holds no certificate in PEM",
    ),
    ("[relay]\npassword_in_clear = 1", "6:21: password_in_clear: must be true or false"),
    ("[delivery]\nper_domain = 0", "6:14: per_domain: must be at least 1"),
    (
        "[delivery]\nper_domain_per_minute = 'few'",
        "6:25: per_domain_per_minute: 'few' must be a whole number or \"off\"",
    ),
    (
        "[[destination]]\ndomain = 'a.test'\n[[destination]]\ndomain = 'A.test'",
        "8:10: domain: another [[destination]] has the same one",
    ),
    (
        "[[destination]]\ndomain = 'a@b.test'",
        "6:10: domain: 'a@b.test' must be a domain, without anything before the @",
    ),
    ("[[dkim]]\ndomain = 'acme.test'\nselector = 's'", "5:3: dkim: needs key_file or credential"),
    (
        "[[dkim]]\ndomain = 'other.test'\nselector = 's'\ncredential = 'c'",
        "6:10: domain: no address of the desk is of 'other.test' (acme.test)",
    ),
    (
        "[[dkim]]\ndomain = 'acme.test'\nselector = 'a_b'\ncredential = 'c'",
        "7:12: selector: 'a_b' is no selector: letters, digits, hyphens and dots, like maild or 2026.desk",
    ),
    (
        "[[dkim]]\ndomain = 'acme.test'\nselector = 's'\nkey_file = '/nowhere/x'",
        "8:12: key_file: there is no file /nowhere/x",
    ),
    (
        "[[dkim]]\ndomain = 'acme.test'\nselector = 's'\nkey_file = '/dev/null'",
        "8:12: key_file: /dev/null: it is no private key in PEM",
    ),
    (
        "[[dkim]]\ndomain = 'acme.test'\nselector = 's'\nkey = 'MIIE'",
        "8:1: 'key': a secret is never written here: put it in a file and name that with key_file, or use credential",
    ),
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
    ("[listen]\nprotocol = 'smtp'", "5:2: 'address' is missing"),
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
    ("[trust]\narc_sealers = ['list.test']", "6:1: arc_sealers: goes with verify = true only"),
    ("[trust]\nresolvers = ['127.0.0.1']", "6:1: resolvers: goes with verify = true only"),
    (
        "[trust]\nverify = true\nresolvers = ['dns.test']",
        "7:14: resolvers: 'dns.test' is no DNS server, like 192.0.2.53, 127.0.0.1:5353 or [::1]:5353",
    ),
    (
        "[trust]\nverify = true\nresolvers = ['127.0.0.1:0']",
        "7:14: resolvers: '127.0.0.1:0' needs a port from 1 to 65535, or none",
    ),
    (
        "[trust]\nverify = true\narc_sealers = ['a@list.test']",
        "7:16: arc_sealers: 'a@list.test' must be a domain, without anything before the @",
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
    ("[limits]\nacknowledge_within = 14d", "6:24: something stands behind the value (text stands in quotes)"),
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
