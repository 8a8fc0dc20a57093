"""The desk's guides for agents (runbooks/*.md) read: front matter between `---` lines, Markdown below it, every mistake at its place.

`NAME.md` is the guide NAME; `NAME.es.md` is the same for agents whose first language is Spanish.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, ValidationError

from maild.desk import yaml_source
from maild.desk.leaving import looks_like_a_mark
from maild.desk.rulebook import Runbook
from maild.desk.shapes import day
from maild.errors import Problem
from maild.reading import Language, Line, Shape, problems

SIZE_MAX: Final = 64 * 1024
"""Characters of a guide: it goes with mails."""
_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,60})(?:\.([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*))?")
_FENCE: Final = "---"
_HEADING = re.compile(r"#\s+(.*?)\s*#*\s*")
_NEEDED: Final = ("owner", "status", "reviewed_on")


class FrontMatter(Shape):
    """What stands above a guide. `status`: such as draft or current."""

    owner: Line | None = None
    status: Line | None = None
    reviewed_by: Line | None = None
    reviewed_on: Annotated[date, BeforeValidator(day)] | None = None
    language: Language | None = None


def read(files: Mapping[str, str]) -> tuple[dict[str, Runbook], list[Problem]]:
    """Guides by the names of their files without `.md`, and what is wrong with them. `files`: texts by shown name (`runbooks/outage.md`)."""
    guides: dict[str, Runbook] = {}
    found: list[Problem] = []
    for file, text in files.items():
        key = file.rpartition("/")[2].removesuffix(".md")
        parts = _NAME.fullmatch(key)
        if parts is None:
            says = (
                "a runbook's file is named with letters, digits, - and _ only, like outage.md or outage.es.md"
            )
            found.append(Problem(file, 0, 0, says))
            continue
        if key.lower() in (one.lower() for one in guides):
            found.append(Problem(file, 0, 0, f"there is a runbook {key!r} already"))
            continue
        guide, wrong = _guide(file, parts[1], parts[2] or "", text)
        found += wrong
        if guide is not None:
            guides[key] = guide
    return guides, found


def name_of(file: str) -> str:
    """The name of the guide that a file (`runbooks/outage.es.md`) holds, whatever is in it."""
    return file.rpartition("/")[2].removesuffix(".md").partition(".")[0]


def _guide(file: str, name: str, suffix: str, text: str) -> tuple[Runbook | None, list[Problem]]:
    if len(text) > SIZE_MAX:
        return None, [Problem(file, 0, 0, f"is longer than {SIZE_MAX // 1024} KiB")]
    lines = text.splitlines()
    end = _end_of_front(lines)
    if end is None:
        says = f"the front matter that begins here is not closed by a line {_FENCE}"
        return None, [Problem(file, 1, 1, says)]
    front, wrong = _front(file, lines[:end])
    wrong += [
        Problem(file, number, 1, "this line looks like a mark of maild's in mails to agents")
        for number, line in enumerate(lines, 1)
        if looks_like_a_mark(line)
    ]
    title, body = _titled(lines[end + 1 :] if end else lines, name)
    if not body.strip():
        wrong.append(Problem(file, 0, 0, "the runbook is empty"))
    if wrong:
        return None, wrong
    language = front.language or suffix
    return (
        Runbook(
            name, title, body, front.owner or "", front.status or "", front.reviewed_by or "", front.reviewed_on, language
        ),
        [],
    )  # fmt: skip


def _end_of_front(lines: list[str]) -> int | None:
    """The number of the line that closes the front matter, 0 when there is none. None: it is not closed."""
    if not lines or lines[0].rstrip() != _FENCE:
        return 0
    return next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)


def _front(file: str, lines: list[str]) -> tuple[FrontMatter, list[Problem]]:
    source = yaml_source.read([(file, "\n".join(lines))], file, {})
    if source.problems:
        return FrontMatter(), source.problems
    try:
        return FrontMatter.model_validate(source.value), []
    except ValidationError as error:
        return FrontMatter(), problems(error, FrontMatter, source.places)


def _titled(lines: list[str], name: str) -> tuple[str, str]:
    """The first heading as title, the name when there is none, and the text without it."""
    for at, line in enumerate(lines):
        if heading := _HEADING.fullmatch(line):
            return heading[1] or name, "\n".join((*lines[:at], *lines[at + 1 :])).strip("\n")
    return name, "\n".join(lines).strip("\n")


def doubts(
    files: Mapping[str, str],
    guides: Mapping[str, Runbook],
    shipped: Iterable[str],
    today: date,
    review_after: timedelta,
) -> Iterator[str]:
    """A sentence for each of the desk's own guides that lacks who answers for it or was not reviewed for too long. `shipped`: texts that
    come with maild; those are kept current by its versions."""
    ours = frozenset(shipped)
    for file, text in files.items():
        guide = guides.get(file.rpartition("/")[2].removesuffix(".md"))
        if guide is None or text in ours:
            continue
        lacking = [name for name in _NEEDED if not getattr(guide, name)]
        if lacking:
            yield f"{file}: lacks {', '.join(lacking)} between {_FENCE} lines at its top"
        elif guide.reviewed_on is not None and guide.reviewed_on + review_after < today:
            yield (
                f"{file}: was last reviewed on {guide.reviewed_on}, more than {review_after.days} days ago (desk.review_after)"
            )
