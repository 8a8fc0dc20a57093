"""Several daemons on one PostgreSQL database: they share the work, and one that dies is missed by nobody."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store import Store
from store.nodes import DEAD_AFTER
from tests.way.desk import CONFIG, Desk, Process, spawn, until
from tests.way.letters import letter
from tests.way.relay import Relay

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)

ASKED = "Hello, the roof of our shed leaks and the rain comes in. When can somebody come?"
FILM = [("film.bin", "application/octet-stream", bytes(range(256)) * 700)]


class OneOfSeveral(Desk):
    """A node with a folder and ports of its own, and the database and files of all."""

    def __init__(self, folder: Path, relay: Relay, url: str, files: Path, name: str) -> None:
        self.url, self.files, self.name = url, files, name
        config = CONFIG.replace("sqlite:///var/maild.db", url)
        config = config.replace('files = "var/files"', f'files = "{files}"\nnode = "{name}"')
        super().__init__(folder, relay, config=config)
        (folder / "var").mkdir()

    def check(self) -> list[str]:
        store = Store.open(self.url, self.files)
        try:
            return store.check()
        finally:
            store.close()


Make = Callable[..., OneOfSeveral]


@pytest.fixture
def node(tmp_path: Path, world: Relay, new_database: Callable[[], str]) -> Iterator[Make]:
    """Makes nodes of one desk; whatever runs at the end is ended and checked."""
    url = new_database()
    made: list[OneOfSeveral] = []

    def make(name: str, files: str = "files") -> OneOfSeveral:
        made.append(OneOfSeveral(tmp_path / f"{len(made)}{name}", world, url, tmp_path / files, name))
        return made[-1]

    yield make
    for one in made:
        one.end()


def nodes(desk: Desk) -> dict[str, bool]:
    return {one["name"]: one["alive"] for one in desk.show("status")["nodes"]}


def leases(desk: OneOfSeveral) -> dict[str, str]:
    store = Store.open(desk.url, desk.files)
    try:
        with store.read() as work:
            return {name: node for name, (node, _) in work.leases().items()}
    finally:
        store.close()


class Client(threading.Thread):
    """Hands mails over, to one node after the other, each until it is taken."""

    def __init__(self, name: int, ports: list[Callable[[], int]], mails: int) -> None:
        super().__init__(daemon=True)
        self.mails = [
            letter(f"c{name}-{n}@globex.test", f"Load {name}-{n}", f"{ASKED} {name}-{n}", attachments=FILM if n % 5 == 0 else ())
            for n in range(mails)
        ]  # fmt: skip
        self.ports, self.taken = ports, 0

    def run(self) -> None:
        import smtplib

        deadline = time.monotonic() + 120
        for turn, mail in enumerate(self.mails):
            while time.monotonic() < deadline:
                port = self.ports[turn % len(self.ports)]()
                turn += 1
                try:
                    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
                        client.sendmail(str(mail["From"]), "support@acme.test", mail.as_bytes())
                except (OSError, smtplib.SMTPException):
                    time.sleep(0.05)
                    continue
                self.taken += 1
                break


def test_one_of_two_is_killed_under_load(node: Make, world: Relay) -> None:
    one, two = node("one"), node("two")
    one.start()
    two.start()
    assert nodes(two) == {"one": True, "two": True}
    assert leases(two)["clock"] == "one"
    clients = [Client(name, [lambda: one.smtp_port, lambda: two.smtp_port], 8) for name in range(4)]
    for client in clients:
        client.start()
    world.wait_for(lambda mail: mail.recipient.startswith("c"))
    one.kill9()
    killed_at = time.monotonic()
    until(lambda: leases(two).get("clock") == "two", "the clock is taken over", DEAD_AFTER + 15)
    assert time.monotonic() - killed_at < DEAD_AFTER + 12
    for client in clients:
        client.join(120)
        assert client.taken == len(client.mails)
    two.quiet()
    assert nodes(two) == {"two": True}
    tickets = Counter(ticket["subject"] for ticket in two.show("tickets"))
    assert tickets == Counter(str(mail["Subject"]) for client in clients for mail in client.mails)
    copies: dict[str, set[bytes]] = defaultdict(set)
    for mail in world.mails:
        copies[mail["Message-ID"]].add(mail.raw)
    assert {len(different) for different in copies.values()} == {1}
    for client in clients:
        for mail in client.mails:
            assert len({got["Message-ID"] for got in world.to(str(mail["From"]))}) == 1
    one.start()
    assert nodes(two) == {"one": True, "two": True}
    one.ask("last@globex.test", "Last", ASKED)


@pytest.mark.long
def test_a_node_that_stops_is_followed_at_once_and_one_frozen_ends_no_work(node: Make) -> None:
    one, two = node("one"), node("two")
    one.start()
    two.start()
    assert leases(two)["clock"] == "one"
    one.stop()
    until(lambda: leases(two).get("clock") == "two", "the clock is handed over", 5)
    one.start()
    assert one.process is not None
    one.signal(signal.SIGSTOP)
    try:
        until(lambda: nodes(two) == {"two": True}, "the frozen node is taken for dead", DEAD_AFTER + 15)
    finally:
        one.signal(signal.SIGCONT)
    until(lambda: nodes(two) == {"one": True, "two": True}, "it is back by itself", 30)
    one.process.wait_for_line(lambda line: "was taken for dead" in line)
    one.ask("carla@globex.test", "Thawed", ASKED)


def test_one_configuration_started_twice_is_two_nodes(node: Make) -> None:
    one = node("")
    config = one.config.read_text().replace('node = ""\n', "").replace("unix:var/lmtp.sock", "127.0.0.1:0")
    one.config.write_text(config)
    one.start()
    first = one.smtp_port
    second = Process(one.config)
    ready = second.wait_for_line(lambda line: "ready" in line)
    assert f"127.0.0.1:{first}," not in ready
    names = sorted(nodes(one))
    assert names[1] == f"{names[0]}-2"
    one.kill9()
    one.start()
    assert sorted(nodes(one)) == names
    second.popen.terminate()
    assert second.wait() == 0
    one.ask("carla@globex.test", "Still there", ASKED)


def test_a_name_that_is_taken_and_files_of_its_own(node: Make) -> None:
    one = node("one")
    one.start()
    same = node("one")
    started = time.monotonic()
    process = Process(same.config)
    assert process.wait() == 1
    assert any(
        "a node named one runs already" in line and "node in [store]" in line for line in process.lines
    )
    assert time.monotonic() - started < DEAD_AFTER + 15
    apart = node("two", files="other files")
    done = spawn("--config", str(apart.config), "run", cwd=apart.folder)
    assert done.returncode == 78
    assert b"is not where node one of this desk keeps its files" in done.stderr
    assert b"Traceback" not in done.stderr
    one.ask("carla@globex.test", "Still there", ASKED)
