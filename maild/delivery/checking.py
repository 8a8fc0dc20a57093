"""What is wrong with an admin's templates, before a mail needs them: names, syntax, variables, and a try with samples."""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Final

from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes

from maild.delivery.notice import Notice
from maild.delivery.samples import INSIDE, samples
from maild.delivery.sandbox import LAST_LANGUAGE, Environment
from maild.delivery.values import values
from maild.delivery.variables import VARIABLES
from maild.errors import Problem

_FOLDERS: Final = ("mail", "portal", "runbooks")
_KINDS: Final = (".txt", ".html", ".subject")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_DICT_METHODS: Final = frozenset(dir(dict))
Place = tuple[str, int, int]


def check(
    environment: Environment, shipped: Mapping[str, str], own: Mapping[str, str], folder: str
) -> list[Problem]:
    """The problems of `own` laid over `shipped`, and of shipped ones that an own layout or word breaks; sorted."""
    if not own:
        return []
    sources = {path: text for path, text in {**shipped, **own}.items() if path.startswith("mail/")}
    sources = {**shipped, **own}
    found = {Problem(path, 0, 0, says) for path in own for says in _name_problems(path, shipped, sources)}
    mails = {path for path in own if path.startswith("mail/")}
    problems = {path: list(_source_problems(environment, path, own[path])) for path in sorted(mails)}
    broken = {path for path, some in problems.items() if some}
    found |= {problem for some in problems.values() for problem in some}
    for path in sorted(_touched(sources, mails) - broken):
        found |= set(_trial_problems(environment, path, broken))
    return sorted(Problem(f"{folder}/{one.file}", one.line, one.column, one.message) for one in found)


def _touched(sources: Mapping[str, str], own: set[str]) -> set[str]:
    """The mails (not pieces of mails) that an admin's files change: themselves, or through a piece that they use."""
    pieces = {path.rpartition("/")[0] for path in own if _is_piece(path)}
    mails = {path for path in sources if path.startswith("mail/") and not _is_piece(path)}
    everywhere = (
        "mail" in pieces or f"mail/{LAST_LANGUAGE}" in pieces
    )  # the English words stand in for missing ones
    return {path for path in mails if everywhere or path in own or path.rpartition("/")[0] in pieces}


def _is_piece(path: str) -> bool:
    return path.count("/") < 2 or path.rpartition("/")[2].startswith(("_", "words."))


def place(error: BaseException, path: str) -> Place:
    """File, line and column of a template's error: the innermost template it went through, else `path` without a line."""
    if isinstance(error, TemplateSyntaxError):
        return error.filename or error.name or path, error.lineno, 1
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith("mail/")
    ]
    return (frames[-1].filename, frames[-1].lineno or 0, 1) if frames else (path, 0, 0)


def _name_problems(path: str, shipped: Mapping[str, str], sources: Mapping[str, str]) -> Iterator[str]:
    parts = path.split("/")
    if parts[0] not in _FOLDERS and len(parts) > 1:
        if near := _nearest(parts[0], _FOLDERS):
            yield f"nothing is read from {parts[0]}/, did you mean {near}/?"
        return
    if parts[0] != "mail":
        return
    stem, dot, ending = parts[-1].rpartition(".")
    if len(parts) > 3 or dot + ending not in _KINDS:
        yield "nothing reads this file: templates are mail/LANGUAGE/NAME.txt, NAME.html and NAME.subject"
        return
    known = {name.split("/")[-1].rpartition(".")[0] for name in shipped if name.count("/") == len(parts) - 1}
    if stem not in known and (near := _nearest(stem, sorted(known), 0.75)):
        yield f"no mail is called {stem}, did you mean {near}?"
    elif len(parts) == 3:
        if not _LANGUAGE.fullmatch(parts[1]):
            yield f"{parts[1]!r} is no language: a folder is named like en or pt-BR"
        elif f"mail/{parts[1]}/{stem}.txt" not in sources:
            yield f"it is never used: there is no {stem}.txt beside it"


def _nearest(word: str, known: tuple[str, ...] | list[str], cutoff: float = 0.6) -> str | None:
    near = difflib.get_close_matches(word, known, 1, cutoff)
    return near[0] if near else None


def _source_problems(environment: Environment, path: str, source: str) -> Iterator[Problem]:
    try:
        tree = environment.parse(source, path, path)
        # loading compiles, which finds the unknown filters and tests that parsing does not
        environment.get_template(path)
    except TemplateSyntaxError as error:
        yield Problem(path, error.lineno, 1, error.message or "this is no template")
        return
    except TemplateError as error:
        yield Problem(path, 0, 0, str(error))
        return
    if not _is_piece(path):
        outside = _name(path) not in INSIDE
        known = {name for name, variable in VARIABLES.items() if not (outside and variable.inside)}
    else:
        known = set(VARIABLES)
    yield from _unknown_names(tree, path, source, known)


def _unknown_names(tree: nodes.Template, path: str, source: str, known: set[str]) -> Iterator[Problem]:
    """Variables no template is given, and parts that the variables do not have."""
    lines = source.split("\n")
    undeclared = meta.find_undeclared_variables(tree)
    top = sorted({name.split(".")[0].removesuffix("[]") for name in known})
    for node in tree.find_all(nodes.Name):
        if node.name in undeclared and node.name not in top:
            yield _unknown(path, lines, node.lineno, node.name, top)
    loops = _loops(tree)
    whole = {name.rsplit(".", depth)[0] for name in known for depth in range(name.count(".") + 1)}
    whole |= {name.removesuffix("[]") for name in whole}
    for attribute in tree.find_all(nodes.Getattr):
        spelled = _spelled(attribute, loops)
        owner, _, part = spelled.rpartition(".")
        if owner in whole and owner not in known and spelled not in whole and part not in _DICT_METHODS:
            parts = sorted(
                {name[len(owner) + 1 :].split(".")[0] for name in whole if name.startswith(f"{owner}.")}
            )
            if owner == "w" or not parts:
                continue
            if spelled in VARIABLES:
                says = f"{spelled} is only for mails to agents"
                yield Problem(path, node.lineno, _column(lines, node.lineno, part), says)
            else:
                yield _unknown(
                    path, lines, node.lineno, part, [name.removesuffix("[]") for name in parts], f"{owner}."
                )


def _unknown(path: str, lines: list[str], line: int, name: str, known: list[str], owner: str = "") -> Problem:
    near = _nearest(name, known)
    hint = f", did you mean {owner}{near}?" if near else ""
    return Problem(path, line, _column(lines, line, name), f"there is no variable {owner}{name}{hint}")


def _column(lines: list[str], line: int, name: str) -> int:
    found = re.search(rf"\b{re.escape(name)}\b", lines[line - 1]) if 0 < line <= len(lines) else None
    return found.start() + 1 if found else 1


def _loops(tree: nodes.Template) -> dict[str, str]:
    """What `for` variables stand for: `row` in `for row in history` is `history[]`."""
    loops: dict[str, str] = {}
    for node in tree.find_all(nodes.For):
        if isinstance(node.target, nodes.Name):
            spelled = _spelled(node.iter, loops)
            loops[node.target.name] = f"{spelled}[]" if spelled else ""
    return loops


def _spelled(node: nodes.Node, loops: Mapping[str, str]) -> str:
    """`ticket.due.update` of such an expression, "" for any other."""
    if isinstance(node, nodes.Name):
        return loops.get(node.name, node.name)
    if isinstance(node, nodes.Getattr):
        owner = _spelled(node.node, loops)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _trial_problems(environment: Environment, path: str, broken: set[str]) -> Iterator[Problem]:
    """Renders with every sample. The same failure is told once, and not if it is the known fault of another file."""
    language = path.split("/")[1]
    seen: set[tuple[Place, str]] = set()
    for notice in samples(_name(path)):
        try:
            subject = notice.ticket.subject if notice.ticket else ""
            told = values(notice, language, subject, environment.words(language))
            for _ in environment.get_template(path).generate(told):
                pass
        except Exception as error:  # noqa: BLE001 - what an admin wrote may fail in any way, and all is to be told
            key = (place(error, path), str(error))
            if key not in seen and key[0][0] not in broken:
                seen.add(key)
                yield Problem(*key[0], f"{error} ({_described(notice)})")


def _name(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _described(notice: Notice) -> str:
    return " ".join(
        (
            f"in a mail to the {notice.role}",
            "with a message" if notice.message else "without a message",
            "of a ticket" if notice.ticket else "without a ticket",
        )
    )
