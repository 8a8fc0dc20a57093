"""Maild and the service manager: what it is told (sd_notify(3)), which sockets it passes (sd_listen_fds(3)), how often it wants
a sign of life (sd_watchdog_enabled(3)). Without one, nothing happens."""

from __future__ import annotations

import os
import pwd
import socket
import time
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final, NamedTuple

_FIRST_PASSED: Final = 3
"""SD_LISTEN_FDS_START of sd_listen_fds(3)."""


class Passed(NamedTuple):
    """A socket from a socket unit. `name` is its FileDescriptorName=, "unknown" when it has none."""

    name: str
    sock: socket.socket


def notify(message: str, env: Mapping[str, str] = os.environ) -> bool:
    """READY=1, STOPPING=1, STATUS=…, WATCHDOG=1; whether there was somebody to tell."""
    address = env.get("NOTIFY_SOCKET", "")
    if not address or address[0] not in "/@":
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect("\0" + address[1:] if address[0] == "@" else address)
        sock.sendall(message.encode())
    return True


def notify_reloading(env: Mapping[str, str] = os.environ) -> bool:
    """RELOADING=1, with the time that Type=notify-reload asks for in the same message; READY=1 must follow."""
    return notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}", env)


def watchdog(env: Mapping[str, str] = os.environ) -> float | None:
    """-> seconds within which the service manager wants WATCHDOG=1, None when it wants none of this process."""
    wanted = env.get("WATCHDOG_USEC", "")
    if not wanted.isascii() or not wanted.isdigit() or int(wanted) == 0:
        return None
    if env.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(wanted) / 1_000_000


def state_folder(env: Mapping[str, str] = os.environ) -> Path | None:
    """The folder that the service manager gives us for what lasts (StateDirectory= of systemd.exec(5)); None without one."""
    first = env.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(first) if first else None


def passed_sockets(env: MutableMapping[str, str] = os.environ) -> list[Passed]:
    """-> the sockets passed to this process, in the units' order; the variables that say so are taken out of `env`.

    They are closed in processes that this one starts.
    """
    pid, count = env.pop("LISTEN_PID", ""), env.pop("LISTEN_FDS", "")
    names = env.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isascii() or not count.isdigit():
        return []
    passed = []
    for index in range(int(count)):
        number = _FIRST_PASSED + index
        os.set_inheritable(number, False)
        name = names[index] if index < len(names) and names[index] else "unknown"
        passed.append(Passed(name, socket.socket(fileno=number)))
    return passed


def act_as_owner(folder: Path) -> None:
    """As root, become the owner of this folder, or of the nearest one above that exists: what root made there, the daemon could not
    read. Any other user stays who it is."""
    if os.geteuid() != 0:
        return
    nearest = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    status = nearest.stat()
    if status.st_uid == 0:
        return
    try:
        os.initgroups(pwd.getpwuid(status.st_uid).pw_name, status.st_gid)
    except KeyError:  # a user without a name has no further groups
        os.setgroups([])
    os.setgid(status.st_gid)
    os.setuid(status.st_uid)
