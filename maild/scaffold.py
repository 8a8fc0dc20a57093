"""A new desk's folder: what `maild init` writes."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from maild import config
from maild.desk import rule_schema
from maild.errors import NotNow
from maild.shipped import data_dir


class Scaffold(NamedTuple):
    """The files that were `written`, and those that stood there before and were `left` as they are."""

    written: list[Path]
    left: list[Path]


SERVICE: Final = MappingProxyType(
    {
        "store.url": "sqlite:////var/lib/maild/maild.db",
        "store.files": "/var/lib/maild/files",
        "listen.protocol": "lmtp",
        "listen.address": "unix:/run/maild/lmtp",
    }
)
"""What maild.toml says where maild runs as the unit of systemd/: its folders are systemd's, its mail comes from the mail server."""


def write(folder: Path, *, service: bool = False) -> Scaffold:
    """Writes maild.toml, rules/, templates/ and runbooks/ of a desk that works, into a folder that is made if missing.

    `service`: a desk for the systemd unit. No file is ever overwritten. Raises NotNow when the disk refuses.
    """
    schema = json.dumps(rule_schema.schema(), ensure_ascii=False, indent=1) + "\n"
    wanted: dict[Path, bytes] = {
        folder / "maild.toml": config.describe(SERVICE if service else {}).encode(),
        folder / "rules" / "schema.json": schema.encode(),
    }
    for name in ("rules", "templates"):
        shipped = data_dir(name)
        for file in sorted(shipped.rglob("*")):
            if file.is_file():
                wanted[folder / _place(name, file.relative_to(shipped))] = file.read_bytes()
    written, left = [], []
    try:
        for path, content in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with path.open("xb") as new:
                    new.write(content)
            except FileExistsError:
                left.append(path)
            else:
                written.append(path)
    except OSError as error:
        raise NotNow(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return Scaffold(written, left)


def _place(name: str, path: Path) -> Path:
    """Where a shipped file goes: runbooks stand beside the templates, not among them."""
    return path if path.parts[0] == "runbooks" else Path(name) / path
