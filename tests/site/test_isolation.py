"""What processes do with memory and disk."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest

from maild.isolation import on_disk

OCTETS = memoryview(bytes(range(256)) * 100)


def test_what_is_on_disk_is_the_same() -> None:
    held = on_disk(OCTETS)
    assert held == OCTETS
    assert held is not OCTETS
    assert held.readonly


def test_where_a_disk_has_no_room_it_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*what: Any, **more: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    assert on_disk(OCTETS) is OCTETS
