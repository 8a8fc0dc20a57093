"""The house: which room may know what. import-linter holds the order of the rooms; here, what the pure rooms may call at all."""

from __future__ import annotations

import ast
import inspect
import typing
from pathlib import Path

import pytest

from maild.desk import effects, events
from maild.desk.decide import decide

ROOT = Path(__file__).parents[2]
PURE = sorted([*(ROOT / "maild" / "desk").rglob("*.py"), *(ROOT / "maild" / "message").rglob("*.py")])
SOURCES = sorted([*(ROOT / "maild").rglob("*.py"), *(ROOT / "store").rglob("*.py")])
IMPURE_MODULES = frozenset(
    [
        "asyncio",
        "io",
        "os",
        "pathlib",
        "random",
        "secrets",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "uuid",
        "logging",
        "sqlalchemy",
        "aiosmtpd",
        "aiosmtplib",
        "jinja2",
        "apscheduler",
        "structlog",
        "alembic",
        "psycopg",
        "click",
        "multiprocessing",
        "urllib",
        "http",
        "concurrent",
    ]
)
IMPURE_CALLS = frozenset(
    ("now", "utcnow", "today", "uuid4", "uuid1", "token_bytes", "token_hex", "urandom", "localtime")
)
IMPURE_NAMES = frozenset(("open", "print", "input", "exec", "eval", "breakpoint"))
LONGEST_FILE = 470
LONGEST_FUNCTION = 60


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PURE, ids=shown)
def test_a_pure_room_knows_no_clock_chance_or_disk(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not IMPURE_MODULES.intersection(alias.name.split(".")[0] for alias in node.names), (
                node.lineno
            )
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in IMPURE_MODULES, node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in IMPURE_CALLS, node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in IMPURE_NAMES, node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_files_and_functions_are_short_and_swallow_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name
        if isinstance(node, ast.ExceptHandler):
            assert not all(isinstance(one, ast.Pass) for one in node.body), node.lineno


def test_decide_takes_an_event_a_snapshot_a_rulebook_and_what_is_given() -> None:
    assert list(inspect.signature(decide).parameters) == ["event", "snapshot", "rulebook", "given"]


@pytest.mark.parametrize(("union", "module"), [(effects.Effect, effects), (events.Event, events)])
def test_the_unions_are_closed_and_whole(union: object, module: object) -> None:
    """Every dataclass that is an event or effect stands in its union, so that assert_never sees it."""
    parts = set(typing.get_args(union))
    values = {effects.Change, effects.Given, effects.Reason, effects.Decision}
    defined = {
        one for _, one in inspect.getmembers(module, inspect.isclass) if one.__module__ == module.__name__
    }  # type: ignore[attr-defined]
    assert defined - values == parts
