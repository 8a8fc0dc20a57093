"""Databases that released versions have written, opened by this one: everything is there, and answers find their tickets."""

from __future__ import annotations

import contextlib
import lzma
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from maild.desk.words import State
from maild.errors import BadInput, ConfigError
from store import Store
from store.engine import parse_url, sqlite_file
from store.migration import HEAD, known_revisions
from store.restore import restoring
from store.rows import Filter
from tests.flow import stage as s

RELEASED = Path(__file__).parent / "released"
SCHEMAS = sorted({file.name.partition(".")[0] for file in RELEASED.glob("*.xz")})


def released(schema: str, url: str) -> None:
    """Make the database at this URL as that version left it."""
    path = sqlite_file(parse_url(url))
    if path is not None:
        path.parent.mkdir(parents=True)
        path.write_bytes(lzma.decompress((RELEASED / f"{schema}.db.xz").read_bytes()))
        return
    dump = lzma.decompress((RELEASED / f"{schema}.sql.xz").read_bytes()).decode()
    engine = sa.create_engine(parse_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(dump).close()
    engine.dispose()


def test_every_kind_is_there() -> None:
    assert SCHEMAS == ["0001", "0007", "0010"]
    assert set(SCHEMAS) < set(known_revisions())
    for schema in SCHEMAS:
        for name in ("db.xz", "sql.xz", "sqlite.eml", "postgresql.eml"):
            assert (RELEASED / f"{schema}.{name}").is_file()


def answer(schema: str, database: str) -> tuple[bytes, str]:
    """What a customer answers to a mail of that desk, and the address it goes to."""
    raw = (RELEASED / f"{schema}.{database}.eml").read_bytes()
    head, _, rest = raw.partition(b"\n")
    return rest, head.partition(b":")[2].strip().decode()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_released_version_is_upgraded_with_its_data(
    schema: str, database: str, new_database: Callable[[], str], tmp_path: Path
) -> None:
    url = new_database()
    released(schema, url)
    path = sqlite_file(parse_url(url))
    before = path.read_bytes() if path else b""
    store = Store.open(url, tmp_path / "files")
    try:
        assert store.check() == []
        _all_there(store, merged=schema != "0001")
        _goes_on(store, tmp_path, *answer(schema, database))
        assert store.check() == []
    finally:
        store.close()
    if path is not None:
        _copy_is_whole(path, before, schema)


def _all_there(store: Store, *, merged: bool) -> None:
    """`merged`: that version knew how to merge."""
    with store.read() as work:
        tickets = work.tickets(Filter())
        assert [one.subject for one in tickets] == [
            "Printer on fire",
            "¿Dónde está mi factura?",
            "Printer again",
        ]
        assert (tickets[2].state, tickets[2].merged_into) == (
            (State.MERGED, 1) if merged else (State.NEW, None)
        )
        assert (tickets[1].priority, tickets[1].tags) == (1, ("billing",))
        assert not any(one.dormant for one in tickets)
        said = work.messages(1)
        texts = [one.text.strip() for one in said]
        expected = {"It burns since noon.", "She calls often.", "We are on it, take the stairs."}
        assert expected | ({"Still burning."} if merged else set()) <= set(texts)
        assert [one.public for one in said if "calls often" in one.text] == [False]
        [part] = [part for one in said for part in one.attachments]
        assert work.get_content(part.sha256).strip() == b"a;b"
        assert [one.kind for one in work.unmatched(0, 10)] == ["auto-reply"]
        assert work.events(1)
        assert [one.id for one in work.tickets(Filter(search="stairs"))] == [1]
        assert work.person_at("pia@initech.test") is not None
        assert work.totals().waiting == 1


def _goes_on(store: Store, folder: Path, raw: bytes, address: str) -> None:
    """What waited is processed, and an answer with a token of that version threads."""
    (folder / "desk").mkdir()
    desk = s.stage(folder / "desk", store)
    desk.take(raw, address)
    desk.work()
    with store.read() as work:
        [waited] = [one for one in work.tickets(Filter(after=3)) if one.subject == "Not processed yet"]
        assert waited.requester.address == "zoe@globex.test"
        assert any("it is out now" in one.text for one in work.messages(1))
        assert len(work.tickets(Filter())) == 4
        decided = [reason for line in work.events(1) for reason in line.reasons if reason.step == "thread"]
        assert "token in the recipient address" in decided[-1].evidence
    assert desk.sent()


def _copy_is_whole(path: Path, before: bytes, schema: str) -> None:
    """The copy beside it holds what the database held, and only its owner can read it."""
    copy = path.with_name(f"{path.name}.before-{HEAD}")
    assert copy.stat().st_mode & 0o777 == 0o600
    was = path.with_name("was.db")
    was.write_bytes(before)
    with contextlib.closing(sqlite3.connect(was)) as old, contextlib.closing(sqlite3.connect(copy)) as kept:
        assert list(old.iterdump()) == list(kept.iterdump())
        assert kept.execute("SELECT version_num FROM alembic_version").fetchall() == [(schema,)]


@pytest.mark.parametrize("schema", [SCHEMAS[0]])
def test_an_older_backup_is_restored_and_upgraded(
    schema: str,
    database: str,
    new_database: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if an older version had written it: its rows are loaded at its schema, and go through all steps since."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "desk").mkdir()
    url, files = new_database(), tmp_path / "files"
    released(schema, url)
    engine = sa.create_engine(parse_url(url))
    older = sa.MetaData()
    older.reflect(engine)
    pieces = _old_pieces(engine, older, url)
    other = new_database()

    with restoring(other, schema, s.NOW, force=False) as found:
        for piece in pieces:
            found.load(piece)
    engine.dispose()
    store = Store.open(other, files)
    try:
        assert store.check() == []
        _all_there(store, merged=schema != "0001")
    finally:
        store.close()


def _old_pieces(engine: sa.Engine, older: sa.MetaData, url: str) -> list[bytes]:
    from store.backup import BackupWork
    from store.files import Files
    from store.tables import metadata

    for table in older.tables.values():  # with the types that give values as the program knows them
        for column in table.c:
            known = metadata.tables.get(table.name)
            if known is not None and column.name in known.c:
                column.type = known.c[column.name].type
    older.remove(older.tables["alembic_version"])
    with engine.connect() as connection:
        work = BackupWork(connection, Files(Path("files")), writing=False)
        return [
            piece.octets
            for table in older.sorted_tables
            if table.name != "node"
            for piece in work._pieces(table)
        ]


# -- newer than this program ---------------------------------------------------------------------------------------------------


def test_a_newer_database_is_refused_with_one_sentence(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    url = new_database()
    Store.open(url, tmp_path / "files").close()
    engine = sa.create_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9998'"))
    with pytest.raises(ConfigError) as refused:
        Store.open(url, tmp_path / "files")
    sentence = f"was written by a newer maild (schema 9998, this one knows {HEAD}); install that"
    assert str(refused.value) == f"{engine.url.render_as_string(hide_password=True)}: {sentence}"
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == "9998"
    engine.dispose()

    with (
        pytest.raises(BadInput, match=re.escape(sentence)),
        restoring(new_database(), "9998", s.NOW, force=False),
    ):
        pass
