"""YAML texts as plain values together with the place of every key and value, several files read as one document.

YAML 1.2 in the part that rule files need: no anchors and aliases (a small file could stand for a huge one), no tags, keys are
text or whole numbers, dates stay text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from maild.errors import Problem
from maild.reading import KeyPath, Place, Places

FILE_MAX = 256 * 1024
_DEPTH_MAX = 50
_KNOWN = "tag:yaml.org,2002:"
_TOO_DEEP = re.compile(r"(?:[\[{]\s*){50}")  # what the scanner takes quadratic time for
_NUMBER = re.compile(r"[+-]?\d{1,15}")
_EXPLAINED = (
    ("found character '\\t'", "a tab: indent with spaces"),
    (
        "mapping values are not allowed here",
        "a ':' too many, or the line before lacks one (text with ': ' stands in quotes)",
    ),
    ("found unexpected end of stream", "this quote is never closed"),
    ("but found another document", "a second '---': one file holds one document"),
    ("that cannot start any token", "text that begins with this character stands in quotes"),
    ("but found '<block mapping start>'", "this line is indented otherwise than those it belongs to"),
    ("but found '?'", "this line is indented otherwise than those it belongs to"),
    ("but found '<scalar>'", "text goes on behind a closed quote (inside '…' a quote is written twice)"),
    ("expected ',' or ']'", "a list that began before is not closed with ']'"),
    ("expected ',' or '}'", "a '{' that began before is not closed with '}'"),
    ("found undefined alias", "text that begins with * stands in quotes"),
    ("expected the node content", "something is missing before this: a value, or a closing bracket"),
    ("could not find expected ':'", "a key needs ':' behind it"),
)


class Source:
    """A document being put together. `value` is what has been read, `places` where, `problems` what is wrong."""

    def __init__(self, whole: str, merged_depth: Mapping[str, int]) -> None:
        """`whole` names the document in complaints about all of it. `merged_depth`: for the top-level keys that are
        mappings, how many levels of keys are put together from several files (lists are always joined)."""
        self.value: dict[str, Any] = {}
        self.places = Places(Place(whole))
        self.problems: list[Problem] = []
        self._depth = merged_depth

    def add(self, file: str, text: str) -> None:
        """Reads one file. Its mistakes are added to `problems`, the rest to `value`."""
        whole = Place(file)
        if len(text.encode("utf-8", "surrogatepass")) > FILE_MAX:
            self.problems.append(whole.problem(f"is larger than {FILE_MAX // 1024} KiB"))
            return
        if _TOO_DEEP.search(text):
            self.problems.append(whole.problem("is nested too deeply"))
            return
        try:
            reader = YAML(typ="rt", pure=True)
            reader.composer.warn_double_anchors = False  # anchors are refused below, not warned of
            node = reader.compose(text)
            if node is not None:
                self._top(file, node)
        except MarkedYAMLError as error:
            self.problems.append(_syntax_problem(file, error))
        except YAMLError as error:
            self.problems.append(_character_problem(file, text, error))
        except RecursionError:
            self.problems.append(whole.problem("is nested too deeply"))

    def _top(self, file: str, node: Node) -> None:
        if not isinstance(node, MappingNode):
            self._wrong(file, node, "a rule file holds keys, like `teams:`, not a list or a text alone")
            return
        here = Places(Place(file))
        value = self._plain(file, node, (), here)
        behind = {
            key: len(self.value.get(key) or ()) for key, part in value.items() if isinstance(part, list)
        }
        for key, part in value.items():
            if isinstance(part, list) and isinstance(self.value.get(key, []), list):
                self.value.setdefault(key, []).extend(part)
            elif part is not None:
                self._merge((key,), part, here, self.value, self._depth.get(key, 0))
        for mine, theirs in ((self.places.keys, here.keys), (self.places.values, here.values)):
            for path, place in theirs.items():
                if not path:
                    continue
                if len(path) > 1 and path[0] in behind and isinstance(path[1], int):
                    path = (path[0], path[1] + behind[path[0]], *path[2:])
                mine.setdefault(path, place)

    def _merge(self, path: KeyPath, value: Any, here: Places, into: dict[Any, Any], depth: int) -> None:
        key = path[-1]
        if key not in into:
            into[key] = value
        elif depth and isinstance(value, dict) and isinstance(into[key], dict):
            for inner, part in value.items():
                self._merge((*path, inner), part, here, into[key], depth - 1)
        elif isinstance(value, dict) != isinstance(into[key], dict) and value is not None:
            needed = "must hold keys and values" if isinstance(into[key], dict) else "must not hold keys"
            self.problems.append(here.value(path).problem(f"{key}: {needed}, as at {self.places.key(path)}"))
        elif value is not None:
            self._twice(here.key(path), str(key), self.places.key(path))

    def _plain(self, file: str, node: Node, path: KeyPath, here: Places) -> Any:
        """The node as dict, list, str, int, float, bool or None; its places go into `here`."""
        here.values[path] = _place(file, node)
        if node.anchor is not None:
            self._wrong(
                file,
                node,
                f"anchors and aliases (&{node.anchor}, *{node.anchor}) are not allowed: write it out",
            )
        elif not str(node.tag).startswith(_KNOWN):
            self._wrong(
                file, node, f"tags ({node.tag}) are not allowed; text that begins with ! stands in quotes"
            )
        elif len(path) > _DEPTH_MAX:
            self._wrong(file, node, "is nested too deeply")
        elif isinstance(node, SequenceNode):
            return [self._plain(file, item, (*path, at), here) for at, item in enumerate(node.value)]
        elif isinstance(node, MappingNode):
            return self._mapping(file, node, path, here)
        elif isinstance(node, ScalarNode):
            return _scalar(node)
        return None

    def _mapping(self, file: str, node: MappingNode, path: KeyPath, here: Places) -> dict[str | int, Any]:
        found: dict[str | int, Any] = {}
        for key_node, value_node in node.value:
            key = _scalar(key_node) if isinstance(key_node, ScalarNode) else None
            if isinstance(key, bool) or not isinstance(key, str | int):
                self._wrong(file, key_node, "a key must be text: put it in quotes")
                continue
            inner = (*path, key)
            if key in found:
                self._twice(_place(file, key_node), str(key), here.keys[inner])
                continue
            here.keys[inner] = _place(file, key_node)
            found[key] = self._plain(file, value_node, inner, here)
        return found

    def _twice(self, place: Place, key: str, before: Place) -> None:
        self.problems.append(place.problem(f"'{key}' stands twice; before: {before}"))

    def _wrong(self, file: str, node: Node, message: str) -> None:
        self.problems.append(_place(file, node).problem(message))


def read(files: Sequence[tuple[str, str]], whole: str, merged_depth: Mapping[str, int]) -> Source:
    """The files (name, text), in this order, as one document."""
    source = Source(whole, merged_depth)
    for file, text in files:
        source.add(file, text)
    return source


def _place(file: str, node: Node) -> Place:
    return Place(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _scalar(node: ScalarNode) -> str | int | float | bool | None:
    kind, text = str(node.tag).removeprefix(_KNOWN), str(node.value)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int" and _NUMBER.fullmatch(text):
        return int(text)
    if kind == "float":
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _syntax_problem(file: str, error: MarkedYAMLError) -> Problem:
    """ruamel's complaint at its place, in the words of somebody who writes rules."""
    what = ", ".join(part for part in (error.context, error.problem) if part)
    unclosed = error.problem == "found unexpected end of stream"
    mark = error.context_mark if unclosed and error.context_mark else error.problem_mark
    explained = next((text for sign, text in _EXPLAINED if sign in what), what)
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    return place.problem(explained)


def _character_problem(file: str, text: str, error: YAMLError) -> Problem:
    position = getattr(error, "position", None)
    before = text[:position] if isinstance(position, int) else ""
    line = before.count("\n") + 1
    return Problem(
        file,
        line,
        len(before) - before.rfind("\n"),
        "a control character that does not belong in a text file",
    )
