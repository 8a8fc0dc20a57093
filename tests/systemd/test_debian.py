"""The Debian package under a real systemd: built, installed, started, reloaded, broken, watched, upgraded, removed, purged."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.systemd.machine import Machine, NoMachine, machine

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
CONFIG = "/etc/maild/maild.toml"
SMTP = '\n[[listen]]\nprotocol = "smtp"\naddress = "systemd:smtp"\n'
MAIL = "From: Carla <carla@globex.test>\nTo: support@example.test\nSubject: {0}\nMessage-ID: <{1}@globex.test>\n\nIt burns: {0}.\n"
LOGIN = '\nuser = "maild"\ncredential = "relay"'
NEWER = "99.0"
SEND = """
import smtplib, sys
with smtplib.{kind}("{where}"{port}) as client:
    client.sendmail("carla@globex.test", ["support@example.test"], sys.stdin.read())
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of this checkout, or the one that MAILD_TEST_DEB names."""
    given = os.environ.get("MAILD_TEST_DEB", "")
    if given:
        return Path(given)
    if os.geteuid() != 0:
        pytest.skip("a machine to install on needs root")
    if shutil.which("dh") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("debhelper is missing")
        pytest.skip("debhelper is missing")
    folder = tmp_path_factory.mktemp("package")
    command = [ROOT / "systemd" / "debian" / "build", "--out", folder, "--uncompressed"]
    if same_python():
        command += ["--wheel", wheel(folder), "--libraries", libraries(folder / "libraries")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder / "libraries", ignore_errors=True)
    [made] = folder.glob("*.deb")
    return made


def same_python() -> bool:
    """Whether libraries of this test's Python are good for the system's; else they come from the package index, as for a release."""
    look = "import sys; print(sys.version_info[:2])"
    seen = subprocess.run(["/usr/bin/python3", "-c", look], capture_output=True, text=True, check=True)
    return seen.stdout.strip() == str(sys.version_info[:2])


def wheel(folder: Path) -> Path:
    """The wheel of this checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [made] = folder.glob("*.whl")
    return made


def libraries(into: Path) -> Path:
    """What maild needs, taken from the environment of this test: copied with what is compiled already."""
    seen: set[str] = set()
    todo = [("maild", "postgres")]
    while todo:
        name, extra = todo.pop()
        found = metadata.distribution(name)
        for line in found.requires or ():
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                if wanted.name not in seen:
                    todo += [(wanted.name, one) for one in (wanted.extras or {""})]
                seen.add(wanted.name)
        if name != "maild":
            copy_files(found, into)
    return into


def copy_files(found: metadata.Distribution, into: Path) -> None:
    for file in found.files or ():
        source = Path(str(found.locate_file(file)))
        if ".." in file.parts or not source.exists():  # commands
            continue
        compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
        for one in (source, *((compiled,) if source.suffix == ".py" and compiled.exists() else ())):
            target = into / file.parent / one.relative_to(source.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(one, target)


@pytest.fixture(scope="module")
def host(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with the package on it. The tests of this module go on from one another, in their order."""
    folder = tmp_path_factory.mktemp("machine") / "files"
    folder.mkdir()
    try:
        with machine(folder) as made:
            shutil.copy(package, made.path("/tmp/maild.deb"))
            yield made
    except NoMachine as why:
        pytest.skip(str(why))


def say(host: Machine, subject: str, where: str = "/run/maild/lmtp") -> None:
    """Hand a mail over, from inside the machine."""
    kind, port = ("LMTP", "") if where.startswith("/") else ("SMTP", ", 25")
    script = SEND.format(kind=kind, where=where, port=port)
    host.run(f"/usr/bin/python3 -c '{script}'", given=MAIL.format(subject, uuid.uuid4().hex))


def subjects(host: Machine) -> list[str]:
    """Of the tickets, as root on that host sees them."""
    return [one["subject"] for one in json.loads(host.run("maild tickets --json 2>/dev/null"))]


def until_there(host: Machine, subject: str) -> None:
    host.until(f"maild tickets 2>/dev/null | grep -F '{subject}'", f"a ticket about {subject}")


def main_pid(host: Machine) -> int:
    return int(host.run("systemctl show -P MainPID maild"))


def test_it_installs_a_desk_to_begin_with_and_starts_nothing(host: Machine) -> None:
    said = host.run("dpkg --force-unsafe-io -i /tmp/maild.deb")
    assert "Put your names into maild.toml and rules/10-desk.yaml" in said
    assert host.run("systemctl is-active maild maild-lmtp.socket", code=None).split() == [
        "inactive",
        "inactive",
    ]
    assert host.run("systemctl is-enabled maild", code=None).strip() == "disabled"
    assert host.run(f"stat -c '%U %G %a' /etc/maild {CONFIG}").split() == [
        "root",
        "maild",
        "2750",
        "root",
        "maild",
        "640",
    ]
    assert host.run("stat -c '%U %a' /var/lib/maild").split() == ["maild", "700"]
    assert "all is well" in host.run("maild check")
    assert host.run("man -w 8 maild && man -w maild.toml maild-rules maild-templates").count(".gz") == 4


def test_it_starts_in_its_sandbox_and_takes_mail_by_sockets(host: Machine) -> None:
    """With port 25 and no capability at all."""
    file = host.path(CONFIG)
    text = file.read_text().replace("127.0.0.1:25", "127.0.0.1:9")  # no relay: port 25 is our own
    file.write_text(text.replace("[trust]", f"{SMTP}\n[trust]", 1))
    host.run("systemctl daemon-reload && systemctl enable -q --now maild-lmtp.socket maild-smtp.socket maild")
    assert "listening: lmtp unix:/run/maild/lmtp, smtp 0.0.0.0:25, smtp [::]:25" in host.run(
        "systemctl status maild"
    )
    say(host, "Printer on fire")
    say(host, "Toner", "127.0.0.1")
    say(host, "Paper", "::1")
    until_there(host, "Paper")
    assert sorted(subjects(host)) == ["Paper", "Printer on fire", "Toner"]
    status = host.path(f"/proc/{main_pid(host)}/status").read_text()
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (lines["CapEff"], lines["CapBnd"], lines["NoNewPrivs"], lines["Seccomp"]) == (
        "0" * 16,
        "0" * 16,
        "1",
        "2",
    )
    assert host.run("find /var/lib/maild ! -user maild") == "", "what root looked at is root's now"
    journal = host.run("journalctl -b -u maild --no-pager -o cat")
    assert not re.search("not permitted|Traceback|fault", journal), journal


def test_a_reload_checks_first(host: Machine) -> None:
    rules = host.path("/etc/maild/rules/10-desk.yaml")
    good, pid = rules.read_text(), main_pid(host)
    rules.write_text(good + "\nnonsense: 1\n")
    host.run("systemctl reload maild", code=1)
    assert "10-desk.yaml" in host.run("journalctl -b -u maild --no-pager -o cat")
    rules.write_text(good)
    host.run("systemctl reload maild")
    host.until("journalctl -b -u maild --no-pager -o cat | grep reloaded")
    assert main_pid(host) == pid
    assert host.run("systemctl is-active maild").strip() == "active"


def test_a_restart_refuses_nobody(host: Machine) -> None:
    """A connection made while maild is stopped waits for it, and brings it back."""
    host.run("systemctl stop maild 2>/dev/null")
    with socket.socket(socket.AF_UNIX) as early:
        early.settimeout(90)
        early.connect(str(host.path("/run/maild/lmtp")))
        assert early.recv(100).startswith(b"220 ")
    say(host, "After it was stopped")


def test_a_broken_configuration_is_started_again_by_nobody(host: Machine) -> None:
    """Neither by systemd nor by the next connection, which would be tried for ever."""
    file = host.path(CONFIG)
    good = file.read_text()
    file.write_text(good.replace("[trust]", "[trast]"))
    host.run("systemctl stop maild 2>/dev/null; systemctl is-active -q maild-lmtp.socket")
    with socket.socket(socket.AF_UNIX) as early:
        early.connect(str(host.path("/run/maild/lmtp")))
        host.until("! systemctl is-active -q maild-lmtp.socket && systemctl is-failed -q maild", "the end")
    shown = host.run("systemctl show maild -p ExecMainStatus,NRestarts").split()
    assert sorted(shown) == ["ExecMainStatus=78", "NRestarts=0"]
    assert host.run("journalctl -b -u maild --no-pager -o cat").count("did you mean 'trust'") == 1
    file.write_text(good)
    host.run("systemctl start maild")
    assert host.run("systemctl is-active maild maild-lmtp.socket maild-smtp.socket").split() == ["active"] * 3


def test_a_daemon_that_hangs_is_replaced_and_secrets_are_credentials(host: Machine) -> None:
    host.run("install -D -m 600 /dev/stdin /etc/credstore/maild.relay", given="secret\n")
    host.run(
        "install -D /dev/stdin /etc/systemd/system/maild.service.d/test.conf",
        given="[Service]\nLoadCredential=relay:/etc/credstore/maild.relay\nExecStartPre=/bin/sh -c 'echo its secret: $(cat $${CREDENTIALS_DIRECTORY}/relay)'\nWatchdogSec=8\nTimeoutAbortSec=1\nRestartSec=0\n",
    )
    file = host.path(CONFIG)
    file.write_text(re.sub(r"^(\[+relay\]+)$", rf"\1{LOGIN}", file.read_text(), count=1, flags=re.MULTILINE))
    host.run("systemctl daemon-reload && systemctl restart maild")
    pid = main_pid(host)
    host.run(f"kill -STOP {pid}")
    host.until("test $(systemctl show -P NRestarts maild) -ge 1 && systemctl is-active -q maild", "a new one")
    assert main_pid(host) != pid
    assert "Watchdog timeout" in host.run("journalctl -b -u maild --no-pager")
    seen = host.path(f"/proc/{main_pid(host)}/environ").read_text()
    assert "CREDENTIALS_DIRECTORY=/run/credentials/maild.service" in seen
    assert "its secret: secret" in host.run("journalctl -b -u maild --no-pager -o cat")
    host.run("rm -r /etc/systemd/system/maild.service.d && systemctl daemon-reload")
    file.write_text(file.read_text().replace(LOGIN, "", 1))


def test_an_upgrade_keeps_the_files_and_the_tickets_and_starts_it_anew(host: Machine, package: Path) -> None:
    host.run(
        "cd /tmp && dpkg-deb -R maild.deb newer && "
        f"sed -i 's/^Version: .*/Version: {NEWER}/' newer/DEBIAN/control && dpkg-deb -Znone -b newer maild.deb && rm -r newer"
    )
    before, known, pid = host.path(CONFIG).read_text(), subjects(host), main_pid(host)
    host.run("dpkg --force-unsafe-io -i /tmp/maild.deb")
    assert host.path(CONFIG).read_text() == before
    assert subjects(host) == known
    assert host.run("dpkg-query -W -f '${Version}' maild") == NEWER
    assert host.run("systemctl is-active maild").strip() == "active"
    assert main_pid(host) != pid


def test_an_upgrade_with_a_desk_that_does_not_suit_says_so(host: Machine) -> None:
    file = host.path(CONFIG)
    good = file.read_text()
    file.write_text(good.replace("[trust]", "[trast]"))
    said = host.run("/var/lib/dpkg/info/maild.postinst configure 0.1.0")
    assert "did you mean 'trust'" in said
    assert "maild does not start" in said
    file.write_text(good)
    host.run("systemctl reset-failed; systemctl start maild")


def test_removing_keeps_the_desk_and_purging_does_not(host: Machine) -> None:
    host.run("dpkg -r maild")
    assert host.run("systemctl is-active maild", code=None).strip() != "active"
    assert host.path(CONFIG).exists()
    assert host.path("/var/lib/maild/maild.db").exists()
    assert not host.path("/usr/lib/maild").exists()
    host.run("dpkg -P maild")
    left = "/etc/maild /var/lib/maild /run/maild /usr/bin/maild /lib/systemd/system/maild.service"
    assert host.run(f"ls -d {left} 2>/dev/null", code=None) == ""
