"""Files written into the text as uuencode (POSIX `uuencode`), as old programs still do."""

from __future__ import annotations

import binascii
import re

_BEGIN = re.compile(r"(?m)^begin(?:-base64)? [0-7]{3,4} ([^\n]{1,255})\n")
_MAX_FILES = 100


def extract(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """(text without the files, [(name, content)]). What only looks like a file stays text."""
    if "begin" not in text:
        return text, []
    kept: list[str] = []
    files: list[tuple[str, bytes]] = []
    position = 0
    while len(files) < _MAX_FILES:
        match = _BEGIN.search(text, position)
        if match is None:
            break
        read = _base64(text, match.end()) if match[0].startswith("begin-") else _lines(text, match.end())
        if read is None:
            kept.append(text[position : match.end()])
            position = match.end()
            continue
        content, end = read
        kept.append(text[position : match.start()])
        files.append((match[1].strip(), content))
        position = end
    kept.append(text[position:])
    return "".join(kept), files


def _lines(text: str, position: int) -> tuple[bytes, int] | None:
    """(the octets, where the text goes on); None when a line is none of uuencode or the end is missing."""
    out = bytearray()
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end].rstrip("\r")
        position = min(end + 1, len(text))
        if line.strip() == "end":
            return bytes(out), position
        if line in ("", "`", " "):
            continue
        length = (ord(line[0]) - 32) & 63
        if len(line) > 64 or not line.isascii() or len(line.rstrip()) > 1 + (length + 2) // 3 * 4 + 2:
            return None
        try:
            out += binascii.a2b_uu(line)
        except binascii.Error:
            return None
    return None


def _base64(text: str, position: int) -> tuple[bytes, int] | None:
    end = text.find("\n====", position)
    if end < 0:
        return None
    try:
        content = binascii.a2b_base64(text[position:end])
    except (binascii.Error, ValueError):
        return None
    following = text.find("\n", end + 1)
    return content, len(text) if following < 0 else following + 1
