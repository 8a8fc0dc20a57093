"""README's commands, as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = re.findall(r"```sh\n(.*?)\n```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def command_with(word: str) -> str:
    """The one command of README that holds this word."""
    [found] = [command for command in COMMANDS if word in command]
    assert "\n" not in found
    return str(found)


def package_index_reached() -> bool:
    """Whether pip finds packages from here."""
    look = [sys.executable, "-m", "pip", "index", "versions", "click"]
    seen = subprocess.run(look, capture_output=True)
    return seen.returncode == 0


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment with the installed `maild` first in the path."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def test_a_desk_of_ones_own(tmp_path: Path, environment: dict[str, str]) -> None:
    line = command_with("maild init")
    assert line.endswith(" && maild run")
    subprocess.run(
        ["bash", "-euc", line.removesuffix(" && maild run")], cwd=tmp_path, env=environment, check=True
    )
    file = tmp_path / "mydesk" / "maild.toml"
    with socket.socket() as free:  # the port of the example may be taken on this machine
        free.bind(("127.0.0.1", 0))
        file.write_text(file.read_text().replace("127.0.0.1:2525", f"127.0.0.1:{free.getsockname()[1]}"))
    with subprocess.Popen(
        ["maild", "run"], cwd=file.parent, env=environment, stderr=subprocess.PIPE, text=True
    ) as daemon:
        assert daemon.stderr is not None
        assert any("ready" in said for said in daemon.stderr)
        daemon.send_signal(signal.SIGTERM)
        daemon.stderr.read()
    assert daemon.returncode == 0


def test_the_first_line_installs_and_shows_the_desk_at_work(tmp_path: Path) -> None:
    if not package_index_reached():
        if os.environ.get("CI") == "true":
            pytest.fail("pip reaches no package index")
        pytest.skip("pip reaches no package index")
    line = command_with("maild demo")
    checkout = tmp_path / "checkout"
    shutil.copytree(
        ROOT,
        checkout,
        ignore=shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", ".hypothesis"),
    )
    plain = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    seen = subprocess.run(
        ["bash", "-euc", f"{line} --once"], cwd=checkout, env=plain, capture_output=True, text=True
    )
    assert seen.returncode == 0, seen.stderr
    assert "[Acme #1]" in seen.stdout
