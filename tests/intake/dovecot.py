"""A real Dovecot in a folder of its own, on free ports; as root it reads mail as `nobody`, else as whoever runs the tests."""

from __future__ import annotations

import contextlib
import grp
import imaplib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.intake.test_intake_tls import make_certificate

USER, PASSWORD = "support@acme.test", 'it"s a \\ secret ñ'
SECONDS = 20.0

_CONFIG = """\
base_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
mail_plugins = quota
imap_idle_notify_interval = 1 mins
mail_fsync = never
{capability}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
protocol imap {{
  mail_plugins = quota imap_quota
  mail_max_userip_connections = 50
}}
plugin {{
  quota = count:all
  quota_rule = *:storage={storage}
  quota_vsizes = yes
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def needed() -> str:
    """The path of the server; without it the test is skipped, in CI failed."""
    path = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        why = "dovecot is not installed (Debian: dovecot-imapd)"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return path


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


class Dovecot:
    """`plain` and `tls` are its ports. `capability`: what it says it can instead of all that it can; `storage`: its quota."""

    def __init__(self, capability: str = "", storage: str = "1G") -> None:
        self.binary = needed()
        self.folder = Path(tempfile.mkdtemp(prefix="dc"))
        self.folder.chmod(0o755)
        self.plain, self.tls = free_port(), free_port()
        root = os.getuid() == 0
        reader = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
        (self.folder / "mail").mkdir()
        os.chown(self.folder / "mail", reader.pw_uid, reader.pw_gid)
        make_certificate(self.folder, "localhost")
        self.ca = self.folder / "cert.pem"
        (self.folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (self.folder / "users").chmod(0o644)
        internal, login = ("dovecot", "dovenull") if root else (reader.pw_name,) * 2
        (self.folder / "dovecot.conf").write_text(
            _CONFIG.format(
                folder=self.folder, plain=self.plain, tls=self.tls, internal=internal, login=login, uid=reader.pw_uid, gid=reader.pw_gid,
                group=internal if root else _group(reader.pw_gid), storage=storage,
                capability=f"imap_capability = {capability}" if capability else "",
            )
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self.binary, "-F", "-c", str(self.folder / "dovecot.conf")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.plain), 1) as sock:
                if sock.recv(4):
                    return
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def log(self) -> str:
        file = self.folder / "log"
        return file.read_text() if file.exists() else "it logged nothing"

    def stop(self) -> None:
        """As its service manager stops it: every process of it is asked to end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """The whole of it dies, with every connection."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)  # its children are in the session that was made for it
        process.wait(SECONDS)
        (self.folder / "run" / "master.pid").unlink(missing_ok=True)

    def end(self) -> None:
        self._end(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- what somebody else does with the mailbox

    @contextlib.contextmanager
    def client(self, mailbox: str = "INBOX") -> Iterator[imaplib.IMAP4]:
        """The ordinary client of the standard library, with the mailbox open."""
        client = imaplib.IMAP4("127.0.0.1", self.plain, timeout=SECONDS)
        try:
            client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
            client.select(mailbox)
            yield client
        finally:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                client.logout()

    def put(self, *mails: bytes, mailbox: str = "INBOX", at: datetime | None = None) -> None:
        """Mails arrive, at `at` if not now."""
        date = imaplib.Time2Internaldate(at.timestamp()) if at is not None else None
        with self.client() as client:
            for mail in mails:
                status, said = client.append(mailbox, "", date, mail)  # type: ignore[arg-type]
                assert status == "OK", said

    def uids(self, mailbox: str = "INBOX", query: str = "ALL") -> list[int]:
        with self.client(mailbox) as client:
            if client.state != "SELECTED":
                return []
            return [int(word) for word in client.uid("SEARCH", query)[1][0].split()]  # type: ignore[arg-type]

    def forget_uids(self) -> None:
        """As after a restored backup: the same mails under other UIDs with another UIDVALIDITY. Not while it runs."""
        for file in (self.folder / "mail" / USER).rglob("dovecot*"):
            if file.is_file():
                file.unlink()


def _group(gid: int) -> str:
    return grp.getgrgid(gid).gr_name
