"""Where messages of an mbox begin and end, whoever wrote it; and what of a folder is mail."""

from __future__ import annotations

import mailbox
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.intake import mbox
from maild.intake.archive import Apart, Place, dated, find, messages

SEP = b"From carla@globex.test Sat Mar  1 12:00:00 2025\n"
HEAD = b"From: carla@globex.test\nSubject: x\n\n"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def read(file: Path) -> list[bytes]:
    return [one.raw for one in messages([file])]


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        (SEP + HEAD + b"one\n\n" + SEP + HEAD + b"two\n", [b"one\n", b"two\n"]),
        (SEP + HEAD + b"one\n\n" + SEP + HEAD + b"two\n\n", [b"one\n", b"two\n"]),
        (SEP + HEAD + b"one\n" + SEP + HEAD + b"two", [b"one\n", b"two"]),  # no empty line between them
        (SEP + HEAD + b"a\n\nFrom here on it fails.\n\n", [b"a\n\nFrom here on it fails.\n"]),
        (SEP + HEAD + b"a\n\nFrom me 12:30 2025 no header follows\n\n", [b"a\n"]),
        (SEP + HEAD + b">From the start\n>>From more\n\n", [b"From the start\n>From more\n"]),
        (SEP + HEAD[:-1] + b"Content-Length: 9\n\n\nFrom me\n\n\n" + SEP + HEAD + b"two\n", [b"\nFrom me\n", b"two\n"]),
        (SEP + HEAD[:-1] + b"Content-Length: 9\n\n>From me\n\n\n" + SEP + HEAD + b"two\n", [b"From me\n", b"two\n"]),
        (SEP + HEAD[:-1] + b"Content-Length: 4711\n\nwrong\n\n" + SEP + HEAD + b"two\n", [b"wrong\n", b"two\n"]),
        (b"From - Sat Mar 01 12:00:00 2025\n" + HEAD + b"Mozilla\n\n", [b"Mozilla\n"]),
        (b"From x@y 2025-03-01 12:00:00\n" + HEAD + b"ISO\n\n", [b"ISO\n"]),
        ((SEP + HEAD + b"one\n\n" + SEP + HEAD + b"two\n\n").replace(b"\n", b"\r\n"), [b"one\r\n", b"two\r\n"]),
    ],
)  # fmt: skip
def test_what_stands_between_separators(tmp_path: Path, text: bytes, bodies: list[bytes]) -> None:
    (tmp_path / "box").write_bytes(text)
    found = [raw.replace(b"\r\n\r\n", b"\n\n", 1).partition(b"\n\n")[2] for raw in read(tmp_path / "box")]
    if (
        b"no header follows" in text
    ):  # behind an empty line it is a separator all the same, as for every reader of mboxo
        assert len(found) == 2
        return
    assert found == bodies


@given(
    st.lists(st.binary(max_size=60).map(lambda b: b.replace(b"\r", b"")), min_size=1, max_size=8),
    st.integers(1, 40),
)
@settings(max_examples=60, deadline=None)
def test_what_an_mboxrd_holds_comes_back(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], block: int
) -> None:
    """Across the borders of the blocks in which it is read."""
    file = tmp_path_factory.mktemp("box") / "box"
    texts = [b"From the top\n" + body + b"\nend\n" for body in bodies]
    quoted = [
        b"\n".join(
            b">" + line if line.lstrip(b">").startswith(b"From ") else line for line in text.split(b"\n")
        )
        for text in texts
    ]
    file.write_bytes(b"".join(SEP + HEAD + text + b"\n" for text in quoted))
    before, mbox._BLOCK = mbox._BLOCK, block * 16
    try:
        assert [raw.removeprefix(HEAD) for raw in read(file)] == texts
    finally:
        mbox._BLOCK = before


def test_as_the_standard_library_writes_it(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "box")
    for number in range(3):
        box.add(HEAD + b"From %d\nmore\n" % number)
    box.close()
    assert [raw.partition(b"\n\n")[2] for raw in read(tmp_path / "box")] == [
        b"From %d\nmore\n" % n for n in range(3)
    ]


def test_folders(tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "Maildir")
    box.add(HEAD + b"flagged\n")
    box.add_folder("Sent").add(HEAD + b"sent\n")
    (tmp_path / "Maildir" / "dovecot-uidlist").write_text("3 V1 N1\n")
    (tmp_path / "Maildir" / "tmp" / "half").write_bytes(HEAD)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a.eml").write_bytes(b"\xef\xbb\xbf" + HEAD + b"eml\n")
    (tmp_path / "deep" / ".hidden").write_bytes(HEAD)
    (tmp_path / "deep" / "picture.png").write_bytes(b"\x89PNG\r\n")
    os.symlink(tmp_path / "deep", tmp_path / "deep" / "er" / "back")
    found = list(find([tmp_path / "Maildir", tmp_path / "deep"]))
    assert [one.read().rpartition(b"\n\n")[2] for one in found if isinstance(one, Place)] == [
        b"flagged\n",
        b"sent\n",
        b"eml\n",
    ]
    assert [(one.file.name, one.wrong) for one in found if isinstance(one, Apart)] == [("picture.png", False)]
    [named] = find([tmp_path / "deep" / "picture.png"])
    assert isinstance(named, Apart)
    assert named.wrong


@pytest.mark.parametrize(
    ("head", "at", "by"),
    [
        (b"Date: Sat, 1 Mar 2025 12:00:00 +0100\n", "2025-03-01T11:00:00+00:00", "Date"),
        (b"Date: soon\nReceived: by x; Sat, 1 Mar 2025 13:00:00 +0000\nReceived: by y; Sat, 1 Mar 2025 10:00:00 +0000\n", "2025-03-01T13:00:00+00:00", "Received"),
        (b"Date: Thu, 1 Jan 1970 00:00:00 +0000\n", "2025-03-01T12:00:00+00:00", "the From_ line"),
        (b"Date: Thu, 1 Jan 2099 00:00:00 +0000\n", "2025-03-01T12:00:00+00:00", "the From_ line"),
        (b"", "2025-03-01T12:00:00+00:00", "the From_ line"),
    ],
)  # fmt: skip
def test_when_it_was_written(tmp_path: Path, head: bytes, at: str, by: str) -> None:
    (tmp_path / "box").write_bytes(SEP + head + HEAD + b"x\n")
    [place] = find([tmp_path / "box"])
    assert isinstance(place, Place)
    found = dated(place, NOW)
    assert (found.at.isoformat(), found.by) == (at, by)


def test_a_maildir_file_tells_when_it_came(tmp_path: Path) -> None:
    file = tmp_path / "1740830400.M1P2.host:2,S"
    file.write_bytes(HEAD)
    assert dated(Place(file, 0, len(HEAD)), NOW).by == "the file's name"
