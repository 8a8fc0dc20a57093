"""A machine of the test's own: this host's Debian with a layer over its files, a network of its own, and systemd as its first process.

What is installed, started or broken in it is gone when it is closed. Needs root, and a kernel that lets root make namespaces.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 90.0
"""Seconds to wait for something that systemd does: far more than it takes, because the machine may be busy with other tests."""

BOOT = r"""
set -euo pipefail
mount --make-rprivate /
mount -t tmpfs tmpfs "$1" && cd "$1" && mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root && cd root
mount -t proc proc proc && mount -t sysfs sysfs sys && mount -t cgroup2 cgroup2 sys/fs/cgroup
for folder in run tmp dev; do mount -t tmpfs tmpfs "$folder"; done
mknod -m 666 dev/null c 1 3; mknod -m 666 dev/zero c 1 5; mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8; mknod -m 666 dev/urandom c 1 9; mknod -m 666 dev/tty c 5 0
mkdir -m 1777 dev/shm; mkdir dev/pts; mount -t devpts devpts dev/pts; mknod -m 666 dev/ptmx c 5 2
# Nothing of the host is to start here, above all nothing that would change its kernel.
rm -rf lib/systemd/system-generators lib/systemd/system/*.wants etc/systemd/system/* etc/systemd/system-generators
echo > etc/fstab; sed -i /man-db/d var/lib/dpkg/triggers/File; rm -rf usr/sbin/policy-rc.d var/log/journal
printf '[Unit]\nRequires=systemd-journald.service\nAfter=systemd-journald.service\n' > etc/systemd/system/test.target
printf '[Unit]\nDefaultDependencies=no\n' > etc/systemd/system/sysinit.target
printf '[Unit]\nDefaultDependencies=no\n' > etc/systemd/system/basic.target
ip link set lo up
mkdir old && pivot_root . old && umount -l old && rmdir old && mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd --unit=test.target --log-target=journal
"""


class NoMachine(Exception):
    """Why this host cannot have one."""


class Machine:
    """Running from the start; `close` ends it. `root` is its root folder, seen from here."""

    def __init__(self, folder: Path) -> None:
        """`folder`: an empty one. Raises NoMachine."""
        tools = [
            tool for tool in ("unshare", "nsenter", "setpriv", "ip", "dpkg") if shutil.which(tool) is None
        ]
        if tools or not Path("/lib/systemd/systemd").exists():
            raise NoMachine(f"no {', '.join(tools) or 'systemd'} here")
        if os.geteuid() != 0:
            raise NoMachine("a machine of its own needs root")
        if subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--cgroup", "true"], capture_output=True
        ).returncode:
            raise NoMachine("this kernel or container lets nobody make namespaces")
        self._cgroup = _new_cgroup()
        enter = f'echo $$ > {self._cgroup}/cgroup.procs && exec unshare -m -p -f -u -i -n -C --kill-child bash -c "$0" boot {folder}'
        self._log = (folder.parent / "boot.log").open("wb")
        self._outer = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "bash", "-c", enter, BOOT],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        try:
            self._first = self._wait_for_child()
            self.root = Path(f"/proc/{self._first}/root")
            self.until("systemctl is-active -q test.target || systemctl is-active -q systemd-journald")
        except BaseException:
            self.close()
            raise

    def _wait_for_child(self) -> int:
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children")
        deadline = time.monotonic() + PATIENCE
        while True:
            if self._outer.poll() is not None:
                raise AssertionError(f"no boot: {Path(self._log.name).read_text()}")
            for child in children.read_text().split():
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"/lib/systemd/systemd\0"):
                        return int(child)
            assert time.monotonic() < deadline, Path(self._log.name).read_text()
            time.sleep(0.05)

    def run(self, command: str, *, given: str = "", code: int | None = 0) -> str:
        """What a shell command there prints (stdout and stderr). `code`: what it must exit with, None for anything."""
        within = ["nsenter", "-t", str(self._first), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]
        env = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "DEBIAN_FRONTEND": "noninteractive",
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            [*within, "sh", "-c", command], input=given, text=True, env=env, timeout=4 * PATIENCE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if code is not None and done.returncode != code:
            journal = self.run("journalctl -b -n 15 --no-pager -o cat", code=None)
            raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{journal}")
        return done.stdout

    def until(self, command: str, what: str = "") -> str:
        """Wait until a shell command there succeeds; what it prints then."""
        deadline = time.monotonic() + PATIENCE
        while True:
            said = self.run(f"({command}) && echo __done", code=None)
            if said.endswith("__done\n"):
                return said.removesuffix("__done\n")
            assert time.monotonic() < deadline, f"{what or command}: {said}"
            time.sleep(0.1)

    def path(self, name: str) -> Path:
        """A file of the machine by its absolute name, from here."""
        return self.root / name.removeprefix("/")

    def close(self) -> None:
        """End every process of it."""
        with contextlib.suppress(ProcessLookupError):
            self._outer.send_signal(signal.SIGKILL)
        self._outer.wait()
        self._log.close()
        deadline = time.monotonic() + PATIENCE
        for folder in sorted((one for one in self._cgroup.rglob("*") if one.is_dir()), reverse=True):
            _remove(folder, deadline)
        _remove(self._cgroup, deadline)


def _new_cgroup() -> Path:
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    for _, target, kind, *_ in mounts:
        if kind == "cgroup2":
            folder = Path(target, f"maild-test-{os.getpid()}")
            try:
                folder.mkdir(exist_ok=True)
                # Whether processes may be put there is only seen by doing it.
                subprocess.run(
                    ["sh", "-c", f"echo $$ > {folder}/cgroup.procs"], check=True, capture_output=True
                )
            except (OSError, subprocess.CalledProcessError) as error:
                raise NoMachine(f"no control group of its own: {error}") from error
            return folder
    raise NoMachine("no cgroup2 here")


def _remove(folder: Path, deadline: float) -> None:
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:  # its last processes are still going
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@contextlib.contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """One that is closed at the end. Raises NoMachine."""
    made = Machine(folder)
    try:
        yield made
    finally:
        made.close()
