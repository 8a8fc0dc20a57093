"""One DNS for all tests of a process; each finds it empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.verify.verify_world import Dns


@pytest.fixture(scope="session")
def _server() -> Iterator[Dns]:
    made = Dns()
    yield made
    made.close()


@pytest.fixture
def dns(_server: Dns) -> Dns:
    _server.clear()
    return _server
