"""`maild backup` and `maild restore`: a desk in one file, out of one state, back on either database, whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from maild import backup, config, restoring
from maild.desk.facts import Envelope
from maild.errors import BadInput
from maild.keeping import Kept, keep
from maild.lock import only_one
from maild.restoring import Restored
from maild.settings import Settings
from store import Store
from store.engine import make_engine, parse_url
from store.tables import metadata
from tests.flow import stage as s
from tests.way.desk import maild

CARLA = "Carla <carla@globex.test>"
BIG = s.mail(CARLA, "Log", "line\n" * 60_000, 7)
"""Kept as a file: more than `Content.SMALL`, as are the three notifications that show it."""
FILES = 4


@pytest.fixture(name="desk")
def _desk(tmp_path: Path, store: Store) -> s.Stage:
    """Two tickets, mail of ours that waits and that is in work, a mail in a file, one in quarantine."""
    (tmp_path / "desk").mkdir()
    desk = s.stage(tmp_path / "desk", store)
    desk.take(s.mail(CARLA, "Printer", "It burns."))
    desk.take(BIG)
    desk.work()
    desk.flow.act(1, "ana@acme.test", ("#public",), "We are on it.")
    desk.flow.outgoing(1)  # one is being sent
    with store.work() as work:
        work.merge(2, 1, s.NOW)
    desk.take(s.mail(CARLA, "Later", "Waits.", 8))
    return desk


def written(desk: s.Stage, folder: Path) -> Path:
    """A backup of the desk."""
    target = folder / "desk.tar.gz"
    with target.open("wb") as file:
        backup.write(desk.store, folder / "desk" / "maild.toml", file, s.NOW, lambda _: None)
    return target


def back(file: Path, url: str, folder: Path, **options: bool) -> Restored:
    """Restore into the store at this URL, with its files in this folder."""
    loaded = config.load(folder.parent / "desk" / "maild.toml")
    settings = replace_store(loaded, url, folder)
    with file.open("rb") as opened, restoring.reading(opened) as read:
        found = restoring.configure(folder.parent / "desk" / "maild.toml", read)
        restoring.restore(settings, read, found, force=options.get("force", False), progress=lambda _: None)
    return found


def replace_store(settings: Settings, url: str, files: Path) -> Settings:
    kept = settings.store.model_copy(update={"url": url, "files": files})
    return settings.model_copy(update={"store": kept})


def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in a database but what is about processes."""
    engine = make_engine(parse_url(url))
    try:
        with engine.connect() as connection:
            return {
                table.name: [
                    tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))
                ]
                for table in metadata.sorted_tables
                if table.name not in ("node", "lease", "memo")
            }
    finally:
        engine.dispose()


@pytest.fixture(name="elsewhere", params=["sqlite", "postgresql"])
def _elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database of each kind, whatever the desk's is."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/elsewhere/maild.db"
        return
    server: sa.URL = request.getfixturevalue("postgres_server")
    name = f"restored_{os.urandom(5).hex()}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE template0"))
    yield server.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def test_everything_is_back_on_either_database(
    desk: s.Stage, store_url: str, elsewhere: str, tmp_path: Path
) -> None:
    before = rows(store_url)
    found = back(written(desk, tmp_path), elsewhere, tmp_path / "files2")
    after = rows(elsewhere)
    assert any(row[before_state(before, "outbox")] == "sending" for row in before["outbox"])
    assert not any(row[before_state(after, "outbox")] == "sending" for row in after["outbox"])
    for name in before.keys() - {"outbox"}:
        assert after[name] == before[name], name
    assert len(after["outbox"]) == len(before["outbox"])
    assert (found.files, found.waiting) == (FILES, len(before["outbox"]))
    again = Store.open(elsewhere, tmp_path / "files2")
    try:
        assert again.check() == []
        assert again.content.get(hashlib.sha256(BIG).hexdigest()) == BIG
        restored = s.Stage(s.Flow(desk.flow.site, again, lambda: s.NOW), again)
        restored.work()  # what waited is processed
        with again.read() as work:
            assert [one.subject for one in work.tickets(s_filter())] == ["Printer", "Log", "Later"]
        # An answer to a mail that was sent before the backup finds its ticket, and the numbers go on.
        mails = restored.sent()
        [notice] = [
            mail
            for _, mail in mails
            if "carla@globex.test" in mail["To"] and "We are on it" in s.text_of(mail)
        ]
        raw, address = s.answer(notice, CARLA, "Thank you, it is out.", 9)
        restored.take(raw, address)
        restored.take(s.mail(CARLA, "Fourth", "One more.", 10))
        restored.work()
        with again.read() as work:
            assert any("it is out" in one.text for one in work.messages(1))
            assert [one.id for one in work.tickets(s_filter())] == [1, 2, 3, 4]
        assert again.check() == []
    finally:
        again.close()


def before_state(found: dict[str, Any], name: str) -> int:
    return [column.name for column in metadata.tables[name].c].index("state")


def s_filter() -> Any:
    from store.rows import Filter

    return Filter()


def test_a_desk_in_use_is_replaced_by_force_alone(desk: s.Stage, store_url: str, tmp_path: Path) -> None:
    file = written(desk, tmp_path)
    desk.take(s.mail(CARLA, "After", "Came after the backup.", 20))
    desk.work()
    desk.store.close()
    with pytest.raises(BadInput, match="is in use: --force"):
        back(file, store_url, tmp_path / "files")
    found = back(file, store_url, tmp_path / "files", force=True)
    assert len(rows(store_url)["intake"]) == 3
    if store_url.startswith("sqlite"):
        [aside] = (tmp_path / "var").glob("maild.db.before-restore-*")
        assert found.aside == str(aside)
        assert len(rows(f"sqlite:///{aside}")["intake"]) == 4
        assert stat.S_IMODE((tmp_path / "var" / "maild.db").stat().st_mode) == 0o600


def damaged(file: Path, how: Callable[[list[tuple[tarfile.TarInfo, bytes]]], list[Any]]) -> Path:
    """The backup with other members."""
    with tarfile.open(file) as tar:
        members = [(info, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
    target = file.with_name("damaged.tar.gz")
    with tarfile.open(target, "w:gz") as tar:
        for info, octets in how(members):
            info.size = len(octets)
            tar.addfile(info, io.BytesIO(octets))
    return target


def renamed(old: str, new: str) -> Callable[[list[Any]], list[Any]]:
    def change(members: list[Any]) -> list[Any]:
        for info, _ in members:
            info.name = new if info.name.startswith(old) else info.name
        return members

    return change


def edited(name: str, old: bytes, new: bytes) -> Callable[[list[Any]], list[Any]]:
    return lambda members: [
        (info, octets.replace(old, new) if info.name.startswith(name) else octets) for info, octets in members
    ]


DAMAGES: list[tuple[Callable[[Any], Any], str]] = [
        (lambda members: members[:-1], "its end is missing"),
        (lambda members: [one for one in members if "database/ticket/" not in one[0].name], "not those that its manifest names"),
        (lambda members: [one for one in members if not one[0].name.startswith("files/")], "files, and should hold 4"),
        (lambda members: members[1:], "no backup of maild"),
        (edited("files/", b"line", b"lime"), "is not what its name says"),
        (edited("database/person/", b"Carla", b"Karla"), "not those that its manifest names"),
        (edited("database/person/", b'"name"', b'"nome"'), "columns that its schema does not: nome"),
        (edited("database/person/", b'[1,', b'[1 1,'), "no piece of a table"),
        (edited("backup.json", b'"schema": "', b'"schema": "9'), "written by a newer maild"),
        (edited("backup.json", b'"format": 1', b'"format": 2'), "of a newer one; install that"),
        (renamed("desk/rules", "desk/../../etc/passwd"), "no file of a desk"),
        (renamed("desk/rules", "desk//etc/passwd"), "no file of a desk"),
        (renamed("files/", "elsewhere/x"), "which no backup does"),
]  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_damaged_brings_nothing_back(desk: s.Stage, tmp_path: Path) -> None:
    whole = written(desk, tmp_path)
    (tmp_path / "new").mkdir()
    for how, says in DAMAGES:
        with pytest.raises(BadInput, match=says):
            back(damaged(whole, how), f"sqlite:///{tmp_path}/new/maild.db", tmp_path / "files2")
        assert [one.name for one in (tmp_path / "new").iterdir()] in ([], ["maild.db.lock"])
        assert not [one for one in (tmp_path / "files2").rglob("*") if one.is_file()]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_is_damaged_leaves_a_desk_on_postgresql_as_it_is(
    desk: s.Stage, store_url: str, tmp_path: Path
) -> None:
    before = rows(store_url)
    file = damaged(written(desk, tmp_path), lambda members: members[:-1])
    with pytest.raises(BadInput, match="its end is missing"):
        back(file, store_url, tmp_path / "files", force=True)
    assert rows(store_url) == before


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_cut_off_anywhere_it_is_refused(desk: s.Stage, tmp_path: Path) -> None:
    whole = written(desk, tmp_path).read_bytes()
    for size in (0, 1, 20, len(whole) // 3, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        with pytest.raises(BadInput), restoring.reading(io.BytesIO(whole[:size])) as read:
            restoring.check(read)
    flipped = bytearray(gzip.decompress(whole))
    flipped[len(flipped) // 2] ^= 1
    with pytest.raises(BadInput), restoring.reading(io.BytesIO(gzip.compress(bytes(flipped), 1))) as read:
        restoring.check(read)
    with restoring.reading(io.BytesIO(whole)) as read:
        assert restoring.check(read).files == FILES


def test_mail_that_comes_meanwhile(desk: s.Stage, tmp_path: Path) -> None:
    """Everything accepted before the backup began is in it; what comes during it does no harm, files included."""
    stop, kept = threading.Event(), [0]

    def arrive() -> None:
        while not stop.is_set():
            number = 100 + kept[0]
            raw = s.mail(CARLA, f"Load {number}", "x\n" * (90_000 if kept[0] % 2 else 10), number)
            envelope = Envelope("carla@globex.test", ("support@acme.test",), "smtp", "127.0.0.1", s.NOW)
            keep(desk.store, [Kept(io.BytesIO(raw), len(raw), hashlib.sha256(raw).hexdigest(), envelope)])
            kept[0] += 1

    thread = threading.Thread(target=arrive)
    thread.start()
    try:
        while kept[0] < 5:
            stop.wait(0.01)
        before = kept[0]
        file = written(desk, tmp_path)
    finally:
        stop.set()
        thread.join()
    url = f"sqlite:///{tmp_path}/elsewhere/maild.db"
    back(file, url, tmp_path / "files2")
    assert before + 3 <= len(rows(url)["intake"]) <= kept[0] + 3
    with contextlib.closing(Store.open(url, tmp_path / "files2")) as again:
        assert again.check() == []


def test_a_file_that_is_erased_meanwhile(
    desk: s.Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was named when the files were listed, and no row names it when the rows are read: nothing is missing."""
    sha256 = hashlib.sha256(BIG).hexdigest()
    add = backup._Writing._add

    def erasing(self: backup._Writing, name: str, octets: bytes, mode: int = 0o600) -> None:
        if name == "desk/maild.toml":
            desk.store.content.files.discard(sha256)
            engine = make_engine(desk.store._database.url)
            with engine.begin() as connection:
                connection.execute(
                    sa.text("UPDATE message SET sha256 = NULL WHERE sha256 = :it"), {"it": sha256}
                )
                connection.execute(sa.text("UPDATE intake SET sha256 = (SELECT min(sha256) FROM content) WHERE sha256 = :it"), {"it": sha256})  # fmt: skip
            engine.dispose()
        add(self, name, octets, mode)

    monkeypatch.setattr(backup._Writing, "_add", erasing)
    file = written(desk, tmp_path)
    with file.open("rb") as opened, restoring.reading(opened) as read:
        found = restoring.check(read)
    assert (found.files, found.missing) == (FILES - 1, [])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_lost_content_is_told_and_the_rest_is_saved(desk: s.Stage, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(BIG).hexdigest()
    desk.store.content.files.discard(sha256)
    found = back(written(desk, tmp_path), f"sqlite:///{tmp_path}/new/maild.db", tmp_path / "files2")
    assert found.missing == [sha256]
    desk.store.content.files.put(io.BytesIO(BIG), len(BIG), sha256)  # what the fixture checks at the end


def test_the_commands(tmp_path: Path) -> None:
    assert maild("init", "desk", cwd=tmp_path).returncode == 0
    desk = tmp_path / "desk"
    (desk / "rules" / "99-mine.yaml").write_text("rules: []\n")
    taken = maild(
        "deliver", "--sender", "carla@globex.test", cwd=desk, stdin=s.mail(CARLA, "Printer", "It burns.")
    )
    assert taken.returncode == 0, taken.stderr
    done = maild("backup", "../b.tar.gz", "--json", cwd=desk)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["rows"]["ticket"], told["files"], told["missing"]) == (1, 0, [])
    assert stat.S_IMODE((tmp_path / "b.tar.gz").stat().st_mode) == 0o600
    piped = maild("backup", "-", cwd=desk)
    assert gzip.decompress(piped.stdout)
    new = tmp_path / "new"
    new.mkdir()
    checked = maild("restore", "--check", "-", cwd=new, stdin=piped.stdout)
    assert (checked.returncode, checked.stdout[:6]) == (0, b"whole:"), checked.stderr
    assert list(new.iterdir()) == []
    restored = maild("restore", "../b.tar.gz", cwd=new)
    assert restored.returncode == 0, restored.stderr
    assert b"is back: 1 tickets" in restored.stdout
    assert b"mails wait in the queue" in restored.stdout
    assert (new / "rules" / "99-mine.yaml").read_text() == "rules: []\n"
    [ticket] = json.loads(maild("tickets", "--json", cwd=new).stdout)
    assert ticket["subject"] == "Printer"
    again = maild("restore", "../b.tar.gz", cwd=new)
    assert (again.returncode, again.stdout) == (65, b"")
    assert b"is in use: --force moves it aside" in again.stderr
    with only_one(new / "var" / "maild.db.lock"):
        running = maild("restore", "--force", "../b.tar.gz", cwd=new)
    said = f"maild: maild runs on {new}/var/maild.db: stop it first"
    assert (running.returncode, running.stderr.decode().splitlines()[-1]) == (65, said)
    (tmp_path / "junk").write_bytes(b"no backup")
    assert maild("restore", "../junk", cwd=new).returncode == 65
    assert maild("backup", "nowhere/b.tar.gz", cwd=new).returncode == 65
    assert maild("backup", ".", cwd=new).returncode == 65
    assert list(tmp_path.glob("*.partial")) == []
