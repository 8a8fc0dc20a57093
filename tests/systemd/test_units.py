"""The units: systemd finds nothing to say about them, and what they may do comes to 1.5 at most."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "systemd"
UNITS = sorted(path.name for path in SYSTEMD.iterdir() if path.suffix in (".service", ".socket", ".timer"))
MOST = 15
"""Ten times the exposure level that is allowed."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{command[0]} is missing")
        pytest.skip(f"{command[0]} is missing")
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units, as they would be where maild is in this test's environment."""
    for name in UNITS:
        text = (SYSTEMD / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace("/usr/bin/maild", f"{Path(sys.executable).parent}/maild"))
    return tmp_path


def test_there_are_units() -> None:
    assert {"maild.service", "maild-smtp.socket", "maild-lmtp.socket", "maild-backup.timer"} <= set(UNITS)


def test_systemd_finds_nothing_to_say(installed: Path) -> None:
    seen = run("systemd-analyze", "verify", "--man=no", *(str(installed / name) for name in UNITS))
    about_ours = [line for line in seen.stderr.splitlines() if "maild" in line]
    assert (seen.returncode, about_ours) == (0, [])


def test_a_mistake_in_a_unit_would_be_found(installed: Path) -> None:
    unit = installed / "maild.service"
    unit.write_text(unit.read_text().replace("PrivateTmp=yes", "PrivateHome=yes"))
    seen = run("systemd-analyze", "verify", "--man=no", str(unit))
    assert "PrivateHome" in seen.stderr


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_what_maild_may_do_is_little(name: str) -> None:
    """`--threshold` takes ten times the level."""
    seen = run(
        "systemd-analyze",
        "security",
        "--offline=true",
        f"--threshold={MOST}",
        "--no-pager",
        str(SYSTEMD / name),
    )
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", seen.stdout)
    assert found, seen.stdout + seen.stderr
    assert float(found[1]) * 10 <= MOST
    assert seen.returncode == 0


def test_a_broken_desk_is_not_started_again() -> None:
    unit = (SYSTEMD / "maild.service").read_text("utf-8")
    assert "RestartPreventExitStatus=78" in unit
    first, second = re.findall(r"^ExecReload=(.*)$", unit, re.MULTILINE)
    assert first.endswith(" check")
    assert "kill -HUP" in second


@pytest.mark.parametrize(
    ("tool", "file"), [("systemd-sysusers", "sysusers.conf"), ("systemd-tmpfiles", "tmpfiles.conf")]
)
def test_users_and_folders_are_made(tmp_path: Path, tool: str, file: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("making users and folders of others needs root")
    (tmp_path / "etc").mkdir()
    create = ["--create"] if tool == "systemd-tmpfiles" else []
    users = run("systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "sysusers.conf"))
    seen = run(tool, f"--root={tmp_path}", *create, str(SYSTEMD / file))
    assert (users.returncode, seen.returncode, seen.stderr) == (0, 0, seen.stderr)
    assert "maild:" in (tmp_path / "etc" / "passwd").read_text()
    if create:
        assert (tmp_path / "var" / "lib" / "maild").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "run" / "maild").stat().st_mode & 0o777 == 0o755
