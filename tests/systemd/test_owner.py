"""Root at the command line acts as the owner of the desk's folder: what it made there, the daemon could not read."""

from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path

import pytest

from maild import host


def test_what_root_makes_belongs_to_the_owner() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, nobody.pw_uid, nobody.pw_gid)
        child = os.fork()
        if child == 0:
            try:
                host.act_as_owner(Path(name, "not", "there"))
                Path(name, "made").touch()
            finally:
                os._exit(0)  # nothing of the test run is ended twice
        os.waitpid(child, 0)
        status = Path(name, "made").stat()
    assert (status.st_uid, status.st_gid) == (nobody.pw_uid, nobody.pw_gid)


def test_nobody_else_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed: list[object] = []
    for name in ("setuid", "setgid", "setgroups", "initgroups"):
        monkeypatch.setattr(os, name, lambda *given: changed.append(given))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    host.act_as_owner(tmp_path / "not" / "there")
    assert changed == []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    host.act_as_owner(Path("/"))
    assert changed == []
