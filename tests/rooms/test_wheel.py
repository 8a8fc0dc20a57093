"""What is shipped: rules and templates are found from a wheel, from an sdist's wheel and from a checkout alike."""

from __future__ import annotations

import os
import re
import shutil
import smtplib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.way.letters import letter
from tests.way.relay import PATIENCE, Relay

ROOT = Path(__file__).parents[2]
LOOK = "from maild.shipped import data_dir; print(*(sorted(p.name for p in data_dir(n).iterdir()) for n in ('rules', 'templates')))"


def build(source: Path, target: str, into: Path) -> Path:
    """The one file that hatchling builds."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    [made] = into.iterdir()
    return made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A wheel, an sdist, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    ignore = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", ".hypothesis")
    shutil.copytree(ROOT, source, ignore=ignore)
    sdist = build(source, "sdist", folder / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked")
    [unpacked] = (folder / "unpacked").iterdir()
    return {
        "wheel": build(source, "wheel", folder / "wheel"),
        "sdist's wheel": build(unpacked, "wheel", folder / "again"),
    }


@pytest.mark.parametrize("kind", ["wheel", "sdist's wheel"])
def test_a_wheel_holds_two_packages_and_their_data(built: dict[str, Path], kind: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(built[kind]) as wheel:
        names = wheel.namelist()
        wheel.extractall(tmp_path)
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"maild", "store"}
    assert "maild/_data/rules/10-desk.yaml" in names
    for language in ("en", "es", "de", "fr", "it", "nl", "pt"):
        assert f"maild/_data/templates/mail/{language}/acknowledgement.html" in names
        assert f"maild/_data/templates/mail/{language}/words.txt" in names
    assert any(name.startswith("store/migrations/versions/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    seen = subprocess.run(
        [sys.executable, "-P", "-c", LOOK],
        env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "10-desk.yaml" in seen.stdout
    assert "'mail'" in seen.stdout


def test_a_desk_of_ones_own_from_a_wheel_in_an_empty_folder(built: dict[str, Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        wheel.extractall(tmp_path / "installed")
    folder = tmp_path / "empty"
    folder.mkdir()
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MAILD_", "PYTHON"))}

    def maild(*words: str) -> str:
        command = [sys.executable, "-P", "-m", "maild", *words]
        env = {**plain, "PYTHONPATH": str(tmp_path / "installed")}
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    maild("init")
    assert "all is well" in maild("check")
    assert "[Acme #1]" in maild("demo", "--once")
    assert maild("man", "maild-rules").startswith(".TH")
    relay, config = Relay(), folder / "maild.toml"
    text = re.sub(
        r'(\[relay\][^\[]*?)\n#?address = "[^"]*"',
        rf'\1\naddress = "127.0.0.1:{relay.port}"',
        config.read_text(),
    )
    config.write_text(text.replace("127.0.0.1:2525", "127.0.0.1:0"))
    command = [sys.executable, "-P", "-m", "maild", "run"]
    env = {**plain, "PYTHONPATH": str(tmp_path / "installed")}
    with subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            assert daemon.stderr is not None
            ready = next(line for line in daemon.stderr if "ready" in line)
            port = int(re.search(r"127\.0\.0\.1:(\d+)", ready)[1])  # type: ignore[index]
            with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
                client.send_message(letter("carla@globex.test", "Printer", "It burns.", to="support@example.test"))  # fmt: skip
            assert "#1] Printer" in relay.mail_to("carla@globex.test")["Subject"]
        finally:
            daemon.terminate()
            said = daemon.stderr.read() if daemon.stderr else ""
            relay.close()
    assert (daemon.returncode, "Traceback" in said) == (0, False), said


def test_a_checkout_finds_its_data() -> None:
    seen = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "10-desk.yaml" in seen.stdout


def test_a_foreign_store_is_refused_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "__init__.py").write_text("raise RuntimeError('foreign')\n")
    seen = subprocess.run(
        [sys.executable, "-m", "maild", "--version"], cwd=tmp_path, capture_output=True, text=True
    )
    assert seen.returncode == 1
    assert len(seen.stderr.strip().splitlines()) == 1
    assert "venv of its own" in seen.stderr
