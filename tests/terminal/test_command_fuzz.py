"""Whatever lies where a command reads or writes: an exit code of the documented ones, a sentence, and never a traceback."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maild import scaffold
from tests.way.desk import Done, maild

DOCUMENTED = {0, 2, 65, 67, 69, 75, 78}
NASTY = (
    b"",
    b"\0" * 5000,
    b"\xff\xfe\0F\0r\0o\0m\0",
    b"x" * 300_000,
    b"\n" * 20_000,
    b"From " + b"\xff" * 50 + b"\n\nFrom \n\n\0",
    b"From: a@b.test\r\nSubject: \x1b]0;owned\x07\x1b[2J\r\n\r\n\x1b[31mred\r\n",
    b"Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\nx",
    b"\x1f\x8b\x08\0" + os.urandom(200),
    b"ustar\0" * 100,
    b"SQLite format 3\0" + b"\0" * 3000,
    b'{"a": [1, 2',
)
CONFIGURATIONS = (
    b"\xff\xfe",
    b"[desk\n",
    b"desk = 3\n",
    b'[desk]\nname = "\\ud800"\n',
    b"[[listen]]\nprotocol = 1\n" * 50,
    b"a = " + b"[" * 3000,
    b'[store]\nurl = "sqlite:///\\u0000"\n',
    b"x" * 200_000,
)
RULES = (
    b"\xff\xfe",
    b"rules:\n" + b"  - " * 400 + b"x",
    b"&a [*a]",
    b"rules: [" + b"{" * 2000,
    b"? ? ? ?",
    b"%YAML 9.9\n---\nrules: 1\n",
    b"rules: !!python/object/apply:os.system ['true']\n",
    b"a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nrules: [*c,*c,*c]\n",
    b'agents:\n  - {name: "\\0", address: "a@b\\n.test"}\n',
    b"---\n---\n---\n",
)
READERS = {
    "inspect": ("inspect", "{}"),
    "inspect as json": ("inspect", "--json", "{}"),
    "explain": ("explain", "{}"),
    "replay": ("replay", "{}", "--rules", "rules"),
    "import": ("import", "{}"),
    "restore": ("restore", "{}"),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    scaffold.write(folder)
    return folder


def assert_told(done: Done, what: object) -> None:
    said = done.stdout + done.stderr
    assert done.returncode in DOCUMENTED, (what, done)
    assert b"Traceback" not in said, (what, said.decode("utf-8", "replace")[-2000:])
    assert b"fault of maild" not in said, what
    assert b"\x1b" not in done.stdout, what
    if done.returncode:
        assert done.stderr.strip() or done.stdout.strip(), what


@pytest.mark.parametrize("name", READERS)
def test_commands_that_read_mail(name: str, desk: Path, tmp_path: Path) -> None:
    for n, octets in enumerate(NASTY):
        file = tmp_path / f"{n}.eml"
        file.write_bytes(octets)
        words = [word.format(file) for word in READERS[name]]
        assert_told(maild(*words, cwd=desk), octets[:60])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(octets=st.binary(max_size=400), command=st.sampled_from(sorted(READERS)))
def test_commands_that_read_anything(octets: bytes, command: str, desk: Path, tmp_path: Path) -> None:
    file = tmp_path / "any.eml"
    file.write_bytes(octets)
    assert_told(maild(*[word.format(file) for word in READERS[command]], cwd=desk), octets)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def nothing(_path: Path) -> None:
    return


@pytest.mark.parametrize("make", [a_folder, a_link_to_nothing, a_link_to_itself, nothing])
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file(name: str, make: Callable[[Path], None], desk: Path, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"od\xff d\nname")
    make(path)
    words = [word.format(path) for word in READERS[name]]
    assert_told(maild(*words, cwd=desk), make.__name__)


def test_a_message_on_stdin(desk: Path) -> None:
    for octets in NASTY:
        assert_told(maild("deliver", cwd=desk, stdin=octets), octets[:60])
        assert_told(maild("inspect", "-", cwd=desk, stdin=octets), octets[:60])


@pytest.mark.parametrize("octets", CONFIGURATIONS, ids=range(len(CONFIGURATIONS)))
def test_a_broken_configuration(octets: bytes, tmp_path: Path) -> None:
    (tmp_path / "maild.toml").write_bytes(octets)
    for words in (("check",), ("check", "--json"), ("tickets",), ("status",), ("doctor",)):
        done = maild(*words, cwd=tmp_path)
        assert_told(done, words)
        assert done.returncode == 78, (words, done)


@pytest.mark.parametrize("octets", RULES, ids=range(len(RULES)))
def test_a_broken_rule_file(octets: bytes, tmp_path: Path) -> None:
    scaffold.write(tmp_path)
    (tmp_path / "rules" / "99-more.yaml").write_bytes(octets)
    done = maild("check", cwd=tmp_path)
    assert_told(done, octets[:60])
    assert done.returncode in (0, 78)
    if done.returncode:
        assert b"99-more.yaml" in done.stdout, done


def test_folders_to_write_to(desk: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"mine")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for words in (("init",), ("export",), ("backup",)):
        for place in (file / "below", loop):
            assert_told(maild(*words, str(place), cwd=desk), (words, place))
    assert_told(maild("init", str(file), cwd=desk), "init onto a file")
    assert_told(maild("export", str(file), cwd=desk), "export onto a file")
    assert file.read_bytes() == b"mine"
