"""A Postfix of the test's own: Debian's programs on a configuration, queue and log in a folder, beside any other Postfix of this host."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.way.desk import until

MASTER = """\
{smtp} inet n - n - - smtpd
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
ITSELF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.acme.test
mydestination = acme.test
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C
"""


class NoPostfix(Exception):
    """Why there is none here."""


class Postfix:
    """Running from the start; `close` ends it. `port` is where it takes mail by SMTP."""

    def __init__(self, folder: Path, lines: str) -> None:
        """`lines`: of main.cf, beside those that make it stand alone. Raises NoPostfix."""
        if shutil.which("postfix") is None:
            raise NoPostfix("postfix is missing")
        if os.geteuid() != 0:
            raise NoPostfix("a Postfix of one's own needs root")
        self.folder, self.config = folder, folder / "config"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        for name in ("config", "queue", "data"):
            (folder / name).mkdir(parents=True)
        shutil.chown(folder / "data", "postfix")
        (self.config / "master.cf").write_text(MASTER.format(smtp=f"127.0.0.1:{self.port}"))
        (self.config / "main.cf").write_text(ITSELF.format(folder=folder) + lines)
        self.command("postfix", "check")
        self.command("postfix", "start")
        until(self._listens, "Postfix listens")

    def _listens(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def command(self, *words: str, stdin: str = "") -> str:
        """One of its programs, on its configuration."""
        name, *rest = words
        done = subprocess.run([name, "-c" if name != "sendmail" else "-C", str(self.config), *rest], input=stdin, capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, f"{words}: {done.stderr}{self.log()}"
        return done.stdout

    def send(self, mail: str, *recipients: str, sender: str = "carla@globex.test") -> None:
        """By its sendmail command, as a program of this host would."""
        self.command("sendmail", "-i", "-f", sender, "--", *recipients, stdin=mail)

    def flush(self) -> None:
        """Try what is deferred again, now."""
        self.command("postqueue", "-f")

    def queued(self) -> str:
        return self.command("postqueue", "-p")

    def log(self) -> str:
        file = self.folder / "log"
        return file.read_text() if file.exists() else ""

    def close(self) -> None:
        with contextlib.suppress(AssertionError):
            self.command("postfix", "stop")


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user may go through, as /run is; pytest's own are closed to Postfix's."""
    folder = Path(tempfile.mkdtemp(prefix="maild-postfix-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def let_in(socket_file: Path) -> None:
    """What `adduser postfix maild` does on a host: Postfix may write to the socket."""
    os.chown(socket_file, -1, pwd.getpwnam("postfix").pw_gid)
