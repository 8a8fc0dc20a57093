"""`[[imap]]`: what is accepted, its defaults, and every mistake at its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from maild import config
from maild.settings import mailboxes
from tests.config.test_config import GOOD

LEAST = 'name = "support"\nhost = "imap.acme.test"\nuser = "support@acme.test"\n'
SECRET = 'credential = "imap"\n'
OAUTH = '[imap.oauth]\nprovider = "google"\nclient_id = "x"\nrefresh_credential = "r"\n'


def checked(text: str, folder: Path = Path("/srv")) -> config.Checked:
    return config.parse(f"{GOOD}{text}", folder / "maild.toml")


def test_the_least_of_a_mailbox(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    found = checked(f'[[imap]]\n{LEAST}password_file = "secret"\n', tmp_path)
    assert (found.problems, found.warnings) == ((), ())
    assert found.settings is not None
    [imap] = found.settings.imap
    assert (imap.place, imap.route, imap.mailbox, imap.then, imap.start, imap.tls) == (
        "imap.acme.test:993", "imap:support", "INBOX", "flag", "now", "implicit",
    )  # fmt: skip
    assert (imap.poll, imap.stale_after) == (timedelta(minutes=1), timedelta(minutes=30))
    assert mailboxes.password(imap, {}) == "hush"


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ('then = "Move: Archiv/2026 "', "then", "move:Archiv/2026"),
        ('then = "delete"', "then", "delete"),
        ('host = "[::1]"', "place", "[::1]:993"),
        ('tls = "starttls"', "place", "imap.acme.test:143"),
        ("port = 1143", "place", "imap.acme.test:1143"),
        ('start = "all"', "start", "all"),
        ('mailbox = "Entwürfe"', "mailbox", "Entwürfe"),
    ],
)
def test_what_is_accepted(line: str, name: str, value: str) -> None:
    least = LEAST.replace('host = "imap.acme.test"\n', "") if line.startswith("host") else LEAST
    found = checked(f"[[imap]]\n{least}{SECRET}{line}\n")
    assert found.settings is not None, found.problems
    assert getattr(found.settings.imap[0], name) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('then = "move"', "then: 'move' needs a folder, like move:Archive"),
        ('then = "archive"', "then: 'archive' is not one of move:FOLDER, flag, delete"),
        ('then = "flag:x"', "then: 'flag:x' is not one of"),
        ('then = "move:INBOX"', "then: 'INBOX' is the mailbox that is read"),
        ('then = "move:inbox"', "then: 'INBOX' is the mailbox that is read"),
        ('poll = "29m"', "poll: must be shorter than 29 minutes"),
        ('start = "al"', "start: 'al' is not one of now, all (did you mean 'all'?)"),
        ('password = "hush"', "'password': a secret is never written here"),
        ("ssl = true", "'ssl': that is tls = "),
        ("port = 70000", "port: must be at most 65535"),
        ('port = 993\ntls = "none"', 'tls: port 993 speaks TLS from the start: "implicit"'),
        ('mailbx = "INBOX"', "unknown key 'mailbx' (did you mean 'mailbox'?)"),
        ('ca_file = "/no/such"', "ca_file: there is no file /no/such"),
        (OAUTH, "oauth: stands beside a password; one of them is enough"),
        (f"[[imap]]\n{LEAST}{SECRET}", "name: another [[imap]] has the same one"),
        (f"[[imap]]\n{LEAST.replace('support', 'other', 1)}{SECRET}", "mailbox: another [[imap]] reads the same one"),
    ],
)  # fmt: skip
def test_mistakes(text: str, problem: str) -> None:
    said = "\n".join(map(str, checked(f"[[imap]]\n{LEAST}{SECRET}{text}\n").problems))
    assert problem in said
    assert said.startswith("/srv/maild.toml:")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "user: needs password_file, credential or oauth"),
        ('name = "my box"', "name: 'my box' must be a short word"),
        ('host = "imap.acme.test:993"', 'host = "imap.acme.test" and port = 993'),
        (OAUTH.replace("google", "gogle"), "provider: 'gogle' is not one of google, microsoft, custom (did you mean 'google'?)"),
        (OAUTH.replace("google", "custom"), "provider: 'custom' needs a token_endpoint"),
        (OAUTH.replace('refresh_credential = "r"\n', ""), "client_id: needs a refresh_token_file"),
        (OAUTH.replace("refresh_credential", "client_credential"), "provider: 'google' needs a refresh_token_file"),
        (f'{OAUTH}token_endpoint = "http://token.test/"', "token_endpoint: 'http://token.test/' must be a URL that begins with https://"),
        (f'{OAUTH}client_secret = "x"', "'client_secret': a secret is never written here"),
        (f'{OAUTH}client_secret_file = "none"', "client_secret_file: there is no file /srv/none"),
        (f'{OAUTH}client_secrt_file = "none"', "unknown key 'client_secrt_file' (did you mean 'client_secret_file'?)"),
    ],
)  # fmt: skip
def test_mistakes_with_the_log_in(text: str, problem: str) -> None:
    least = LEAST
    for name in ("name", "host"):
        if text.startswith(name):
            least = "".join(line for line in LEAST.splitlines(True) if not line.startswith(name))
    assert problem in "\n".join(map(str, checked(f"[[imap]]\n{least}{text}\n").problems))


def test_what_is_hardly_meant() -> None:
    found = checked(f'[[imap]]\n{LEAST}{SECRET}tls = "none"\npoll = "20m"\nstale_after = "10m"\n')
    assert [warning.partition(": ")[2] for warning in found.warnings] == [
        'password and mail cross the network in clear: use tls = "implicit" or "starttls"',
        "is not longer than poll, so the admins are told of a mailbox that is well",
    ]
