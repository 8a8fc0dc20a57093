"""The site: the desk's folder of files as one value, read whole and refused whole with every mistake in it."""

from __future__ import annotations

import copyreg
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from maild import config
from maild.delivery import inquiries
from maild.delivery.render import Templates
from maild.desk import macrofiles, rulefiles, runbookfiles
from maild.desk.facts import Trust
from maild.desk.rulebook import Identity, Limits, Rulebook, Runbook
from maild.desk.week import FILES
from maild.errors import ConfigError, Problem
from maild.identity import identity
from maild.settings import Settings
from maild.shipped import data_dir

_MACROS = "macros/"
_RUNBOOKS = "runbooks/"
_UNNAMED = Identity("", "", "")
"""Stands for the desk while its rules are checked although maild.toml is wrong."""


def _as_dict(proxy: MappingProxyType[Any, Any]) -> tuple[Any, ...]:
    return MappingProxyType, (dict(proxy),)


copyreg.pickle(MappingProxyType, _as_dict)  # a site is handed to other processes whole, as it was read


@dataclass(frozen=True, slots=True)
class Site:
    """All files of a desk. `warnings`: sentences about what is right but without effect, or hardly meant.

    Pickles, so that all processes of a node have the same one.
    """

    settings: Settings
    rulebook: Rulebook
    templates: Templates
    trust: Trust
    warnings: tuple[str, ...]


def load(path: Path, now: datetime, rules: Path | None = None) -> Site:
    """Reads maild.toml at `path`, the rules (or those in another folder) and the templates that it names. `now` tells for which
    years holidays count.

    Raises ConfigError with the problems of all of them.
    """
    checked = config.check(path)
    settings = checked.settings
    folder = rules or checked.rules
    problems = list(checked.problems)
    sources = _rule_files(folder, path, problems)
    shipped = _template_files(data_dir("templates"), path, problems)
    own = _template_files(checked.templates, path, problems)
    templates = Templates(_mails(shipped), _mails(own))
    runbooks = _runbooks(shipped, path, problems)
    loaded = rulefiles.load(
        sources,
        identity(settings) if settings else _UNNAMED,
        limits(settings) if settings else Limits(),
        now.date(),
        _shown(folder, path),
        templates=templates.names,
        runbooks=runbooks.names,
        webhooks=settings.webhooks.can_sign if settings else True,
        calendars=_calendar_files(folder, path, problems),
    )
    problems += loaded.problems if sources else []
    rulebook = loaded.rulebook
    if rulebook is not None:
        texts = _macros(shipped, own, checked.templates, path, problems)
        macros, wrong = macrofiles.read(texts, rulebook)
        problems += wrong
        rulebook = replace(rulebook, macros=macros, runbooks=runbooks.guides)
    problems += templates.problems(_shown(checked.templates, path))
    if problems or settings is None or rulebook is None:
        raise ConfigError(problems)
    doubts = runbookfiles.doubts(
        runbooks.own, runbooks.guides, runbooks.shipped, now.date(), rulebook.review_after
    )
    unasked = inquiries.unasked(templates.own, rulebook)
    warnings = (*checked.warnings, *loaded.warnings, *unasked, *_misnamed(folder, path), *doubts)
    return Site(settings, rulebook, templates, trust(settings, rulebook), warnings)


def limits(settings: Settings) -> Limits:
    """The bounds on what the desk does by itself, for the rulebook; those of connections stay with `settings.limits`."""
    bounds = settings.limits
    return Limits(
        automatic_per_address_per_hour=bounds.automatic_per_address_per_hour,
        automatic_per_ticket_per_day=bounds.automatic_per_ticket_per_day,
        automatic_per_domain_per_hour=bounds.automatic_per_domain_per_hour,
        automatic_per_hour=bounds.automatic_per_hour,
        notifications_per_agent_per_hour=bounds.notifications_per_agent_per_hour,
        acknowledge_within=bounds.acknowledge_within,
        notify_size=bounds.notify_size,
        participants=bounds.participants,
        references=bounds.references,
    )


def trust(settings: Settings, rulebook: Rulebook) -> Trust:
    """Whose words about a mail are believed, for `message.parse`. Mailing lists come from maild.toml and the rules."""
    spam = (header.partition(":") for header in settings.trust.spam)
    return Trust(
        authserv_ids=tuple(host.lower() for host in settings.trust.authserv_ids),
        spam=tuple((name.lower(), value.strip().lower()) for name, _, value in spam),
        lists=rulebook.identity.lists,
    )


def _rule_files(folder: Path, path: Path, problems: list[Problem]) -> list[tuple[str, str]]:
    """(shown name, text) of the folder's *.yaml in name order. What cannot be read is added to `problems`."""
    if not folder.is_dir():
        problems.append(
            Problem(_shown(folder, path), 0, 0, "there is no such folder; `maild init` writes one")
        )
        return []
    found = [file for file in sorted(folder.glob("*.yaml")) if not file.name.startswith(".")]
    if not found:
        problems.append(Problem(_shown(folder, path), 0, 0, "holds no *.yaml file; `maild init` writes some"))
    texts = ((_shown(file, path), _text(file, path, problems)) for file in found)
    return [(name, text) for name, text in texts if text is not None]


def _calendar_files(folder: Path, path: Path, problems: list[Problem]) -> dict[str, str]:
    """The texts of the iCalendar files in the folder by their path below it."""
    found = {}
    for file in sorted(folder.rglob(f"*{FILES}")) if folder.is_dir() else ():
        text = _text(file, path, problems) if file.is_file() else None
        if text is not None:
            found[file.relative_to(folder).as_posix()] = text
    return found


def _misnamed(folder: Path, path: Path) -> Iterator[str]:
    for file in sorted(folder.glob("*.yml")):
        yield f"{_shown(file, path)}: is not read: rule files end in .yaml"


def _template_files(folder: Path, path: Path, problems: list[Problem]) -> dict[str, str]:
    """The texts in the folder by their path below it, without hidden files and editors' copies."""
    found = {}
    for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if file.is_file() and not file.name.startswith(".") and not file.name.endswith("~"):
            text = _text(file, path, problems)
            if text is not None:
                found[file.relative_to(folder).as_posix()] = text
    return found


def _mails(files: Mapping[str, str]) -> dict[str, str]:
    """The templates' folder without the macros in it."""
    return {name: text for name, text in files.items() if not name.startswith(_MACROS)}


def _macros(
    shipped: Mapping[str, str], own: Mapping[str, str], templates: Path, path: Path, problems: list[Problem]
) -> dict[str, str]:
    """The texts of the macros by shown name: `macros/` beside maild.toml and in the templates' folder; the shipped ones where a desk
    has none of its own."""
    beside = path.absolute().parent / "macros"
    apart = _template_files(beside, path, problems)
    found = {_shown(beside / name, path): text for name, text in apart.items() if _is_macro(_MACROS + name)}
    found |= {_shown(templates / name, path): text for name, text in own.items() if _is_macro(name)}
    return found or {name: text for name, text in shipped.items() if _is_macro(name)}


class _Runbooks(NamedTuple):
    """Guides by the names of their files; the desk's `own` texts by shown name, and the texts of the `shipped` ones. `names`: those that
    rules may use, of a guide with a mistake too."""

    guides: dict[str, Runbook]
    own: dict[str, str]
    shipped: tuple[str, ...]
    names: tuple[str, ...]


def _runbooks(shipped: Mapping[str, str], path: Path, problems: list[Problem]) -> _Runbooks:
    """The guides in `runbooks/` beside maild.toml, and the shipped ones of which the desk has none of that name in any language."""
    beside = path.absolute().parent / "runbooks"
    apart = _template_files(beside, path, problems)
    own = {_shown(beside / name, path): text for name, text in apart.items() if _is_runbook(name)}
    brought = {
        name: text for name, text in shipped.items() if name.startswith(_RUNBOOKS) and _is_runbook(name)
    }
    guides, wrong = runbookfiles.read(own)
    problems += wrong
    names = {runbookfiles.name_of(file).lower(): runbookfiles.name_of(file) for file in own}
    for key, guide in runbookfiles.read(brought)[0].items():
        if guide.name.lower() not in names:
            guides[key] = guide
    every = dict.fromkeys((*names.values(), *(guide.name for guide in guides.values())))
    return _Runbooks(guides, own, tuple(brought.values()), tuple(every))


def _is_runbook(name: str) -> bool:
    return name.endswith(".md") and not name.endswith("README.md")


def _is_macro(name: str) -> bool:
    return name.startswith(_MACROS) and name.endswith(".md") and not name.endswith("README.md")


def _text(file: Path, path: Path, problems: list[Problem]) -> str | None:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problems.append(Problem(_shown(file, path), 0, 0, f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problems.append(Problem(_shown(file, path), line, 1, "this line is not UTF-8 text"))
    return None


def _shown(file: Path, path: Path) -> str:
    """A file's name as somebody would write it who wrote the configuration's as `path`."""
    folder = path.absolute().parent
    return str(path.parent / file.relative_to(folder)) if file.is_relative_to(folder) else str(file)
