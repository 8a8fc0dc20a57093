"""The first minutes of a sysadmin, and the daemon's life: init, check, run, reload, status, inspect, demo."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.way.desk import PEOPLE, Desk, Process, environment, maild, spawn, until
from tests.way.letters import letter
from tests.way.relay import Relay

ASKED = "Hello, we cannot find the manual of the new telephone. Could you send it to us?"


def test_an_empty_folder_becomes_a_desk(tmp_path: Path, world: Relay) -> None:
    done = spawn("init", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = {Path(line.removeprefix("wrote ")) for line in done.stdout.decode().splitlines() if line.startswith("wrote ")}  # fmt: skip
    files = {file.relative_to(tmp_path) for file in tmp_path.rglob("*") if file.is_file()}
    assert told == files
    assert {Path("maild.toml"), Path("rules/10-desk.yaml"), Path("rules/README.md"), Path("templates/mail/en/answer.txt")} <= files  # fmt: skip
    checked = maild("check", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    assert b"all is well" in checked.stdout

    own = (tmp_path / "maild.toml").read_text()
    assert b"wrote" not in maild("init", cwd=tmp_path).stdout
    (tmp_path / "rules" / "30-rules.yaml").unlink()
    again = maild("init", ".", cwd=tmp_path)
    assert [line for line in again.stdout.decode().splitlines() if line.startswith("wrote ")] == ["wrote rules/30-rules.yaml"]  # fmt: skip
    assert (tmp_path / "maild.toml").read_text() == own

    config = own.replace("127.0.0.1:2525", "127.0.0.1:0")
    config = re.sub(
        r'(\[relay\][^\[]*?)\n#?address = "[^"]*"', rf'\1\naddress = "127.0.0.1:{world.port}"', config
    )
    (tmp_path / "maild.toml").write_text(config)
    process = Process(tmp_path / "maild.toml", by_exec=True)
    port = int(re.search(r"127\.0\.0\.1:(\d+)", process.wait_for_line(lambda line: "ready" in line))[1])  # type: ignore[index]
    desk = Desk(tmp_path / "unused", world)
    desk.smtp_port = port
    desk.smtp(letter("first@globex.test", "The first one", ASKED, to="support@example.test"), to="support@example.test")  # fmt: skip
    assert desk.gets("first@globex.test")["Subject"] == "[Example #1] The first one"
    process.popen.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    assert not process.traceback


def test_init_writes_into_a_folder_that_it_makes(tmp_path: Path) -> None:
    done = maild("init", "my/desk", cwd=tmp_path)
    assert done.returncode == 0
    assert b"cd my/desk && maild check && maild run" in done.stdout
    assert (tmp_path / "my" / "desk" / "maild.toml").is_file()


MISTAKES = {
    "maild.toml": (
        ('tag = "Acme"', 'tga = "Acme"', r"maild.toml:5:\d+: .*tga.*'tag'"),
        ('reply_address = "plus"', 'reply_address = "plsu"', r"maild.toml:7:\d+: .*plsu.*'plus'"),
        ('message_size = "2 MB"', 'message_size = "2 XB"', r"maild.toml:\d+:\d+: .*message_size.*XB"),
        ('protocol = "lmtp"', 'protocol = "lmpt"', r"maild.toml:18:\d+: .*lmpt.*'lmtp'"),
    ),
    "rules/10-people.yaml": (
        ("teams:", "teems:", r"rules/10-people.yaml:3:1: .*teems.*'teams'"),
        ("role: admin", "role: admn", r"rules/10-people.yaml:9:\d+: .*admn.*'admin'"),
    ),
    "rules/20-promises.yaml": (
        ("mon-fri", "mon-fry", r"rules/20-promises.yaml:2:\d+: .*fry"),
        (
            "first_response: 1h",
            "first_respons: 1h",
            r"rules/20-promises.yaml:5:\d+: .*first_respons.*'first_response'",
        ),
    ),
}


def test_check_tells_every_mistake_with_its_place_and_the_nearest_word(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    right = {}
    for name, mistakes in MISTAKES.items():
        file = desk.folder / name
        text = right[file] = file.read_text()
        for old, new, _ in mistakes:
            assert text.count(old) >= 1
            text = text.replace(old, new, 1)
        file.write_text(text)
    templates = desk.folder / "templates" / "mail" / "en"
    templates.mkdir(parents=True)
    (templates / "answer.txt").write_text("Hello\n{{ tikket.number }}\n{% if %}\n")
    done = maild("check", cwd=desk.folder)
    assert done.returncode == 78
    said = done.stdout.decode()
    for mistakes in MISTAKES.values():
        for _, _, pattern in mistakes:
            assert re.search(pattern, said), f"{pattern} not in\n{said}"
    assert re.search(r"templates/mail/en/answer.txt:3:\d+: ", said), said
    found = json.loads(maild("check", "--json", cwd=desk.folder).stdout)
    assert len(found["problems"]) == len([line for line in said.splitlines() if not line.startswith("note:")])
    assert {"file", "line", "column", "message"} == set(found["problems"][0])

    refused = spawn("run", cwd=desk.folder)
    assert refused.returncode == 78
    assert b"'tag'" in refused.stderr
    assert not (desk.folder / "var").exists()
    for file, text in right.items():
        file.write_text(text)
    (templates / "answer.txt").unlink()


def test_no_configuration_at_all_is_told(tmp_path: Path) -> None:
    done = spawn("run", cwd=tmp_path)
    assert done.returncode == 78
    assert b"maild init" in done.stderr
    named = maild("--config", "other.toml", "tickets", cwd=tmp_path)
    assert named.returncode == 78
    assert b"other.toml" in named.stderr
    by_env = maild("tickets", cwd=tmp_path, env={"MAILD_CONFIG": "env.toml"})
    assert by_env.returncode == 78
    assert b"env.toml" in by_env.stderr


def test_sighup_reads_the_files_anew_and_keeps_the_old_ones_when_they_are_wrong(
    new_desk: Callable[..., Desk],
) -> None:
    desk = new_desk()
    desk.start()
    people = desk.folder / "rules" / "10-people.yaml"
    people.write_text(PEOPLE.replace("Ben Okoro, address: ben@acme.test", "Dia Roy, address: dia@acme.test"))
    desk.signal(signal.SIGHUP)
    assert desk.process is not None
    desk.process.wait_for_line(lambda line: '"reloaded"' in line)
    _, mail = desk.ask("one@globex.test", "After the reload", ASKED)
    desk.told("dia@acme.test", mail.number)

    people.write_text(PEOPLE.replace("role: admin", "role: admn"))
    desk.signal(signal.SIGHUP)
    said = desk.process.wait_for_line(lambda line: "reload refused" in line)
    assert re.search(r"10-people.yaml:9:\d+: .*'admin'", said)
    _, mail = desk.ask("two@globex.test", "After the refused one", ASKED)
    desk.told("dia@acme.test", mail.number)
    refused = next(node["rules"] for node in json.loads(desk.maild("status", "--json").stdout)["nodes"])
    assert "10-people.yaml:9:" in refused["problems"][0]
    assert "those in force stay" in desk.maild("status").stdout.decode()
    desk.quiet()
    [alert] = [mail for mail in desk.relay.to("chen@acme.test") if "were refused" in mail.text]
    assert "10-people.yaml:9:" in alert.text
    assert desk.relay.to("ben@acme.test") == []

    templates = desk.folder / "templates" / "mail" / "en"
    templates.mkdir(parents=True)
    (templates / "acknowledgement.txt").write_text("Ticket {{ ticket.number }}: we have it.\n")
    people.write_text(PEOPLE)
    desk.signal(signal.SIGHUP)
    until(lambda: sum('"reloaded"' in line for line in desk.process.lines) == 2, "the second reload")  # type: ignore[union-attr]
    _, mail = desk.ask("three@globex.test", "With a new template", ASKED)
    assert mail.text.strip() == f"Ticket {mail.number}: we have it."


def test_with_watch_changed_files_are_read_by_themselves(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    toml = desk.folder / "maild.toml"
    toml.write_text('reload = "watch"\n' + toml.read_text())
    desk.start()
    people = desk.folder / "rules" / "10-people.yaml"
    people.write_text(PEOPLE.replace("Ben Okoro, address: ben@acme.test", "Dia Roy, address: dia@acme.test"))
    assert desk.process is not None
    said = desk.process.wait_for_line(lambda line: '"reloaded"' in line)
    assert '"by": "watch"' in said
    assert "10-people.yaml" in said
    _, mail = desk.ask("one@globex.test", "After the change", ASKED)
    desk.told("dia@acme.test", mail.number)


def test_a_second_daemon_of_the_same_desk_is_refused(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    desk.start()
    second = desk.maild("run", run=spawn)
    assert second.returncode not in (0, 78)
    assert second.stderr.decode().strip() == f"maild: another maild runs on {desk.folder}/var/maild.db"
    _, mail = desk.ask("still@globex.test", "The first one goes on", ASKED)
    assert mail.number == 1


def test_status_of_a_running_and_of_a_stopped_daemon(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    stopped = desk.maild("status", "--json")
    assert stopped.returncode == 69
    assert json.loads(stopped.stdout)["running"] is False
    desk.start()
    desk.ask("status@globex.test", "Status", ASKED)
    desk.quiet()
    running = desk.maild("status", "--json", run=spawn)
    assert running.returncode == 0, running.stderr
    found = json.loads(running.stdout)
    [node] = found["nodes"]
    assert node["pid"] == desk.process.popen.pid  # type: ignore[union-attr]
    assert {line.split()[0] for line in node["listening"]} == {"smtp", "lmtp"}
    assert found["tickets"] == {"new": 1}
    assert (found["intake"]["waiting"], found["outgoing"]["queued"]) == (0, 0)
    assert b"running" in desk.maild("status").stdout
    desk.stop()
    assert desk.maild("status").returncode == 69


def test_a_busy_port_is_told_in_a_sentence(new_desk: Callable[..., Desk]) -> None:
    one, two = new_desk(), new_desk()
    one.start()
    right = two.config.read_text()
    two.config.write_text(right.replace('"127.0.0.1:0"', f'"127.0.0.1:{one.smtp_port}"'))
    done = two.maild("run", run=spawn)
    assert done.returncode == 69
    assert b"Traceback" not in done.stderr
    assert str(one.smtp_port).encode() in done.stderr
    two.config.write_text(right)


def test_inspect_understands_messages_without_a_desk(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(
        letter("Eva Ní <eva@globex.test>", "Hé", f"{ASKED}\n\n> old words\n").as_bytes()
    )
    (tmp_path / "b.eml").write_bytes(b"\xff\x00 not a mail")
    done = spawn("inspect", "a.eml", "b.eml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.decode().splitlines())
    assert first["from"] == {"name": "Eva Ní", "address": "eva@globex.test"}
    assert (first["subject"], first["kind"], first["language"], first["bounce"]) == (
        "Hé",
        "person",
        "en",
        None,
    )
    assert "old words" in first["text"]
    assert "old words" not in first["reply"]
    names = ["file", "message_id", "in_reply_to", "references", "date", "from", "reply_to", "to", "cc", "subject", "language", "kind",
             "text", "reply", "signature", "attachments", "bounce", "defects"]  # fmt: skip
    assert set(names) <= set(first)
    assert set(names) <= set(second)
    assert maild("inspect", "missing.eml", cwd=tmp_path).returncode == 2


def test_demo_once_tells_its_story_and_leaves_nothing_behind(tmp_path: Path) -> None:
    temporary, home = tmp_path / "tmp", tmp_path / "home"
    temporary.mkdir()
    home.mkdir()
    done = spawn("demo", "--once", cwd=home, env={"TMPDIR": str(temporary), "HOME": str(home)})
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode()
    assert "[Acme #1] The printer prints everything twice" in said
    assert "One ticket, four mails" in said
    assert done.stderr == b""
    assert [*temporary.iterdir(), *home.iterdir()] == []


def test_version_help_and_wrong_usage(tmp_path: Path) -> None:
    assert re.fullmatch(rb"maild, version \d+\.\d+\.\d+\S*\n", maild("--version", cwd=tmp_path).stdout)
    said = maild("--help", cwd=tmp_path).stdout.decode()
    for command in ("init", "demo", "run", "check", "deliver", "inspect", "tickets", "ticket", "queue", "quarantine", "status"):  # fmt: skip
        assert re.search(rf"^  {command}\b", said, re.MULTILINE), command
    assert maild("tikets", cwd=tmp_path).returncode == 2


def test_a_foreign_store_package_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "store.py").write_text("raise SystemExit('the wrong one was imported')\n")
    env = environment() | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(Path.cwd())))}
    done = subprocess.run([sys.executable, "-m", "maild", "--version"], cwd=Path.cwd() / "tests", env=env, capture_output=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == b""
    assert re.fullmatch(
        rb"maild: its package `store` is hidden by another one \(.*store\.py\); [^\n]*\n", done.stderr
    )
