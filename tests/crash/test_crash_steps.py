"""Whatever step of the way of a mail the process dies at or the disk fails at: nothing accepted is lost, and nothing is twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from maild import site
from maild.site import Site
from store import Store
from tests.crash.faults import Faults
from tests.crash.world import World
from tests.way.desk import CONFIG, PEOPLE, PROMISES
from tests.way.letters import answer, letter

CARLA, DORA, ANA = "carla@globex.test", "dora@globex.test", "ana@acme.test"
ASKED = "Hello, the fire door does not close any more. Could somebody look at it today, please?"
FILM = ("film.bin", "application/octet-stream", bytes(range(256)) * 800)


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The files of a desk, read once."""
    folder = tmp_path_factory.mktemp("acme")
    (folder / "rules").mkdir()
    (folder / "maild.toml").write_text(CONFIG.format(relay=2526, reply_address="plus"))
    (folder / "rules" / "10-people.yaml").write_text(PEOPLE)
    (folder / "rules" / "20-promises.yaml").write_text(PROMISES)
    return site.load(folder / "maild.toml", datetime.now(UTC))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an empty store, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    Store.open(f"sqlite:///{folder}/maild.db", folder / "files").close()
    return folder


Play = Callable[[World], None]


def two_requests(world: World) -> None:
    """A small mail and a big one, whose requester cannot be reached."""
    world.refused.add(DORA)
    small = letter(CARLA, "Fire door", ASKED)
    world.accept(small)
    world.accept(letter(DORA, "Film of the door", ASKED, attachments=[FILM]))
    world.accept(small)
    world.settle_down()
    found = world.tickets()
    assert [(one["subject"], kinds(one)) for one in found] == [
        ("Fire door", [("person", None), ("acknowledgement", "sent")]),
        ("Film of the door", [("person", None), ("acknowledgement", "failed")]),
    ]
    assert [part["size"] for part in found[1]["messages"][0]["attachments"]] == [len(FILM[2])]
    assert len(world.mails_to(CARLA)) == 1
    told = world.mails_to(ANA)
    assert len([mail for mail in told if mail.number == 1]) == 1
    assert len([mail for mail in told if mail.number == 2 and "new ticket" in mail.text]) == 1
    assert len([mail for mail in told if mail.number == 2 and "could not be delivered" in mail.text]) == 1


def question_and_answer(world: World) -> None:
    """A request, an agent's answer, the requester's reply."""
    world.accept(letter(CARLA, "Fire door", ASKED))
    world.settle_down()
    [told] = world.mails_to(ANA)
    world.accept(answer(told, ANA, "#solve\nIt closes again.", attachments=[("bill.pdf", "application/pdf", b"%PDF")]))
    world.settle_down()
    _, reply = world.mails_to(CARLA)
    world.accept(answer(reply, CARLA, "Not any more!"))
    world.settle_down()
    [ticket] = world.tickets()
    assert kinds(ticket) == [("person", None), ("acknowledgement", "sent"), ("person", "sent"), ("person", None)]
    assert (ticket["state"], ticket["assignee"]) == ("open", ANA)
    assert len(world.mails_to(CARLA)) == 2
    assert len(world.mails_to(ANA)) == 2
    names = [event["event"] for event in ticket["events"]]
    assert [names.count(name) for name in ("created", "answered", "replied")] == [1, 1, 1]


def kinds(ticket: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(one["kind"], one["delivery"]) for one in ticket["messages"]]


def run(play: Play, acme: Site, folder: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play it on a fresh desk; in the end its store is in order and nothing waits."""
    world = World(acme, folder, faults)
    try:
        with faults.watching_files(monkeypatch):
            play(world)
        with faults.off():
            assert world.store.check() == []
            with world.store.read() as work:
                assert work.quarantined() == []
    finally:
        world.close()


@pytest.mark.parametrize("die", [True, False], ids=["death", "fault"])
@pytest.mark.parametrize("play", [two_requests, question_and_answer])
def test_at_every_step(play: Play, die: bool, acme: Site, empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    counting = Faults()
    run(play, acme, shutil.copytree(empty, tmp_path / "counting"), counting, monkeypatch)
    chosen = list(worth_it(counting.steps, die))
    assert len(chosen) > 15, counting.steps
    for number in chosen:
        folder = shutil.copytree(empty, tmp_path / str(number))
        try:
            run(play, acme, folder, Faults(number, die), monkeypatch)
        except BaseException as error:
            error.add_note(f"step {number} of {len(counting.steps)}: {counting.steps[number - 1]}")
            raise
        shutil.rmtree(folder)


def worth_it(steps: list[str], die: bool) -> Iterator[int]:
    """The numbers of the steps to try: the first and the last of each kind. Death at any statement of a transaction leaves the same
    behind, so commits are enough of it; what can only be died at cannot fail."""
    last = {step: number for number, step in enumerate(steps, 1)}
    seen: set[str] = set()
    for number, step in enumerate(steps, 1):
        wanted = step not in seen or (die and last[step] == number)
        seen.add(step)
        if wanted and not (step.startswith("statement") if die else step.endswith("delivery")):
            yield number
