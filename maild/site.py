"""The site: the desk's folder of files as one value, read whole and refused whole with every mistake in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from maild import config
from maild.delivery.render import Templates
from maild.desk import rulefiles
from maild.desk.facts import Trust
from maild.desk.rulebook import Identity, Limits, Rulebook
from maild.errors import ConfigError, Problem
from maild.settings import Settings

_UNNAMED = Identity("", "", "")
"""Stands for the desk while its rules are checked although maild.toml is wrong."""


@dataclass(frozen=True, slots=True)
class Site:
    """All files of a desk. `warnings`: sentences about what is right but without effect, or hardly meant."""

    settings: Settings
    rulebook: Rulebook
    templates: Templates
    trust: Trust
    warnings: tuple[str, ...]


def load(path: Path, now: datetime) -> Site:
    """Reads maild.toml at `path`, the rules and the templates that it names. `now` tells for which years holidays count.

    Raises ConfigError with the problems of all of them.
    """
    checked = config.check(path)
    settings = checked.settings
    problems = list(checked.problems)
    sources = _rule_files(checked.rules, path, problems)
    loaded = rulefiles.load(
        sources,
        identity(settings) if settings else _UNNAMED,
        limits(settings) if settings else Limits(),
        now.date(),
        _shown(checked.rules, path),
    )
    problems += loaded.problems if sources else []
    shipped = _template_files(data_dir("templates"), path, problems)
    templates = Templates(shipped, _template_files(checked.templates, path, problems))
    problems += templates.problems(_shown(checked.templates, path))
    if problems or settings is None or loaded.rulebook is None:
        raise ConfigError(problems)
    warnings = (*checked.warnings, *loaded.warnings, *_misnamed(checked.rules, path))
    return Site(settings, loaded.rulebook, templates, trust(settings, loaded.rulebook), warnings)


def identity(settings: Settings) -> Identity:
    """Who the desk is, for the rulebook."""
    desk = settings.desk
    return Identity(
        name=desk.name,
        address=desk.address,
        tag=desk.tag,
        aliases=tuple(alias for alias in desk.aliases if alias != desk.address),
        language=desk.language,
        timezone=desk.timezone,
        reply_address=desk.reply_address,
        delimiter=desk.delimiter,
        lists=desk.lists,
        forms=desk.forms,
        message_id_domain=desk.address.rpartition("@")[2],
    )


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
        reopen=bounds.reopen,
    )


def trust(settings: Settings, rulebook: Rulebook) -> Trust:
    """Whose words about a mail are believed, for `message.parse`. Mailing lists come from maild.toml and the rules."""
    spam = (header.partition(":") for header in settings.trust.spam)
    return Trust(
        authserv_ids=tuple(host.lower() for host in settings.trust.authserv_ids),
        spam=tuple((name.lower(), value.strip().lower()) for name, _, value in spam),
        lists=rulebook.identity.lists,
    )


def data_dir(name: str) -> Path:
    """The folder `rules` or `templates` that maild brings: inside an installed package, beside it in a checkout."""
    packaged = Path(str(files("maild"))) / "_data" / name
    return packaged if packaged.is_dir() else Path(__file__).resolve().parent.parent / name


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
