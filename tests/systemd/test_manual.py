"""systemd/README.md: its blocks are taken by what they are for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from maild import config

MANUAL = Path(__file__).parents[2] / "systemd" / "README.md"
DESK = '[desk]\nname = "Example"\naddress = "support@example.org"\ntag = "Example"\n\n'


def blocks(name: str) -> list[str]:
    """The manual's blocks of this name."""
    return re.findall(rf"```{name}\n(.*?)```", MANUAL.read_text("utf-8"), re.DOTALL)


def test_there_are_blocks() -> None:
    assert len(blocks("toml")) >= 10
    assert len(blocks("postfix")) >= 3


@pytest.mark.parametrize("block", blocks("toml"))
def test_maild_takes_every_block_of_its_configuration(block: str, tmp_path: Path) -> None:
    certificate = tmp_path / "file.pem"
    certificate.touch()
    text = re.sub(r'"/etc/maild/tls/[^"]*"', f'"{certificate}"', block)
    checked = config.parse(DESK + text, tmp_path / "maild.toml")
    assert (checked.problems, checked.warnings) == ((), ())


def test_every_unit_and_file_is_named() -> None:
    text = MANUAL.read_text("utf-8")
    for path in MANUAL.parent.iterdir():
        if path.name not in ("README.md", "debian"):
            assert f"`{path.name}`" in text, path.name


def test_postfix_knows_every_parameter(tmp_path: Path) -> None:
    if shutil.which("postconf") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("postfix is missing")
        pytest.skip("postfix is missing")
    main = "\n".join(block for block in blocks("postfix") if " = " in block)
    (tmp_path / "main.cf").write_text(f"compatibility_level = 3.6\n{main}\nnonsense_of_the_test = 1\n")
    [master] = blocks("master")
    (tmp_path / "master.cf").write_text(master)
    seen = subprocess.run(["postconf", "-c", str(tmp_path), "-n"], capture_output=True, text=True, check=True)
    unused = re.findall(r"unused parameter: (\w+)", seen.stderr)
    assert unused == ["nonsense_of_the_test"]
    services = subprocess.run(
        ["postconf", "-c", str(tmp_path), "-M", "maild/unix"], capture_output=True, text=True, check=True
    )
    assert "argv=/usr/bin/maild deliver" in services.stdout
    assert services.stderr.replace(seen.stderr, "") == "" or "nonsense" in services.stderr


@pytest.mark.parametrize("block", blocks("sh"))
def test_shell_blocks_are_shell(block: str) -> None:
    seen = subprocess.run(["sh", "-n", "-c", block], capture_output=True, text=True, check=False)
    assert (seen.returncode, seen.stderr) == (0, "")


@pytest.mark.parametrize("block", blocks("ini"))
def test_drop_ins_are_known_to_systemd(block: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("systemd-analyze is missing")
        pytest.skip("systemd-analyze is missing")
    unit = tmp_path / "maild-try.service"
    unit.write_text(f"{block}\nExecStart=/bin/true\n")
    seen = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert [line for line in seen.stderr.splitlines() if "maild-try" in line] == []
