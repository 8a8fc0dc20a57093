"""A desk for each module whose tests do not disturb each other, and one for each test that wants it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.way.desk import Desk
from tests.way.relay import Relay


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """The world of the module's tests; addresses are what tells them apart."""
    opened = Relay()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, relay: Relay) -> Iterator[Desk]:
    """A desk that runs during the whole module."""
    made = Desk(tmp_path_factory.mktemp("d") / "desk", relay)
    made.start()
    yield made
    made.end()


@pytest.fixture
def world() -> Iterator[Relay]:
    """A world of the test's own."""
    opened = Relay()
    yield opened
    opened.close()


@pytest.fixture
def new_desk(tmp_path: Path, world: Relay) -> Iterator[Callable[..., Desk]]:
    """Makes desks of the test's own, not started; whatever runs at the end is ended and checked."""
    made: list[Desk] = []

    def make(**options: object) -> Desk:
        made.append(Desk(tmp_path / f"desk{len(made)}", world, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.end()
