"""The reader under a fuzzer that follows its branches: `python -m tests.bench.fuzz [SECONDS]`. Needs atheris, which is no dependency.

It begins with the typical mails of tests/message and stops at the first mail that breaks a promise, which it leaves as `crash-…` in the
current folder.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tempfile
from pathlib import Path

from tests.message.seeds import SEEDS

SECONDS = 60
MAX_OCTETS = 20_000


def one(raw: bytes) -> None:
    """The promises of the reader, kept for any octets."""
    from maild.message.parse import parse

    found = parse(raw)
    found.mail.text.encode("utf-8")
    faults = [defect for defect in found.mail.defects if defect.endswith("Error")]
    if faults or len(found.mail.attachments) != len(found.contents):
        raise RuntimeError(f"the reader has a fault: {faults}")


def main(seconds: int = SECONDS) -> None:
    if importlib.util.find_spec("atheris") is None:
        sys.exit("atheris is not installed: pip install atheris")
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["maild.message", "email"]):
        importlib.import_module("maild.message.parse")
    with tempfile.TemporaryDirectory() as folder:
        for name, raw in SEEDS.items():
            (Path(folder) / name).write_bytes(raw)
        atheris.Setup(["fuzz", folder, f"-max_total_time={seconds}", f"-max_len={MAX_OCTETS}"], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
