"""A desk in a folder and its daemon as a process: what a sysadmin has, with listeners on free ports."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from click.testing import CliRunner

from maild.cli import main
from store import Store
from tests.way.letters import DESK, letter
from tests.way.relay import PATIENCE, Received, Relay
from tests.way.starter import Forked, Starter

CONFIG = """\
[desk]
name = "Acme Support"
address = "support@acme.test"
aliases = ["help@acme.test", "soporte@acme.test"]
tag = "Acme"
language = "en"
reply_address = "{reply_address}"

[store]
url = "sqlite:///var/maild.db"
files = "var/files"

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[[listen]]
protocol = "lmtp"
address = "unix:var/lmtp.sock"

[relay]
address = "127.0.0.1:{relay}"
tls = "none"

[trust]
authserv_ids = ["mx.acme.test"]

[limits]
message_size = "2 MB"
notifications_per_agent_per_hour = "off"    # the tests of one desk make more than an hour of a real one

[log]
format = "json"
"""

PEOPLE = """\
fields:
  product: {label: Product, values: [flow, lumen]}
teams:
  support: {name: First line, level: 1}
  engineering: {name: Second line, level: 2}
agents:
  - {name: Ana Ruiz, address: ana@acme.test, team: support, languages: [en]}
  - {name: Ben Okoro, address: ben@acme.test, team: support}
  - {name: Chen Li, address: chen@acme.test, team: engineering, role: admin}
organisations:
  - {name: Globex, domains: [globex.test], sla: gold}
"""

PROMISES = """\
calendars:
  office: {timezone: Europe/Amsterdam, mon-fri: "09:00-17:00"}
  always: {timezone: UTC, mon-sun: "00:00-24:00"}
sla:
  standard: {calendar: office, first_response: 1h, update: 4h, resolution: 24h}
  gold: {calendar: always, first_response: 10m, update: 4h, resolution: 24h, pause: [pending]}
"""

AGENTS = ("ana@acme.test", "ben@acme.test", "chen@acme.test")


def environment() -> dict[str, str]:
    """Of a process: no configuration from outside, and compiled code that all of them share, where it may not be
    written beside the sources."""
    env = {name: value for name, value in os.environ.items() if name not in ("MAILD_CONFIG", "NOTIFY_SOCKET")}
    if env.pop("PYTHONDONTWRITEBYTECODE", None):
        env["PYTHONPYCACHEPREFIX"] = str(Path(__file__).resolve().parents[2] / ".pytest_cache" / "compiled")
    return env


class Done(NamedTuple):
    """What became of a command."""

    returncode: int
    stdout: bytes
    stderr: bytes


def spawn(*args: str, cwd: Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> Done:
    """A command as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "maild", *args], cwd=cwd, input=stdin, env=environment() | (env or {}),
        capture_output=True, timeout=2 * PATIENCE, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def maild(*args: str, cwd: Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> Done:
    """The same through the same door, but in this process: a new one takes a second."""
    code = 0
    clean = {"MAILD_CONFIG": None, **(env or {})}
    with (
        contextlib.chdir(cwd),
        CliRunner().isolation(stdin, clean) as (stdout, stderr, _),
        mock.patch("sys.argv", ["maild", *args]),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        sys.stderr.flush()
    return Done(code, stdout.getvalue(), stderr.getvalue())


def until(holds: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What `holds` gives as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return found


@functools.cache
def starter() -> Starter:
    """That of this test process."""
    return Starter()


class Process:
    """`maild run`, forked from a process that has loaded it, or by exec. `lines`: what it has said on stderr so far."""

    def __init__(self, config: Path, env: dict[str, str] | None = None, *, by_exec: bool = False) -> None:
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._over = False
        args, around = ["--config", str(config), "run"], environment() | (env or {})
        self.popen: subprocess.Popen[bytes] | Forked
        if by_exec:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "maild", *args], env=around,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
        else:
            self.popen = starter().start(args, around)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            with self._said:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._said.notify_all()
        with self._said:
            self._over = True
            self._said.notify_all()

    def wait_for_line(self, wanted: Callable[[str], bool], seconds: float = PATIENCE) -> str:
        """The first line on stderr that is wanted."""
        with self._said:
            self._said.wait_for(lambda: self._over or any(map(wanted, self.lines)), seconds)
            found = next(filter(wanted, self.lines), None)
        assert found is not None, "it did not say so; it said:\n" + "\n".join(self.lines)
        return found

    def wait(self) -> int:
        """The exit code, when it has ended and all it said was read."""
        code = self.popen.wait(2 * PATIENCE)
        self._reader.join(PATIENCE)
        assert self.popen.stderr is not None
        self.popen.stderr.close()
        return code

    @property
    def traceback(self) -> bool:
        return any("Traceback" in line for line in self.lines)


class Desk:
    """The folder, its daemon when it runs, and what people do with them."""

    def __init__(
        self, folder: Path, relay: Relay, *, config: str = CONFIG, reply_address: str = "plus"
    ) -> None:
        self.folder, self.relay = folder, relay
        self.config = folder / "maild.toml"
        self.process: Process | None = None
        self.past: list[Process] = []
        self.smtp_port = 0
        (folder / "rules").mkdir(parents=True)
        self.config.write_text(config.format(relay=relay.port, reply_address=reply_address))
        (folder / "rules" / "10-people.yaml").write_text(PEOPLE)
        (folder / "rules" / "20-promises.yaml").write_text(PROMISES)

    # -- the process

    def start(self, *, by_exec: bool = False) -> None:
        assert self.process is None
        self.process = Process(self.config, by_exec=by_exec)
        self.past.append(self.process)
        ready = self.process.wait_for_line(lambda line: "ready" in line)
        found = re.search(r"smtp 127\.0\.0\.1:(\d+)", ready)
        assert found, ready
        self.smtp_port = int(found[1])

    def kill9(self) -> None:
        process, self.process = self.process, None
        assert process is not None
        process.popen.kill()
        assert process.wait() == -signal.SIGKILL

    def stop(self) -> None:
        """As the service manager stops it: drained, exit code 0."""
        process, self.process = self.process, None
        assert process is not None
        process.popen.send_signal(signal.SIGTERM)
        assert process.wait() == 0, "\n".join(process.lines)

    def restart(self) -> None:
        self.stop()
        self.start()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.popen.send_signal(number)

    def end(self) -> None:
        """Stop it if it runs; nothing unexpected was said and nothing in the store is untrue."""
        if self.process is not None:
            self.stop()
        said = [line for process in self.past for line in process.lines]
        assert not any(process.traceback for process in self.past), "\n".join(said)
        assert self.check() == []

    def check(self) -> list[str]:
        """What is untrue in the store."""
        store = Store.open(f"sqlite:///{self.folder}/var/maild.db", self.folder / "var/files")
        try:
            return store.check()
        finally:
            store.close()

    # -- mail in

    def smtp(self, mail: EmailMessage | bytes, *, to: str | Sequence[str] = DESK, sender: str | None = None) -> None:  # fmt: skip
        """Hand a mail over by SMTP; returns after 250. `sender` None: that of the From."""
        raw, envelope = _prepared(mail, sender)
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=PATIENCE) as client:
            refused = client.sendmail(envelope, [to] if isinstance(to, str) else list(to), raw)
        assert refused == {}

    def lmtp(self, mail: EmailMessage | bytes, *, to: Sequence[str] = (DESK,), sender: str | None = None) -> list[str]:  # fmt: skip
        """Hand a mail over by LMTP: a reply for each recipient, that to RCPT when it is refused there, else that to the mail."""
        raw, envelope = _prepared(mail, sender)
        with Dialogue.unix(self.folder / "var" / "lmtp.sock") as talk:
            talk.say("LHLO mta.test")
            talk.say(f"MAIL FROM:<{envelope}>")
            replies = {recipient: talk.say(f"RCPT TO:<{recipient}>") for recipient in to}
            taken = [recipient for recipient, reply in replies.items() if reply.startswith("250")]
            if taken:
                assert talk.say("DATA").startswith("354")
                lines = raw.removesuffix(b"\r\n").split(b"\r\n")
                talk.send(b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines))
                talk.send(b"\r\n.\r\n")
                replies.update({recipient: talk.reply() for recipient in taken})
        return [replies[recipient] for recipient in to]

    def deliver(self, mail: EmailMessage | bytes, *options: str, run: Callable[..., Done] = maild) -> Done:
        """Hand a mail to `maild deliver` as a mail server's pipe does."""
        raw, _ = _prepared(mail, None)
        return run("--config", str(self.config), "deliver", *options, cwd=self.folder, stdin=raw)

    # -- the command line

    def maild(self, *args: str, run: Callable[..., Done] = maild) -> Done:
        """A command about this desk."""
        return run("--config", str(self.config), *args, cwd=self.folder)

    def show(self, *args: str) -> Any:
        """What a command prints with --json."""
        done = self.maild(*args, "--json")
        assert done.stdout, done.stderr.decode()
        return json.loads(done.stdout)

    def ticket(self, number: int) -> Any:
        return self.show("ticket", str(number))

    def quiet(self) -> None:
        """Wait until no mail waits to be processed or to be sent at once."""

        def nothing() -> bool:
            status = self.show("status")
            return not status["intake"]["waiting"] and not status["outgoing"]["queued"]

        until(nothing, "all mail is processed and sent")

    # -- whole steps of a conversation

    def ask(self, customer: str, subject: str, text: str, **more: Any) -> tuple[EmailMessage, Received]:
        """A customer's new request -> it, and its acknowledgement. The customer has had no mail with that subject before."""
        request = letter(customer, subject, text, **more)
        self.smtp(request)
        return request, self.gets(customer, lambda mail: mail["In-Reply-To"] == request["Message-ID"])

    def gets(self, person: str, wanted: Callable[[Received], bool] = lambda _: True) -> Received:
        """The first mail to a person that is wanted."""
        address = parseaddr(person)[1].lower()
        return self.relay.wait_for(lambda mail: mail.recipient.lower() == address and wanted(mail))

    def told(self, agent: str, number: int, words: str = "") -> Received:
        """The first notification to an agent about a ticket that holds these words."""
        return self.gets(agent, lambda mail: f"[Acme #{number}]" in mail["Subject"] and words in mail.text)


class Dialogue:
    """SMTP or LMTP spoken by hand."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._socket.settimeout(PATIENCE)
        self._file = sock.makefile("rb")
        self.greeting = self.reply()

    @classmethod
    def unix(cls, path: Path) -> Dialogue:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(str(path))
            return cls(sock)
        except BaseException:
            sock.close()
            raise

    @classmethod
    def tcp(cls, port: int) -> Dialogue:
        return cls(socket.create_connection(("127.0.0.1", port), PATIENCE))

    def __enter__(self) -> Dialogue:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def say(self, line: str) -> str:
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def reply(self) -> str:
        """The last line of the next reply."""
        while True:
            line = self._file.readline().decode()
            if line[3:4] != "-":
                return line.rstrip("\r\n")


def _prepared(mail: EmailMessage | bytes, sender: str | None) -> tuple[bytes, str]:
    raw = mail if isinstance(mail, bytes) else mail.as_bytes()
    if sender is None:
        sender = "" if isinstance(mail, bytes) else parseaddr(str(mail["From"]))[1]
    return raw, sender
