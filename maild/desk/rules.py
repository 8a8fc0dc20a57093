"""Rules, compiled once when the files are loaded: conditions to check, actions to take, and which rules a mail can concern at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from maild.desk import rule_texts
from maild.desk.conditions import COMPARISONS, Found, Hours, Is, Lasting, Nested, Node, Number
from maild.desk.folding import fold
from maild.desk.rule_texts import Kind, Matcher, glob, pattern_of
from maild.reading import duration

WAYS: Final = ("round-robin", "least-busy", "oncall")
"""How an action may ask for an agent without naming one."""
OCCASIONS: Final = ("ticket", "reply", "change", "time")
_TEXTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"text": ("subject", "body"), "attachment": ("attachment", "attachment type")}
)
_SEARCHED: Final = frozenset(("from", "from_domain", "to", "subject", "body", "text", "header", "attachment"))
_NUMBERS: Final = frozenset(("priority", "level", "impact", "urgency"))
_ANY_FILE: Final = {True: True, "yes": True, "any": True, False: False, "no": False, None: False}


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What admins may write instead of what tickets hold: agents' names (lower case) for addresses, names of impacts, urgencies and
    priorities for their numbers, by the key of rules; what a field keeps of what is said (ValueError: it cannot be said of it)."""

    agents: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    fields: Mapping[str, Callable[[str], str]] = field(default_factory=dict)

    def plain(self, key: str, value: object) -> object:
        """The value as tickets hold it."""
        if isinstance(value, str) and key in ("assignee", "watch"):
            return self.agents.get(value.lower(), value)
        if isinstance(value, str) and key in self.numbers:
            return self.numbers[key].get(value, value)
        if value is not None and key in self.fields:
            try:
                return self.fields[key](str(value))
            except ValueError:
                return value  # a /pattern/, or a part of a text
        return value


@dataclass(frozen=True, slots=True)
class Rule:
    """`actions`: each action word with its values in order. `place`: FILE:LINE:COLUMN of the rule."""

    name: str
    on: tuple[str, ...]
    when: Nested
    actions: Mapping[str, tuple[object, ...]]
    stop: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules in the order of the files. Immutable; `EMPTY` has none.

    `always` and `by_atom` hold, for each occasion, the numbers of the rules that may fire whatever a mail says, and those that
    need one of these atoms to be found. `ways`: the ways (`WAYS`) in which they look for an agent.
    """

    every: tuple[Rule, ...]
    matcher: Matcher
    always: Mapping[str, tuple[int, ...]]
    by_atom: Mapping[str, Mapping[int, tuple[int, ...]]]
    ways: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.every)

    def on(self, occasion: str) -> list[int]:
        """The numbers of the rules for this occasion, in order."""
        return [number for number, rule in enumerate(self.every) if occasion in rule.on]

    def any_on(self, occasion: str) -> bool:
        """Whether there is any rule for this occasion."""
        return bool(self.always.get(occasion) or self.by_atom.get(occasion))

    def possible(self, occasion: str, hits: frozenset[int]) -> list[int]:
        """The numbers of those that these atoms leave possible, in order."""
        found = set(self.always.get(occasion, ()))
        by_atom = self.by_atom.get(occasion, {})
        for atom in hits:
            found.update(by_atom.get(atom, ()))
        return sorted(found)

    @property
    def waits(self) -> tuple[timedelta, ...]:
        """The spans that rules on time wait for (`idle`, `age`), shortest first: when it is worth looking at a ticket again."""
        spans: set[timedelta] = set()
        for rule in self.every:
            if "time" in rule.on:
                spans |= _spans(rule.when)
        return tuple(sorted(spans))

    @property
    def restless(self) -> bool:
        """Whether a rule on time may begin to hold with no span being over: it asks for working hours, or for no time at all."""
        timed = [rule for rule in self.every if "time" in rule.on]
        return any(not _spans(rule.when) or _asks_hours(rule.when) for rule in timed)

    @property
    def on_time(self) -> str:
        """Stands for the rules on time: another text, other rules."""
        return "; ".join(f"{rule.name}: {_spelled(rule.when)}" for rule in self.every if "time" in rule.on)


def _spelled(node: Node) -> str:
    if isinstance(node, Nested):
        return f"{node.condition}({', '.join(map(_spelled, node.nodes))})"
    return f"{node.condition}={node.wanted}"


def _asks_hours(node: Node) -> bool:
    return isinstance(node, Hours) or (isinstance(node, Nested) and any(map(_asks_hours, node.nodes)))


def _spans(node: Node) -> set[timedelta]:
    if isinstance(node, Lasting):
        return {span for _, span in node.spans}
    return {span for part in node.nodes for span in _spans(part)} if isinstance(node, Nested) else set()


def compile_rules(rules: Iterable[tuple[Mapping[str, Any], str]], lexicon: Lexicon) -> Rules:
    """Rules as (name, on, when, then, stop; place), checked before by `rule_words`, as what `ruling.run` takes.

    Raises re2.error when a pattern is too large for a set.
    """
    compiler = _Compiler(lexicon)
    every = tuple(compiler.rule(rule, place) for rule, place in rules)
    always: dict[str, list[int]] = {occasion: [] for occasion in OCCASIONS}
    by_atom: dict[str, dict[int, list[int]]] = {occasion: {} for occasion in OCCASIONS}
    for number, rule in enumerate(every):
        needed = _needed(rule.when)
        for occasion in rule.on:
            if needed is None:
                always[occasion].append(number)
            else:
                for atom in needed:
                    by_atom[occasion].setdefault(atom, []).append(number)
    compiler.matcher.compile()
    wishes = {str(value) for rule in every for value in rule.actions.get("assignee", ())}
    return Rules(
        every,
        compiler.matcher,
        {occasion: tuple(numbers) for occasion, numbers in always.items()},
        {occasion: {atom: tuple(rules) for atom, rules in table.items()} for occasion, table in by_atom.items()},
        frozenset(wishes & set(WAYS)),
    )  # fmt: skip


def _needed(node: Node) -> frozenset[int] | None:
    """Atoms of which one must be found for the condition to hold; None: it may hold without."""
    if isinstance(node, Found):
        return None if node.nothing or node.anything else frozenset(node.atoms)
    if not isinstance(node, Nested) or node.condition == "not":
        return None
    parts = [_needed(part) for part in node.nodes]
    known = [part for part in parts if part is not None]
    if node.condition == "all":
        return min(known, key=len) if known else None
    return frozenset().union(*known) if len(known) == len(parts) else None


class _Compiler:
    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.matcher = Matcher()

    def rule(self, rule: Mapping[str, Any], place: str) -> Rule:
        actions = {
            key: tuple(self.lexicon.plain(key, one) for one in (value if isinstance(value, list) else [value]))
            for key, value in rule["then"].items()
        }  # fmt: skip
        when = Nested("all", self._nodes(rule.get("when") or {}))
        return Rule(rule["name"], tuple(rule["on"]), when, actions, rule["stop"], place)

    def _nodes(self, when: Mapping[str, Any]) -> tuple[Node, ...]:
        return tuple(node for key, value in when.items() for node in self._node(key, value))

    def _node(self, key: str, value: Any) -> tuple[Node, ...]:
        if key in ("any", "all"):
            each = value if isinstance(value, list) else [{word: one} for word, one in value.items()]
            return (Nested(key, tuple(Nested("all", self._nodes(one)) for one in each)),)
        if key == "not":
            return (
                Nested("not", self._node("any", value) if isinstance(value, list) else self._nodes(value)),
            )
        if key == "header":
            return tuple(
                self._found(f"header.{str(name).lower()}", _listed(wanted)) for name, wanted in value.items()
            )
        if key in _SEARCHED:
            return (self._found(key, _listed(value)),)
        return (self._plain(key, _listed(value)),)

    def _plain(self, key: str, values: list[Any]) -> Node:
        if key == "hours":
            return Hours(_wanted(values), tuple(pair for value in values for pair in hours(value)))
        if key in ("idle", "age"):
            return Lasting(key, _wanted(values), tuple(span(value) for value in values))
        plain = [self.lexicon.plain(key, value) for value in values]
        nothing = None in plain
        if key in _NUMBERS:
            numbers = frozenset(
                int(str(value)) for value in plain if value is not None and comparison(value) is None
            )
            compared = tuple(pair for value in plain if (pair := comparison(value)) is not None)
            return Number(key, _wanted(values), numbers, compared, nothing)  # fmt: skip
        texts = [str(value) for value in plain if value is not None]
        patterns = tuple(rule_texts.compiled(one) for text in texts if (one := pattern_of(text)) is not None)
        words = frozenset(fold(text) for text in texts if pattern_of(text) is None)
        return Is(key, _wanted(values), words, patterns, nothing)

    def _found(self, key: str, values: list[Any]) -> Found:
        names = _TEXTS.get(key, (key,))
        self.matcher.look_at(*names)
        atoms: list[int] = []
        nothing = anything = False
        for value in values:
            if key == "attachment" and value in _ANY_FILE:
                anything, nothing = anything or _ANY_FILE[value], nothing or not _ANY_FILE[value]
            elif value is None:
                nothing = True
            else:
                atoms += self._atoms(key, names, str(value))
        return Found(key, _wanted(values), names, tuple(dict.fromkeys(atoms)), nothing, anything)

    def _atoms(self, key: str, names: tuple[str, ...], value: str) -> list[int]:
        pattern = pattern_of(value)
        if key == "attachment":
            text = "attachment type" if pattern is None and "/" in value else "attachment"
            if pattern is None and ("/" in value or "*" in value or "?" in value):
                pattern = glob(value)
            return [self.matcher.add(text, Kind.WORD if pattern is None else Kind.PATTERN, pattern or value)]
        if pattern is not None:
            return [self.matcher.add(name, Kind.PATTERN, pattern) for name in names]
        if key == "from_domain" or (key in ("from", "to") and "@" in value.strip("@")):
            return [self.matcher.add(key, Kind.EXACT, value.lower().lstrip("@"))]
        return [self.matcher.add(name, Kind.WORD, value) for name in names]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _wanted(values: Iterable[Any]) -> str:
    """The values as the file has them, for showing."""
    return ", ".join(
        "null" if value is None
        else " ".join(f"{side} {name}" for side, name in value.items()) if isinstance(value, dict)
        else str(value)
        for value in values
    )  # fmt: skip


def comparison(value: object) -> tuple[str, int] | None:
    """`">= 3"` as (">=", 3); None when the value is no comparison of numbers."""
    sign = next((one for one in COMPARISONS if isinstance(value, str) and value.startswith(one)), None)
    rest = str(value)[len(sign) :].strip() if sign else ""
    return (sign, int(rest)) if sign and rest.isdigit() else None


def span(value: object) -> tuple[str, timedelta]:
    """`5d` as (">=", five days), `<4h` as ("<", four hours). Raises ValueError with what is wrong."""
    sign = next((one for one in COMPARISONS if isinstance(value, str) and value.startswith(one)), ">=")
    text = value[len(sign) :].strip() if isinstance(value, str) and value.startswith(sign) else value
    return sign, duration(text)


def hours(value: object) -> list[tuple[str, bool]]:
    """`{in: office}`, `{out: [office, night]}`, `in office` or `out of office` as calendars and whether in (true) or out.

    Raises ValueError with what is wrong.
    """
    if isinstance(value, str):
        side, _, name = value.strip().partition(" ")
        value = {side: name.strip().removeprefix("of ").strip() or None}
    found = []
    for side, names in value.items() if isinstance(value, dict) else ():
        for name in names if isinstance(names, list) else [names]:
            if side not in ("in", "out") or not isinstance(name, str):
                raise ValueError("must be in or out of a calendar, like {out: office}")
            found.append((name, side == "in"))
    if not found:
        raise ValueError("must be in or out of a calendar, like {out: office}")
    return found


EMPTY: Final = compile_rules((), Lexicon())
