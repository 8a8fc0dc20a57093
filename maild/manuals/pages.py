"""The manual pages, made from what they describe: the commands, the settings, and the documents of rules and templates.

roff(7) in UTF-8, as man(1) shows it. Nothing in them is written twice: a command, an option or a setting that is added is in its page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from maild import __version__, config
from maild.errors import EXIT_CONFIG, EXIT_DATA, EXIT_FAULT, EXIT_LATER, EXIT_UNREACHABLE, EXIT_USAGE
from maild.manuals import roff
from maild.reading import Shape
from maild.settings import Settings
from maild.shipped import data_dir

_EXITS: Final = {
    0: "Done.",
    EXIT_FAULT: "A fault of maild, or it runs already.",
    EXIT_USAGE: "Wrong usage.",
    EXIT_DATA: "What was given cannot be used.",
    EXIT_UNREACHABLE: "A service that it needs cannot be reached.",
    EXIT_LATER: "Not now: a mail server keeps the mail and tries again.",
    EXIT_CONFIG: "The configuration, the rules or the templates are wrong; systemd does not start it again.",
}
_SIGNALS: Final = {
    "SIGHUP": "Read rules, templates and certificates anew: all of it, or nothing and those in force stay.",
    "SIGTERM, SIGINT": "Take no new mail, finish what is in work, and end.",
}
_ENVIRONMENT: Final = {
    "MAILD_CONFIG": "The configuration, where no --config is given.",
    "CREDENTIALS_DIRECTORY": "Where systemd puts the secrets that LoadCredential= names.",
    "NOTIFY_SOCKET, WATCHDOG_USEC": "systemd is told when maild is ready, reloads and ends, and that each of its loops gets on.",
    "LISTEN_FDS, LISTEN_FDNAMES": "Sockets that systemd passes: each is served by the [[listen]] of its address, or of systemd:NAME.",
    "JOURNAL_STREAM": "The log goes to the journal: times are left to that, and each line has its priority.",
}
_FILES: Final = {
    "/etc/maild/maild.toml": "The configuration, where neither --config nor MAILD_CONFIG names one and none is in the current folder: maild.toml(5).",
    "/etc/maild/rules/*.yaml": "Who works here, what is promised and what is done by rule: maild-rules(5).",
    "/etc/maild/templates/": "The words of mails, where they are not those that are built in: maild-templates(5).",
    "/var/lib/maild/": "Everything that is kept: the database, mails and attachments.",
    "/run/maild/lmtp": "Where the mail server hands mail over.",
}


def maild_8(cli: click.Group) -> list[str]:
    """The command, from the commands and options that there are."""
    about = "email-first helpdesk: customers write mail, agents answer from their mail client"
    lines = roff.title("maild", 8, __version__, about)
    lines += [roff.heading("Synopsis"), rf"{roff.bold('maild')} [{roff.bold('--config')} {roff.italic('FILE')}] {roff.italic('COMMAND')} [{roff.italic('ARGUMENT')}]\&..."]  # fmt: skip
    lines += [roff.heading("Description"), *_help(cli), roff.heading("Options"), *_options(cli, "maild")]
    lines.append(roff.heading("Commands"))
    for path, command in _commands(cli, "maild"):
        lines += [roff.heading(path.removeprefix("maild "), 2), *_usage(command, path), *_help(command)]
        lines += _options(command, path)
    tables: Mapping[str, Mapping[Any, str]] = {
        "Exit status": _EXITS, "Signals": _SIGNALS, "Environment": _ENVIRONMENT, "Files": _FILES,
    }  # fmt: skip
    for name, table in tables.items():
        lines.append(roff.heading(name))
        for label, means in table.items():
            lines += roff.term(roff.bold(str(label)), roff.text(means))
    return [*lines, *_see_also("maild.toml(5)", "maild-rules(5)", "maild-templates(5)", "systemctl(1)")]


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")


def _usage(command: click.Command, path: str) -> list[str]:
    pieces = command.collect_usage_pieces(click.Context(command, info_name=path))
    return [".PP", " ".join([roff.bold(path), *map(roff.italic, pieces)])]


def _help(command: click.Command) -> list[str]:
    lines: list[str] = []
    for paragraph in (command.help or "").strip().split("\n\n"):
        rows = paragraph.strip("\n").split("\n")
        if rows[0].strip() == "\b":
            lines += roff.example(rows[1:])
        else:
            lines += [".PP", *(roff.text(row.strip()) for row in rows)]
    return lines


def _options(command: click.Command, path: str) -> list[str]:
    lines: list[str] = []
    context = click.Context(command, info_name=path)
    for option in command.get_params(context):
        record = option.get_help_record(context)
        if record is not None:
            lines += roff.term(roff.bold(record[0]), roff.text(record[1]) or r"\&")
    return lines


def maild_toml_5(_: click.Group) -> list[str]:
    """The sysadmin's file, from its settings."""
    lines = roff.title(
        "maild.toml",
        5,
        __version__,
        "the configuration of maild: sockets, storage, how mail comes and leaves",
    )
    lines += [roff.heading("Description"), ".PP"]
    lines += [
        roff.text("A TOML file. Relative paths are relative to it. An unknown key is a mistake that names the nearest known one;"),
        roff.text("maild check shows every mistake as FILE:LINE:COLUMN. Secrets are never values: they stand in files of their own,"),
        roff.text("or are credentials of systemd (LoadCredential=). maild init writes a file with every setting and its sentence."),
    ]  # fmt: skip
    lines.append(roff.heading("Settings"))
    tables: list[tuple[str, str, type[Shape]]] = []
    for name, info in Settings.model_fields.items():
        found = _table_of(name, info)
        if found is None:
            lines += _setting(name, info)
        else:
            tables.append(found)
    while tables:
        header, sentence, shape = tables.pop(0)
        lines += [roff.heading(header), ".PP", roff.text(sentence)]
        inner = []
        for name, info in shape.model_fields.items():
            found = _table_of(f"{header.strip('[]')}.{name}", info)
            if found is None:
                lines += _setting(info.alias or name, info)
            else:
                inner.append(found)
        tables[:0] = inner
    return [*lines, *_see_also("maild(8)", "maild-rules(5)", "maild-templates(5)", "systemd.exec(5)")]


def _table_of(name: str, info: FieldInfo) -> tuple[str, str, type[Shape]] | None:
    """The table that a key stands for: its header, what it is about, what it holds."""
    shape = next((part for part in _parts(info.annotation) if isinstance(part, type) and issubclass(part, Shape)), None)  # fmt: skip
    if shape is None:
        return None
    several = get_origin(info.annotation) in (tuple, list)
    return f"[[{name}]]" if several else f"[{name}]", info.description or "", shape


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    if get_origin(annotation) is not Literal:
        for inner in get_args(annotation):
            yield from _parts(inner)


def _setting(name: str, info: FieldInfo) -> list[str]:
    lines = [roff.text(info.description or "")]
    words = [str(word) for part in _parts(info.annotation) if get_origin(part) is Literal for word in get_args(part)]  # fmt: skip
    if words:
        lines.append(f"One of {', '.join(map(roff.bold, words))}.")
    if info.is_required():
        lines.append("It must be there.")
    elif info.default not in (None, [], ()):
        lines.append(f"Default: {roff.bold(config.as_toml(info.default))}.")
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    example = extra.get("example")
    if example not in (None, [], ()) and example != info.default:
        lines.append(f"Example: {roff.bold(config.as_toml(example))}.")
    return roff.term(roff.bold(name), *lines)


def maild_rules_5(_: click.Group) -> list[str]:
    """The admin's files, from the document that stands beside them."""
    return _document(
        "maild-rules", "rules", "the rule files of maild: people, promises, what is done by rule"
    )


def maild_templates_5(_: click.Group) -> list[str]:
    """The words of mails, from the document that stands beside them."""
    return _document("maild-templates", "templates", "the templates of maild: the words of every mail")


def _document(name: str, folder: str, about: str) -> list[str]:
    source = (data_dir(folder) / "README.md").read_text("utf-8")
    lines = [*roff.title(name, 5, __version__, about), *roff.from_markdown(source)]
    others = ["maild(8)", "maild.toml(5)", "maild-rules(5)", "maild-templates(5)"]
    return [*lines, *_see_also(*(page for page in others if not page.startswith(f"{name}(")))]


def _see_also(*pages: str) -> list[str]:
    shown = [f"{roff.bold(page[:-3])}{page[-3:]}" for page in pages]
    return [roff.heading("See also"), ", ".join(shown)]


PAGES: Final[Mapping[str, Callable[[click.Group], list[str]]]] = MappingProxyType(
    {
        "maild.8": maild_8,
        "maild.toml.5": maild_toml_5,
        "maild-rules.5": maild_rules_5,
        "maild-templates.5": maild_templates_5,
    }
)


def page(name: str, cli: click.Group) -> str:
    """-> the whole page of this name (a key of PAGES), `cli` being the group of all commands."""
    lines = PAGES[name](cli)
    # A heading begins a paragraph by itself.
    kept = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if line != ".PP" or before[:3] not in (".SH", ".SS")
    ]
    return "\n".join(kept) + "\n"
