"""Whatever step of the way of a mail the process dies at or the disk fails at: nothing accepted is lost, and nothing is twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from maild import site
from maild.site import Site
from tests.crash.world import World
from tests.way.desk import CONFIG, PEOPLE, PROMISES
from tests.way.letters import answer, letter

ANA = "ana@acme.test"
ASKED = "Hello, the fire door does not close any more. Could somebody look at it today, please?"

Play = Callable[[World, str], None]
"""A conversation that a customer of this name begins."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(a_site(tmp_path), tmp_path / "var")
    yield made
    made.end()


@pytest.fixture
def postgres_world(tmp_path: Path, new_database: Callable[[], str]) -> Iterator[World]:
    made = World(a_site(tmp_path), tmp_path / "var", new_database())
    yield made
    made.end()


def a_site(tmp_path: Path) -> Site:
    (tmp_path / "rules").mkdir()
    limits = '[limits]\nnotify_size = "1 kB"'  # the big file shall stay in the store
    (tmp_path / "maild.toml").write_text(
        CONFIG.format(relay=2526, reply_address="plus").replace("[limits]", limits)
    )
    (tmp_path / "rules" / "10-people.yaml").write_text(PEOPLE)
    (tmp_path / "rules" / "20-promises.yaml").write_text(PROMISES)
    return site.load(tmp_path / "maild.toml", datetime.now(UTC))


def big_and_refused(world: World, name: str) -> None:
    """A small mail, twice, and a big one whose requester cannot be reached."""
    carla, dora = f"carla-{name}@globex.test", f"dora-{name}@globex.test"
    film = name.encode() + bytes(range(256)) * 800
    world.refused.add(dora)
    small = letter(carla, "Fire door", ASKED, headers=world.today)
    world.accept(small)
    attached = [("film.bin", "application/octet-stream", film)]
    world.accept(letter(dora, "Film", ASKED, attachments=attached, headers=world.today))
    world.accept(small)
    world.settle_down()
    [one], [other] = world.tickets(carla), world.tickets(dora)
    assert kinds(one) == [("person", None), ("acknowledgement", "sent")]
    assert kinds(other) == [("person", None), ("acknowledgement", "failed")]
    assert [part["size"] for part in other["messages"][0]["attachments"]] == [len(film)]
    assert len(world.mails_to(carla, one["id"])) == 1
    assert [happened(mail.text) for mail in world.mails_to(ANA, one["id"])] == ["new ticket"]
    told = [happened(mail.text) for mail in world.mails_to(ANA, other["id"])]
    assert told == ["new ticket", "an answer could not be delivered"]


def question_and_answer(world: World, name: str) -> None:
    """A request, an agent's answer, the requester's reply."""
    carla = f"carla-{name}@globex.test"
    world.accept(letter(carla, "Fire door", ASKED, headers=world.today))
    world.settle_down()
    [ticket] = world.tickets(carla)
    [told] = world.mails_to(ANA, ticket["id"])
    bill = ("bill.pdf", "application/pdf", b"%PDF")
    world.accept(answer(told, ANA, "#solve\nIt closes again.", attachments=[bill], headers=world.today))
    world.settle_down()
    _, reply = world.mails_to(carla, ticket["id"])
    world.accept(answer(reply, carla, "Not any more!", headers=world.today))
    world.settle_down()
    [ticket] = world.tickets(carla)
    assert kinds(ticket) == [
        ("person", None),
        ("acknowledgement", "sent"),
        ("person", "sent"),
        ("person", None),
    ]
    assert (ticket["state"], ticket["assignee"]) == ("open", ANA)
    assert len(world.mails_to(carla, ticket["id"])) == 2
    assert len(world.mails_to(ANA, ticket["id"])) == 2
    names = [event["event"] for event in ticket["events"]]
    assert [names.count(name) for name in ("created", "answered", "replied")] == [1, 1, 1]


def kinds(ticket: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(one["kind"], one["delivery"]) for one in ticket["messages"]]


def happened(text: str) -> str:
    line = next(line for line in text.splitlines() if line.startswith("What happened: "))
    return line.removeprefix("What happened: ").partition(" – ")[0]


@pytest.mark.parametrize(
    ("play", "die"),
    [
        pytest.param(big_and_refused, True, id="big and refused, death", marks=pytest.mark.long),
        pytest.param(big_and_refused, False, id="big and refused, fault"),
        pytest.param(question_and_answer, True, id="question and answer, death"),
        pytest.param(question_and_answer, False, id="question and answer, fault", marks=pytest.mark.long),
    ],
)
def test_at_every_step(play: Play, die: bool, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    at_every_step(play, die, world, monkeypatch)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("die", [True, False], ids=["death", "fault"])
def test_at_every_commit_on_postgresql(
    die: bool, postgres_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_every_step(question_and_answer, die, postgres_world, monkeypatch, only=("commit", "delivery"))


def at_every_step(
    play: Play, die: bool, world: World, monkeypatch: pytest.MonkeyPatch, only: tuple[str, ...] = ("",)
) -> None:
    """Play it once for each kind of step, `only` those whose name holds one of these words, and fail or die there."""
    with world.faults.watching_files(monkeypatch):
        play(world, "first")
        world.faults.reset()
        play(world, "counted")
        steps = list(world.faults.steps)
        kinds = [kind for kind in dict.fromkeys(steps) if any(word in kind for word in only)]
        chosen = [(kind, which) for kind in kinds for which in worth_it(kind, steps, die)]
        assert len(chosen) > 5, steps
        for kind, which in chosen:
            world.faults.reset((kind, which), die=die)
            try:
                play(world, f"n{chosen.index((kind, which))}")
                assert world.faults.fired
            except BaseException as error:
                error.add_note(f"step {which} of the kind {kind!r}")
                raise


def worth_it(kind: str, steps: list[str], die: bool) -> set[int]:
    """Which steps of a kind to try. Death at any statement of a transaction leaves the same behind, so commits are enough of it:
    the first and the last. What can only be died at cannot fail."""
    if kind.startswith("statement") if die else kind.endswith("delivery"):
        return set()
    every = "commit" in kind or (die and kind.endswith(("delivery", "rename")))
    return {1, steps.count(kind)} if every else {1}
