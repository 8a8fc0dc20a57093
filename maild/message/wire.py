"""Raw octets made safe to parse: bounded in header, fields, parts and nesting, and mended where mailers break the header.

Every bound cuts instead of refusing: what is left is understood, and a defect says what was cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_HEADER = 256 * 1024
MAX_FIELD = 64 * 1024
MAX_FIELD_COUNT = 2000
MAX_ADDRESSES = 500
MAX_PARTS = 500
MAX_DEPTH = 30

_SMALL_HEADER = 16 * 1024
_MAX_DASH_LINES = 10 * MAX_PARTS
_MAX_CONTAINERS = 200
_MAX_MENDED = 50
_ADDRESS_FIELDS = (b"from", b"to", b"cc", b"bcc", b"reply-to", b"delivered-to", b"sender")
_ESSENTIAL_FIELDS = frozenset(
    (
        *_ADDRESS_FIELDS,
        b"subject",
        b"date",
        b"message-id",
        b"in-reply-to",
        b"references",
        b"mime-version",
        b"content-type",
        b"content-transfer-encoding",
        b"content-disposition",
        b"auto-submitted",
        b"precedence",
        b"list-id",
        b"return-path",
        b"x-auto-response-suppress",
    )
)
_LEADING = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*\r?\n)*")
# RFC 5322 §2.2: a field name is printable ASCII without colon; `From ` is the separator line of mbox files.
_HEADER_RUN = re.compile(rb"(?:(?:[!-9;-~]+[ \t]*:|[ \t]|>?From )[^\n]*(?:\n|\Z))*")
_TORN_HEADER = re.compile(
    rb"(?i)\r?\n((?=(?:[^\n]+\n){0,8}?content-type:\s{0,9}multipart/)(?:(?:content-[a-z-]+|mime-version):[^\n]*\n(?:[ \t][^\n]*\n)*)+)"
)
_CONTENT_TYPE = re.compile(rb"(?mi)^content-type:")
_BLANK_BEFORE_COLON = re.compile(rb"(?m)^([!-9;-~]+)[ \t]+:")
_FIELD = re.compile(rb"[^\n]*(?:\n|\Z)(?:[ \t][^\n]*(?:\n|\Z))*")
_KNOWN_FIELD = re.compile(
    rb"(?mi)^(?:from|to|subject|date|mime-version|content-type|content-transfer-encoding|message-id|received):"
)
_BLANK_LINE = re.compile(rb"(?m)^\r?$")
_BOUNDARY = re.compile(rb'(?i)boundary\s{0,9}=\s{0,9}(?:"([^"\r\n]{1,100})"|([^\s";]{1,100}))')
_DASH_LINE = re.compile(rb"(?m)^--([^\r\n]{0,110})")
_CONTAINER = re.compile(rb"(?i)\ncontent-type\s*:\s*(?:multipart|message)/")


@dataclass(frozen=True, slots=True)
class Wire:
    """`data` to parse, `body` the offset in it where the body begins, `defects` what was cut or mended."""

    data: bytes
    body: int
    defects: tuple[str, ...]


def bounded(raw: bytes) -> Wire:
    """Cut and mend `raw` so that parsing it costs time in proportion to its size. The usual mail comes back as it is."""
    defects: list[str] = []
    data = raw
    if b"\n" not in raw and b"\r" in raw:
        data = raw.replace(b"\r", b"\n")
        defects.append("lines end in CR alone")
    leading = _LEADING.match(data)
    if leading and leading.end() and _KNOWN_FIELD.search(data[leading.end() : leading.end() + 4096]):
        data = data[leading.end() :]
        defects.append("blank lines before the header")
    end = _header_end(data)
    data, end = _rejoined(data, end, defects)
    head = _mended(data[:end], defects)
    if len(head) > _SMALL_HEADER:
        head = _trimmed(head, defects)
    usual = head.endswith(b"\n") and head == data[:end] and data.startswith((b"\r\n", b"\n"), end)
    if usual:  # the usual mail is not held in memory twice
        keep = _parts_end(head, data, end, defects)
        return Wire(data[:keep], end + _line_end(data, end), tuple(defects))
    if head and not head.endswith(b"\n"):
        head += b"\r\n"
    body = data[end:]
    if not body.startswith((b"\r\n", b"\n")):
        body = b"\r\n" + body
    body = body[: _parts_end(head, body, 0, defects)]
    return Wire(head + body, len(head) + _line_end(body, 0), tuple(defects))


def _line_end(data: bytes, at: int) -> int:
    return 2 if data.startswith(b"\r\n", at) else 1


def _header_end(data: bytes) -> int:
    """Where the header ends: before the blank line, or before the first line that cannot belong to a header."""
    run = _HEADER_RUN.match(data)
    end = run.end() if run else 0
    for _ in range(_MAX_MENDED):
        if end >= len(data) or data.startswith((b"\n", b"\r\n"), end):
            return end
        # A stray line is part of the header when known fields follow it before the next blank line.
        blank = _BLANK_LINE.search(data, end, end + MAX_HEADER)
        if not _KNOWN_FIELD.search(data[end : blank.start() if blank else end + MAX_HEADER]):
            return end
        stray = data.find(b"\n", end) + 1
        run = _HEADER_RUN.match(data, stray) if stray else None
        end = run.end() if run else len(data)
    return end


def _rejoined(data: bytes, end: int, defects: list[str]) -> tuple[bytes, int]:
    """Take the blank line away that Outlook leaves above the Content-Type of a mail forwarded as attachment, if that is what it is."""
    split = _TORN_HEADER.match(data, end)
    if split is None or _CONTENT_TYPE.search(data, 0, end):
        return data, end
    boundary = _BOUNDARY.search(split[1])
    if boundary is None or b"\n--" + (boundary[1] or boundary[2]) not in data:
        return data, end
    defects.append("blank line inside the header")
    joined = data[:end] + data[split.start(1) :]
    return joined, end + len(split[1])


def _mended(head: bytes, defects: list[str]) -> bytes:
    """Give stray lines the blank of a continuation, take the blank before a colon away."""
    if _BLANK_BEFORE_COLON.search(head):
        head = _BLANK_BEFORE_COLON.sub(rb"\1:", head)
        defects.append("blank before the colon of a field")
    run = _HEADER_RUN.match(head)
    if run and run.end() == len(head) and b"\n>From " not in head:
        return head
    defects.append("line without a field name in the header")
    out: list[bytes] = []
    for number, line in enumerate(head.split(b"\n")):
        usual = not line.strip() or (
            _HEADER_RUN.fullmatch(line) and not (number and line.startswith((b"From ", b">From ")))
        )
        out.append(line if usual else b" " + line)
    return b"\n".join(out)


def _trimmed(head: bytes, defects: list[str]) -> bytes:
    """Shorten long fields, then leave out those that pass the bound; short fields further down are still kept."""
    out: list[bytes] = []
    size = 0
    commas = 4 * MAX_ADDRESSES
    seen: set[bytes] = set()
    for field in _FIELD.findall(head):
        if not field:
            continue
        name = field.partition(b":")[0].strip().lower()
        if name in _ADDRESS_FIELDS:
            parts = field.split(b",", min(MAX_ADDRESSES, commas) + 1)
            commas = max(0, commas - len(parts))
            kept = b",".join(parts[: MAX_ADDRESSES + 1 if commas else 1])
        else:
            kept = field
        kept = kept[:MAX_FIELD]
        if kept != field:
            kept = kept.rstrip(b"\r\n") + b"\r\n"
            defects.append(f"field cut: {name[:40].decode('ascii', 'replace')}")
        essential = name in _ESSENTIAL_FIELDS and name not in seen and len(kept) <= MAX_FIELD // 8
        seen.add(name)
        if not essential and (size + len(kept) > MAX_HEADER or len(out) >= MAX_FIELD_COUNT):
            defects.append("header too large")
            continue
        out.append(kept)
        size += len(kept)
    return b"".join(out)


def _parts_end(head: bytes, data: bytes, start: int, defects: list[str]) -> int:
    """Where the body that begins at `start` of `data` is to be cut: before the part that is one too many, or nested too often; else its end."""
    stop = len(data)
    for containers, match in enumerate(_CONTAINER.finditer(data, start), 1):
        if containers > _MAX_CONTAINERS:
            defects.append("too many nested parts")
            stop = match.start()
            break
    if data.count(b"\n--", start, stop) <= MAX_PARTS:
        return stop
    boundaries = {
        one or two
        for one, two in _BOUNDARY.findall(head + data[start : min(stop, start + 4 * MAX_HEADER)])[
            :_MAX_CONTAINERS
        ]
    }
    if not boundaries and b"multipart" not in head.lower():
        return stop
    parts = 0
    for lines, match in enumerate(_DASH_LINE.finditer(data, start, stop)):
        line = match[1].rstrip(b" \t")
        parts += line in boundaries or (line.endswith(b"--") and line[:-2] in boundaries)
        if parts > MAX_PARTS or lines > _MAX_DASH_LINES:
            defects.append("too many parts")
            return match.start()
    return stop
