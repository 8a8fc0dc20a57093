"""The lock's lines, with their hashes, of what pip says that maild needs: needed.py REPORT LOCK."""

import json
import re
import sys
from pathlib import Path


def normal(name: str) -> str:
    """A distribution's name as packaging compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(report: Path, lock: Path) -> None:
    """Print them. Exits with a sentence when the lock does not hold one, or another version."""
    locked: dict[tuple[str, str], str] = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", lock.read_text("utf-8")):
        found = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ \\;]+)", entry)
        if found:
            locked[normal(found[1]), found[2]] = entry
    for wanted in json.loads(report.read_text("utf-8"))["install"]:
        name, version = wanted["metadata"]["name"], wanted["metadata"]["version"]
        if normal(name) == "maild":
            continue
        if (normal(name), version) not in locked:
            sys.exit(f"{lock} does not lock {name} {version}, which maild needs")
        sys.stdout.write(locked[normal(name), version].rstrip() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
