"""A mail that cannot be processed is put aside whole, the next one goes on, the admins are told once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from tests.way.desk import Desk
from tests.way.letters import letter
from tests.way.relay import Relay

ASKED = "Hello, here is the film of the accident in the car park. Could you look at it, please?"


def lose(desk: Desk, raw: bytes) -> tuple[Path, bytes]:
    """Take the kept file of a big mail away, as a broken disk does -> where it was."""
    name = hashlib.sha256(raw).hexdigest()
    path = desk.folder / "var" / "files" / name[:2] / name[2:]
    content = path.read_bytes()
    path.unlink()
    return path, content


def test_the_way_of_a_mail_that_breaks_us(new_desk: Callable[..., Desk], world: Relay) -> None:
    desk = new_desk()
    film = [("film.bin", "application/octet-stream", bytes(range(256)) * 1000)]
    good, bad, worse = (
        letter(f"{who}@globex.test", f"From {who}", ASKED, attachments=film if who != "good" else ())
        for who in ("good", "bad", "worse")
    )
    rules = desk.folder / "rules" / "10-people.yaml"
    right = rules.read_text()
    rules.write_text("teams: [\n")  # kept, but not processed
    for mail in (bad, worse, good):
        assert desk.deliver(mail, "--sender", str(mail["From"])).returncode == 0
    rules.write_text(right)
    path, content = lose(desk, bad.as_bytes())
    lost, whole = lose(desk, worse.as_bytes())

    desk.start()
    desk.gets("good@globex.test")
    alert = desk.gets(
        "chen@acme.test", lambda mail: "could not be processed" in mail.text and "bad@" in mail.text
    )
    assert alert["Auto-Submitted"] == "auto-generated"
    assert "maild quarantine show" in alert.text
    desk.gets("chen@acme.test", lambda mail: "could not be processed" in mail.text and "worse@" in mail.text)
    desk.quiet()
    assert len([mail for mail in world.to("chen@acme.test") if "could not be processed" in mail.text]) == 2
    assert desk.show("status")["intake"]["quarantined"] == 2
    for one in world.mails:
        assert one.recipient not in ("bad@globex.test", "worse@globex.test")

    first, second = desk.show("quarantine", "list")
    assert (first["sender"], first["recipients"], first["route"], first["attempts"], first["size"]) == (
        "bad@globex.test", ["support@acme.test"], "pipe", 3, len(bad.as_bytes()))  # fmt: skip
    assert f"its content {first['sha256']} is missing" in first["error"]
    assert b"bad@globex.test" in desk.maild("quarantine", "list").stdout
    assert desk.maild("quarantine", "show", "4711").returncode == 65

    path.write_bytes(content)
    shown = desk.maild("quarantine", "show", str(first["id"]), "--raw")
    assert (shown.returncode, shown.stdout) == (0, bad.as_bytes())
    assert b"is missing" in desk.maild("quarantine", "show", str(first["id"])).stdout
    assert desk.maild("quarantine", "retry", str(first["id"])).returncode == 0
    assert desk.gets("bad@globex.test")["In-Reply-To"] == bad["Message-ID"]
    assert desk.maild("quarantine", "drop", str(second["id"])).returncode == 0
    assert desk.maild("quarantine", "drop", str(second["id"])).returncode == 65
    desk.quiet()
    assert desk.show("quarantine", "list") == []
    assert len(desk.show("tickets")) == 2
    lost.write_bytes(whole)  # so that the check at the end finds nothing missing


def test_an_own_template_that_fails_is_replaced_and_the_log_says_so(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    templates = desk.folder / "templates" / "mail" / "en"
    templates.mkdir(parents=True)
    own = "{% if 'tomato' in ticket.subject %}{{ 1 // (ticket.number - ticket.number) }}{% endif %}We have it: {{ ticket.number }}\n"
    (templates / "acknowledgement.txt").write_text(own)
    desk.start()
    _, mail = desk.ask("plain@globex.test", "An apple", ASKED)
    assert mail.text.strip() == f"We have it: {mail.number}"
    for number in (1, 2):
        _, mail = desk.ask(f"fails{number}@globex.test", "A tomato", ASKED)
        assert "thank you for writing to us" in mail.text
    assert desk.process is not None
    said = desk.process.wait_for_line(lambda line: "template failed" in line)
    assert "mail/en/acknowledgement.txt:1" in said
