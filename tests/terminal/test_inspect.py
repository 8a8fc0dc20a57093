"""`maild inspect` where it cannot do its work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from maild import inspect_command
from maild.errors import BadInput


def test_a_mail_for_which_there_is_no_memory_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(*what: Any) -> Any:
        raise MemoryError

    mail = tmp_path / "big.eml"
    mail.write_bytes(b"Subject: Big\r\n\r\n")
    monkeypatch.setattr(inspect_command, "parse", parse)
    result = CliRunner().invoke(inspect_command.inspect, [str(mail)])
    assert isinstance(result.exception, BadInput)
    assert str(result.exception) == f"{mail}: there is not enough memory to read it"
