"""What a sysadmin sees of a daemon that runs: metrics, logs, status, a mail's trace, what the doctor says; and erasure beside it."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from maild.doctoring import correspondents
from tests.verify.verify_world import Dns
from tests.way.desk import CONFIG, Desk, maild, until
from tests.way.letters import letter
from tests.way.relay import Relay

ROOT = Path(__file__).parents[2]
MORE = """
[metrics]
address = "127.0.0.1:0"
"""
TEXT = "Good day, my blue kettle with the number 4711 broke on the way home. What now?"


@pytest.fixture(scope="module")
def dns() -> Iterator[Dns]:
    made = Dns()
    yield made
    made.close()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, relay: Relay, dns: Dns) -> Iterator[Desk]:
    """A desk with metrics and a DNS of its own, that has had a mail."""
    config = (
        CONFIG.replace("[trust]\n", f'[trust]\nverify = true\nresolvers = ["127.0.0.1:{dns.port}"]\n') + MORE
    )
    made = Desk(tmp_path_factory.mktemp("s") / "desk", relay, config=config)
    made.start()
    made.ask(
        "Carla Ruiz <carla@globex.test>",
        "Broken kettle",
        TEXT,
        headers={"Message-ID": "<kettle-1@globex.test>"},
    )
    made.quiet()
    yield made
    made.end()


def metrics_port(desk: Desk) -> int:
    return int(desk.show("status")["nodes"][0]["metrics"].rpartition(":")[2])


def samples(desk: Desk) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port(desk)}/metrics", timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = answer.read().decode()
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_metrics_tell_how_the_desk_is(seen: Desk) -> None:
    found = samples(seen)
    names = {name for name, _ in found}
    assert found["maild_store_up", ()] == 1
    assert found["maild_intake_waiting", ()] == 0
    assert found["maild_tickets", (("state", "new"),)] >= 1
    assert found["maild_deliveries_total", (("outcome", "sent"),)] >= 2
    assert found["maild_nodes", (("state", "alive"),)] == 1
    assert found["maild_reload_ok", ()] == 1
    assert (
        sum(
            value
            for (name, labels), value in found.items()
            if name == "maild_mails_total" and ("outcome", "accepted") in labels
        )
        >= 1
    )
    assert "process_resident_memory_bytes" in names
    assert {labels[0][1] for name, labels in found if name == "maild_loop_pulse_age_seconds"} >= {
        "send",
        "clock",
    }


def test_the_alerts_ask_for_what_there_is(seen: Desk) -> None:
    rules = YAML(typ="safe").load((ROOT / "systemd" / "maild.alerts.yaml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len({one["alert"] for one in alerts}) == len(alerts) >= 8
    asked = {name for one in alerts for name in re.findall(r"\bmaild_[a-z_]+", one["expr"])}
    mailboxes = {"maild_mailbox_up", "maild_mailbox_waiting", "maild_mailbox_last_success_age_seconds"}
    assert asked <= {name for name, _ in samples(seen)} | mailboxes | {"maild_tickets_breached"}
    assert all(one["annotations"]["summary"] and one["labels"]["severity"] for one in alerts)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"\x16\x03\x01\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (b"HEAD /metrics HTTP/1.0\r\n\r\n", b"200"),
    ],
)
def test_odd_scrapers_get_an_answer_and_no_more(seen: Desk, request_: bytes, answer: bytes) -> None:
    with socket.create_connection(("127.0.0.1", metrics_port(seen)), 30) as sock:
        sock.sendall(request_)
        got = b""
        while block := sock.recv(65536):
            got += block
    assert got.startswith(b"HTTP/1.1 " + answer), got[:100]
    assert b"Traceback" not in got


def test_slow_scrapers_keep_nobody_away(seen: Desk) -> None:
    port = metrics_port(seen)
    slow = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(10)]
    try:
        for one in slow:
            one.sendall(b"GET /metr")
        assert samples(seen)["maild_store_up", ()] == 1
    finally:
        for one in slow:
            one.close()


def lines(desk: Desk) -> list[dict[str, object]]:
    assert desk.process is not None
    return [json.loads(line) for line in desk.process.lines if line.startswith("{")]


def test_logs_follow_a_mail_from_its_arrival_to_its_answers(seen: Desk) -> None:
    mine = [one for one in lines(seen) if one.get("message_id") == "<kettle-1@globex.test>"]
    assert [one["event"] for one in mine] == ["mail kept", "mail processed"]
    [intake] = {one["intake"] for one in mine}
    queued = [one for one in lines(seen) if one["event"] == "mail queued" and one.get("intake") == intake]
    assert len(queued) >= 2
    sent = {one["message_id"]: one for one in lines(seen) if one["event"] == "mail sent"}
    for one in queued:
        assert sent[one["message_id"]]["outbox"] == one["outbox"]
        assert sent[one["message_id"]]["ticket"] == one["ticket"] == 1


def test_a_mail_is_traced_to_its_answers_and_back(seen: Desk) -> None:
    [arrival] = seen.show("trace", "kettle-1@globex.test")["incoming"]
    assert arrival["route"] == "smtp"
    assert arrival["peer"] == "127.0.0.1"
    assert arrival["sender"] == "carla@globex.test"
    assert arrival["message"]["ticket"] == 1
    assert {one["step"] for one in arrival["verdicts"]} >= {"kind", "sender"}
    assert "thread" in {one["step"] for one in arrival["decisions"]}
    assert "created" in {one["event"] for one in arrival["events"]}
    sent = {one["to"]: one for one in arrival["sent"]}
    assert sent["carla@globex.test"]["kind"] == "acknowledgement"
    assert {one["state"] for one in arrival["sent"]} == {"sent"}
    ours = seen.show("trace", sent["carla@globex.test"]["message_id"])["outgoing"]
    assert ours["because"]["message_id"] == "<kettle-1@globex.test>"
    assert ours["answer"].startswith("250")
    told = maild("trace", "<kettle-1@globex.test>", cwd=seen.folder).stdout.decode()
    assert "arrived by smtp from 127.0.0.1" in told
    assert "sent, 1 attempt: 250" in told


def test_a_mail_that_came_twice_is_traced_by_both_ways(seen: Desk) -> None:
    twice = letter(
        "Dora <dora@globex.test>",
        "Twice",
        "The same mail by two routes.",
        headers={"Message-ID": "<twice@globex.test>"},
    )
    seen.smtp(twice)
    seen.quiet()
    seen.smtp(twice)
    seen.quiet()
    first, second = seen.show("trace", "<twice@globex.test>")["incoming"]
    assert first["message"] == second["message"]
    assert second["sent"] == []
    assert any(one["step"] == "identity" for one in second["verdicts"])


def test_an_unknown_mail_names_those_that_look_like_it(seen: Desk) -> None:
    done = maild("trace", "kettle-2@globex.test", cwd=seen.folder)
    assert done.returncode == 65
    assert b"<kettle-1@globex.test>" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_hostile_message_id_makes_no_line_of_its_own(seen: Desk) -> None:
    hostile = "<x\x1b[2J\u2028y\x9bz@globex.test>"
    raw = letter("Eve <eve@globex.test>", "Odd", "Odd.", headers={"Message-ID": ""}).as_bytes()
    seen.smtp(b"Message-ID: " + hostile.encode() + b"\r\n" + raw, sender="eve@globex.test")
    seen.quiet()
    assert seen.process is not None
    for line in seen.process.lines:
        assert line.isprintable(), ascii(line)
        if line.startswith("{"):
            json.loads(line)


def test_status_shows_loops_and_listeners(seen: Desk) -> None:
    [node] = seen.show("status")["nodes"]
    assert node["alive"]
    assert node["stalled"] == []
    assert {"send", "clock"} <= set(node["loops"])
    told = maild("status", cwd=seen.folder).stdout.decode()
    assert "running" in told
    assert "accepted" in told


def test_the_doctor_says_what_is_wrong_and_what_to_do(seen: Desk, dns: Dns) -> None:
    dns.clear()
    dns.zone["acme.test", "MX"] = [(10, "mx.acme.test")]
    dns.zone["mx.acme.test", "A"] = ["192.0.2.1"]
    dns.txt("acme.test", "v=spf1 mx -all")
    files = sorted((path, path.stat().st_mtime_ns) for path in (seen.folder / "rules").iterdir())
    done = maild("doctor", "--json", cwd=seen.folder)
    found = json.loads(done.stdout)
    graded = {(one["part"], one["what"]): one for one in found["checks"]}
    assert done.returncode == 0, found
    assert found["result"] == "warning"
    assert graded["database", "schema"]["grade"] == "ok"
    assert graded["dns", "MX"]["says"] == "mx.acme.test (10)"
    assert graded["dns", "SPF"]["grade"] == "ok"
    assert graded["dns", "DMARC"]["grade"] == "warning"
    assert graded["dns", "DMARC"]["do"]
    assert all(one["grade"] == "ok" for one in found["checks"] if one["part"] in ("relay", "listener"))
    assert {one["what"].partition(" ")[0] for one in found["checks"] if one["part"] == "listener"} == {
        "smtp",
        "lmtp",
    }
    assert sorted((path, path.stat().st_mtime_ns) for path in (seen.folder / "rules").iterdir()) == files


def test_the_doctor_sends_when_it_is_asked_to(seen: Desk, dns: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    dns.clear()
    done = maild("doctor", "--json", "--send", "postmaster@elsewhere.test", cwd=seen.folder)
    mail = seen.gets("postmaster@elsewhere.test")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert any(
        one["part"] == "round trip" and one["grade"] == "ok" for one in json.loads(done.stdout)["checks"]
    )
    monkeypatch.setattr(correspondents, "BACK_WITHIN", 1.0)
    lost = maild("doctor", "--json", "--send", "support@acme.test", cwd=seen.folder)
    assert lost.returncode == 69  # nobody brings it back
    arrival = next(one for one in json.loads(lost.stdout)["checks"] if one["what"] == "arrival")
    assert arrival["grade"] == "fault"


def test_the_doctor_needs_no_daemon_and_makes_nothing(tmp_path: Path, world: Relay) -> None:
    desk = Desk(tmp_path / "desk", world)
    desk.config.write_text(desk.config.read_text().replace(str(world.port), "1"))
    done = maild("doctor", cwd=desk.folder)
    assert done.returncode == 69
    assert b"no connection to the relay" in done.stdout
    assert not (desk.folder / "var").exists()
    desk.config.write_text(desk.config.read_text().replace("tag =", "tga ="))
    wrong = maild("doctor", cwd=desk.folder)
    assert wrong.returncode == 78
    assert b"tag" in wrong.stdout
    assert b"Traceback" not in wrong.stderr + done.stderr


def test_a_person_is_exported_and_erased_beside_the_daemon(seen: Desk, tmp_path: Path) -> None:
    seen.ask("Frida Forst <frida@globex.test>", "Lost lantern", "My lantern is lost since Tuesday evening.")
    seen.quiet()
    folder = tmp_path / "frida"
    done = maild("person", "export", "frida@globex.test", str(folder), cwd=seen.folder)
    assert done.returncode == 0, done.stderr
    held = json.loads((folder / "person.json").read_text())
    [ticket] = held["tickets"]
    assert (folder / held["mails"][0]["file"]).read_bytes().find(b"lantern") > 0
    assert {path.name for path in folder.iterdir()} == {
        "person.json",
        "README.md",
        "mail",
        "sent",
        "attachments",
    }
    assert maild("person", "export", "frida@globex.test", str(folder), cwd=seen.folder).returncode == 65

    unasked = maild("person", "erase", "frida@globex.test", cwd=seen.folder)
    assert unasked.returncode == 65
    assert b"--yes" in unasked.stderr
    erased = maild("person", "erase", "frida@globex.test", "--yes", "--json", cwd=seen.folder)
    assert erased.returncode == 0, erased.stderr
    assert json.loads(erased.stdout)["tickets"] == 1
    after = seen.show("ticket", str(ticket["id"]))
    assert after["requester"]["name"].startswith("erased person ")
    assert after["created_at"] == ticket["created_at"]
    assert after["first_response_due"] == ticket["first_response_due"]
    assert "lantern" not in json.dumps(after)
    assert "frida" not in json.dumps(after).lower()
    again = maild("person", "erase", "frida@globex.test", "--yes", cwd=seen.folder)
    assert again.returncode == 0
    assert b"nothing is held" in again.stdout
    assert maild("person", "export", "frida@globex.test", cwd=seen.folder).returncode == 65
    _, acknowledgement = seen.ask(
        "Frida Forst <frida@globex.test>", "A new lantern", "I want to buy a new one."
    )
    assert acknowledgement.number > ticket["id"]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("ana@acme.test", b"is an agent"),
        ("support@acme.test", b"the desk itself"),
        ("no such name", b"nobody is known"),
    ],
)
def test_whom_the_files_name_is_not_erased(seen: Desk, who: str, why: bytes) -> None:
    done = maild("person", "erase", who, "--yes", cwd=seen.folder)
    assert done.returncode == 65
    assert why in done.stderr


@pytest.mark.parametrize("address", ["0.0.0.0:9464", "192.0.2.7:9464", "systemd:metrics", "desk.test:9464"])
def test_metrics_are_for_this_machine(tmp_path: Path, relay: Relay, address: str) -> None:
    desk = Desk(tmp_path / "desk", relay, config=CONFIG + MORE.replace("127.0.0.1:0", address))
    done = maild("check", cwd=desk.folder)
    assert done.returncode == 78
    assert b"could be read from outside" in done.stdout


def test_metrics_by_a_unix_socket_end_with_the_daemon(tmp_path: Path, world: Relay) -> None:
    desk = Desk(
        tmp_path / "desk", world, config=CONFIG + MORE.replace("127.0.0.1:0", "unix:var/metrics.sock")
    )
    desk.start()
    try:
        path = desk.folder / "var" / "metrics.sock"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(30)
            sock.connect(str(path))
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: maild\r\n\r\n")
            until(lambda: b"maild_store_up 1.0" in sock.recv(1 << 20), "the numbers come")
    finally:
        desk.end()
    assert not path.exists()
