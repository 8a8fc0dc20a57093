"""Processes of maild without the seconds that Python takes to load it: forked from one that has loaded it already, once for each test process.

What runs in them is `maild` with its arguments, environment and streams, as by exec; tests of the wheel, of the package, of README and of
memory start it by exec.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_MOST = 1 << 16
_FOLDER = Path(__file__).resolve().parents[2]


class Forked:
    """A process as `subprocess.Popen` has it."""

    def __init__(self, starter: Starter, pid: int, stderr: int) -> None:
        self.pid, self.returncode = pid, None
        self.stderr = open(stderr, "rb")  # noqa: SIM115  closed by who reads it
        self._starter = starter

    returncode: int | None

    def wait(self, timeout: float) -> int:
        """The exit code, negative for a signal."""
        self.returncode = self._starter.ended(self.pid, timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Starter:
    """The process that has loaded maild, as seen from the tests. It ends, and all that it has started, with this one."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._news = threading.Condition()
        self._codes: dict[int, int] = {}
        self._started: list[int] = []
        self._one = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.way.starter", str(theirs.fileno())],
            cwd=_FOLDER, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self._end)

    def start(self, args: Sequence[str], env: Mapping[str, str]) -> Forked:
        """`maild` with these arguments, in the folder of this process; its stderr is a pipe."""
        read, write = os.pipe()
        said = json.dumps({"args": [*args], "env": dict(env), "cwd": os.getcwd()}).encode()
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [write]))
        with self._one, self._news:
            self._socket.sendmsg([said], [rights])
            self._news.wait_for(lambda: self._started, 60)
            pid = self._started.pop()
        os.close(write)
        return Forked(self, pid, read)

    def ended(self, pid: int, seconds: float) -> int:
        """The exit code of what was started, at most so much later. Raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: pid in self._codes, seconds):
                raise TimeoutError(f"{pid} has not ended within {seconds} s")
            return self._codes[pid]

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._process.wait(10)

    def _listen(self) -> None:
        while said := self._socket.recv(_MOST):
            what, pid, status = json.loads(said)
            with self._news:
                if what == "started":
                    self._started.append(pid)
                else:
                    self._codes[pid] = os.waitstatus_to_exitcode(status)
                self._news.notify_all()


def serve(channel: socket.socket) -> None:
    """The process: forks what it is asked for, and tells how it ended."""
    door = importlib.import_module("maild.__main__")
    for name in (
        "maild.cli",
        "maild.run_command",
        "maild.site",
        "maild.opening",
        "sqlalchemy.dialects.sqlite",
        "sqlite3",
    ):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([channel, read], [], [])
        if read in ready:
            os.read(read, 4096)
            _reap(channel)
        if channel in ready:
            said, descriptors, _, _ = socket.recv_fds(channel, _MOST, 1)
            if not said:
                os.killpg(0, signal.SIGKILL)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.dup2(descriptors[0], 2)
                for one in (channel.detach(), read, write, *descriptors):
                    os.close(one)
                _become(door, json.loads(said))
            os.close(descriptors[0])
            channel.send(json.dumps(["started", pid, 0]).encode())


def _reap(channel: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            channel.send(json.dumps(["ended", *ended]).encode())


def _become(door: object, what: Mapping[str, object]) -> None:
    """In the forked process: `maild`, to its end."""
    code = 1
    try:
        os.environ.clear()
        os.environ.update(what["env"])  # type: ignore[call-overload]
        time.tzset()
        os.chdir(str(what["cwd"]))
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1)
        os.close(devnull)
        sys.argv = [door.__file__, *what["args"]]  # type: ignore[attr-defined,misc]
        sys.modules["__main__"] = door  # type: ignore[assignment]  what a process spawned by this one loads
        door.main()  # type: ignore[attr-defined]
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  said as the interpreter would
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    os.setpgid(0, 0)
    serve(socket.socket(fileno=int(sys.argv[1])))
