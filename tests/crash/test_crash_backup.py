"""Whatever statement or touch of a file a backup or a restore fails at or is killed at: nothing looks whole that is not, and it can be repeated."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from maild import config
from maild.doctoring import keeping
from maild.doctoring.findings import Grade
from store import Store
from store.engine import make_engine, parse_url
from store.tables import metadata
from tests.crash.faults import Faults, chosen
from tests.flow import stage as s
from tests.way.desk import Done, maild

CARLA = "Carla <carla@globex.test>"
BIG = s.mail(
    CARLA, "Log", "A line of the log that nobody reads, for nothing has ever come of it.\n" * 2000, 7
)
"""Kept as a file, and so is each of the three notifications that show it."""
FILES = 4
PASSES = (69, 75)
"""Of a store that cannot be opened, and of everything else that passes."""


def files(folder: Path) -> set[str]:
    """The names of the big contents in a folder."""
    return {path.parent.name + path.name for path in folder.glob("[0-9a-f][0-9a-f]/*")}


def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that people would miss in a database."""
    engine = make_engine(parse_url(url))
    try:
        with engine.connect() as connection:
            return {
                table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
                for table in metadata.sorted_tables
                if table.name not in ("node", "lease", "memo")
            }  # fmt: skip
    finally:
        engine.dispose()


@dataclass
class Place:
    """A desk in a folder: its database, its files, and the commands about it."""

    folder: Path
    url: str
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        (self.folder / "rules").mkdir(parents=True)
        where = f'[store]\nurl = "{self.url}"\nfiles = "var/files"\n'
        (self.folder / "maild.toml").write_text(s.MAILD_TOML + where)
        (self.folder / "rules" / "10.yaml").write_text(s.RULES)

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        with contextlib.closing(Store.open(self.url, self.folder / "var" / "files")) as opened:
            yield opened

    def fill(self, *mails: bytes) -> None:
        with self.store() as store:
            desk = s.stage(self.folder, store, (self.folder / "maild.toml").read_text())
            for mail in mails:
                desk.take(mail)
            desk.work()

    def run(self, *words: str | Path) -> Done:
        return maild(*map(str, words), cwd=self.folder)

    @contextlib.contextmanager
    def watched(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with (
            self.faults.watching_databases(monkeypatch),
            self.faults.watching_folder(monkeypatch, self.folder.parent),
        ):
            yield

    def steps_of(self, monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> list[str]:
        """The steps of a command that nothing happens to."""
        self.faults.reset()
        with self.watched(monkeypatch):
            done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return list(self.faults.steps)

    def fails(self, monkeypatch: pytest.MonkeyPatch, at: tuple[str, int], *words: str | Path) -> Done:
        """The command fails at a step, says so in a sentence, and its exit code says that it may go well later."""
        self.faults.reset(at, die=False)
        with self.watched(monkeypatch):
            done = self.run(*words)
        assert self.faults.fired
        assert done.returncode in PASSES, (done.returncode, done.stderr.decode())
        assert b"Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1].startswith(b"maild: "), done.stderr
        return done

    def dies(self, monkeypatch: pytest.MonkeyPatch, at: tuple[str, int], *words: str | Path) -> None:
        """The command is killed at a step."""
        with self.watched(monkeypatch):
            assert self.faults.killed(at, lambda: self.run(*words))


@pytest.fixture
def place(tmp_path: Path, new_database: Callable[[], str]) -> Place:
    """Two tickets, mail of ours that waits, mails in files."""
    made = Place(tmp_path / "desk", new_database())
    made.fill(s.mail(CARLA, "Printer", "It burns."), BIG)
    assert len(files(made.folder / "var" / "files")) == FILES
    return made


@contextlib.contextmanager
def told(at: tuple[str, int]) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(f"step {at[1]} of the kind {at[0]!r}")
        raise


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".partial")]


def test_a_backup_is_whole_or_not_there(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, before = tmp_path / "b.tar.gz", rows(place.url)
    steps = place.steps_of(monkeypatch, "backup", target)
    assert {"open", "write", "fsync", "replace"} <= set(steps)
    assert any("FROM ticket" in step for step in steps)
    older = target.read_bytes()
    for number, at in enumerate(chosen(steps, 24 if place.url.startswith("sqlite") else 8)):
        with told(at):
            if number % 2:
                target.write_bytes(older)
            else:
                target.unlink(missing_ok=True)
            place.fails(monkeypatch, at, "backup", target)
            if at not in last(steps):
                assert target.exists() == bool(number % 2)
                assert not target.exists() or target.read_bytes() == older
            assert left_over(tmp_path) == []
    assert rows(place.url) == before
    assert place.run("backup", target).returncode == 0
    assert place.run("restore", "--check", target).returncode == 0


def last(steps: list[str]) -> list[tuple[str, int]]:
    """The steps of a backup at which its file has its name already, and is whole."""
    return [("after replace", 1), ("fsync", steps.count("fsync"))]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_backup_that_is_killed_leaves_no_file_that_looks_whole(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "b.tar.gz"
    steps = place.steps_of(monkeypatch, "backup", target)
    target.unlink()
    for at in chosen(steps, 8):
        with told(at):
            place.dies(monkeypatch, at, "backup", target)
            assert target.exists() == (at in last(steps))
            target.unlink(missing_ok=True)
            for one in left_over(tmp_path):
                ends = at[0] in ("fsync", "replace")  # with all in it, and another name
                assert ends or place.run("restore", "--check", tmp_path / one).returncode == 65
    assert place.run("backup", target).returncode == 0
    assert left_over(tmp_path) == []
    assert place.run("restore", "--check", target).returncode == 0
    with place.store() as store:
        assert store.check() == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_backup_into_a_pipe_that_fails_is_not_whole(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = place.steps_of(monkeypatch, "backup", "-")
    for at in chosen([step for step in steps if step.startswith("statement SELECT")], 3):
        with told(at):
            done = place.fails(monkeypatch, at, "backup", "-")
            (tmp_path / "piped").write_bytes(done.stdout)
            checked = place.run("restore", "--check", tmp_path / "piped")
            assert checked.returncode == 65, checked.stdout


@dataclass
class Target:
    """Where a backup is restored to. `old`: what was in the database before; of an empty one, nothing."""

    place: Place
    backup: Path
    whole: dict[str, int]
    old: dict[str, list[tuple[Any, ...]]] | None
    old_files: set[str]

    @property
    def words(self) -> tuple[str | Path, ...]:
        return ("restore", self.backup, *(("--force",) if self.old is not None else ()))

    @property
    def files(self) -> set[str]:
        return files(self.place.folder / "var" / "files")

    @property
    def sqlite(self) -> Path | None:
        return (
            Path(self.place.url.removeprefix("sqlite:///")) if self.place.url.startswith("sqlite") else None
        )

    def untouched(self) -> bool:
        """Whether the database is as it was before."""
        if self.sqlite is not None and not self.sqlite.exists():
            return self.old is None
        engine = make_engine(parse_url(self.place.url))
        try:
            if not sa.inspect(engine).has_table("ticket"):
                return self.old is None
        finally:
            engine.dispose()
        return rows(self.place.url) == self.old

    def assert_whole(self) -> None:
        """All of the backup is there, and it is a desk that works."""
        found = rows(self.place.url)
        assert {name: len(found[name]) for name in self.whole} == self.whole
        with self.place.store() as store:
            assert store.check() == []

    def clear(self, aside: Path) -> None:
        """As it was before the first restore."""
        if self.old is not None:
            assert self.place.run("restore", aside, "--force").returncode == 0
        elif self.sqlite is not None:
            for path in self.sqlite.parent.glob(f"{self.sqlite.name}*"):
                path.unlink()
        else:
            engine = make_engine(parse_url(self.place.url))
            with engine.begin() as connection:
                for name in sa.inspect(connection).get_table_names():
                    connection.exec_driver_sql(f'DROP TABLE "{name}" CASCADE')
            engine.dispose()
        for name in self.files - self.old_files:
            (self.place.folder / "var" / "files" / name[:2] / name[2:]).unlink()


@pytest.fixture
def target(
    request: pytest.FixtureRequest, place: Place, tmp_path: Path, new_database: Callable[[], str]
) -> Target:
    """A backup of a desk, and another place to restore it to."""
    assert place.run("backup", tmp_path / "b.tar.gz").returncode == 0
    other = Place(tmp_path / "other", new_database())
    whole = {name: len(found) for name, found in rows(place.url).items()}
    if request.param == "empty":
        return Target(other, tmp_path / "b.tar.gz", whole, None, set())
    other.fill(
        s.mail(CARLA, "Elsewhere", "Another desk.", 90),
        s.mail(
            CARLA, "Big", "Nothing new in this line of the log, as in all the others above it.\n" * 2000, 91
        ),
    )
    assert other.run("backup", tmp_path / "old.tar.gz").returncode == 0
    return Target(other, tmp_path / "b.tar.gz", whole, rows(other.url), files(other.folder / "var" / "files"))


def cases(*shorter: int) -> Callable[[Any], Any]:
    """Databases and what is in them, with how many steps are tried: few of some, many of each with the long tests."""
    some = [("sqlite", "in use", shorter[0]), ("postgresql", "in use", shorter[1])]
    long = [(database, used, 24) for database in ("sqlite", "postgresql") for used in ("empty", "in use")]
    params = [pytest.param(*one) for one in some if one[2]]
    params += [pytest.param(*one, marks=pytest.mark.long) for one in long]
    return pytest.mark.parametrize(("database", "target", "most"), params, indirect=["database", "target"])


@cases(5, 2)
def test_a_restore_that_fails_leaves_the_desk_as_it_was(
    target: Target, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert target.place.run(*target.words).returncode == 0
    target.clear(tmp_path / "old.tar.gz")  # its folders are made now
    steps = target.place.steps_of(monkeypatch, *target.words)
    assert {"open", "write", "fsync", "replace", "before commit"} <= set(steps)
    target.assert_whole()
    target.clear(tmp_path / "old.tar.gz")
    ended = 0
    ends = [(kind, steps.count(kind)) for kind in ("before commit", "after commit", "after replace", "fsync")]
    for at in dict.fromkeys((*chosen(steps, most), *ends)):
        with told(at):
            target.place.fails(monkeypatch, at, *target.words)
            if target.untouched():
                # Whether a server has done what it was last told can't be known: then files stay, which are in nobody's way.
                unknown = at[0] == "before commit" and target.sqlite is None
                assert unknown or target.files == target.old_files
                continue
            target.assert_whole()  # it failed when all was done
            ended += 1
            target.clear(tmp_path / "old.tar.gz")
    assert ended < 8
    assert target.place.run(*target.words).returncode == 0
    target.assert_whole()


@cases(1, 0)
def test_a_restore_that_is_killed_can_be_repeated(
    target: Target, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = target.place.steps_of(monkeypatch, *target.words)
    target.clear(tmp_path / "old.tar.gz")
    ends = [
        kind
        for kind in dict.fromkeys(steps)
        if kind in ("after link", "replace", "after replace", "after commit")
    ]
    for at in dict.fromkeys((*chosen(steps, most), *((kind, steps.count(kind)) for kind in ends))):
        with told(at):
            target.place.dies(monkeypatch, at, *target.words)
            if target.untouched():
                assert target.place.run(*target.words).returncode == 0
            target.assert_whole()
            target.clear(tmp_path / "old.tar.gz")


@pytest.mark.parametrize(
    ("database", "at", "words"),
    [
        ("sqlite", ("before commit", 1), ("run",)),
        (
            "postgresql",
            ("before commit", 2),
            ("import", "early.eml"),
        ),  # the first one tells that it has begun
    ],
    indirect=["database"],
)
def test_what_a_killed_restore_left_is_not_opened_as_a_desk(
    new_database: Callable[[], str], at: tuple[str, int], words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    old, new = Place(tmp_path / "old", new_database()), Place(tmp_path / "new", new_database())
    old.fill(s.mail(CARLA, "Printer", "It burns."))
    whole, mail = tmp_path / "b.tar.gz", s.mail(CARLA, "Early", "Is anybody there?", 70)
    assert old.run("backup", whole).returncode == 0
    (new.folder / "early.eml").write_bytes(mail)
    new.dies(monkeypatch, at, "restore", whole)
    assert maild("deliver", cwd=new.folder, stdin=mail).returncode == 75
    refused = new.run(*words)
    assert refused.returncode == 69, refused.stderr
    assert refused.stderr.startswith(b"maild: a maild restore into ")
    assert b" was cut off: repeat it; or, to go on as if it had never begun, " in refused.stderr
    assert refused.stderr.endswith(b"restoring\n")
    [told] = asyncio.run(keeping.database(config.load(new.folder / "maild.toml"), s.NOW))
    assert (told.what, told.grade) == ("restore", Grade.FAULT)
    again = new.run("restore", whole)
    assert again.returncode == 0, again.stderr
    assert rows(new.url)["ticket"] == rows(old.url)["ticket"]
    assert maild("deliver", cwd=new.folder, stdin=mail).returncode == 0
    (tmp_path / "cut").write_bytes(whole.read_bytes()[:-40])
    assert new.run("restore", "--force", tmp_path / "cut").returncode == 65
    assert new.run("tickets").returncode == 0  # one that failed by itself leaves nothing
