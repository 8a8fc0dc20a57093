"""The door: `maild` and `python -m maild`. Looks that `store` is ours before anything imports it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def foreign_store() -> str | None:
    """A sentence when the top-level package `store` is not the one that came with this maild; None when all is well."""
    spec = importlib.util.find_spec("store")
    ours = Path(__file__).resolve().parent.parent / "store" / "__init__.py"
    if spec is not None and spec.origin and Path(spec.origin).resolve() == ours:
        return None
    found = spec.origin if spec is not None else "none at all"
    return (
        f"maild: its package `store` is hidden by another one ({found}); install maild into a venv of its own"
    )


def main() -> None:
    """Run the command line."""
    refusal = foreign_store()
    if refusal is not None:
        sys.stderr.write(refusal + "\n")
        raise SystemExit(1)
    from maild.cli import main as run

    run()


if __name__ == "__main__":
    main()
