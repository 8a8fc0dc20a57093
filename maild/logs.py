"""Structured logs on stderr: one line an event, quiet, never a body or a secret; with priorities for journald.

What is said of a mail carries `intake` and `message_id`, of one of ours `outbox`, `message_id` and `ticket`, from its arrival to its end. Texts of
strangers make no line of their own and move no cursor: whatever is not printable is written as an escape.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202f-\u2065\u2070-\ud7ff\ue000-\ufefe\uff00-\U0010ffff]")
"""Controls, marks of direction, separators of lines, halves of surrogates."""
_PRIORITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}


_together: ContextVar[list[str] | None] = ContextVar("together", default=None)


class Lines(structlog.PrintLogger):
    """Writes each line at once, but for what is said `together` and is in order. Where nobody can be told any more (a full disk, a reader that
    has gone) the mail goes on all the same: what is done is done, and must not be taken for a failure."""

    def msg(self, message: str) -> None:
        with contextlib.suppress(OSError):
            super().msg(message)

    log = warn = warning = fatal = failure = err = error = critical = exception = msg

    def info(self, message: str) -> None:
        """One event, as it is shown."""
        lines = _together.get()
        if lines is None:
            self.msg(message)
        else:
            lines.append(message)

    debug = info


@contextlib.contextmanager
def together() -> Iterator[None]:
    """What this thread says meanwhile of what is in order is written in one go at the end: each write wakes who reads it. When it ends badly
    it is not: it was said of what is undone."""
    lines: list[str] = []
    token = _together.set(lines)
    try:
        yield
    finally:
        _together.reset(token)
    if lines:
        Lines(sys.stderr).msg("\n".join(lines))


def _journal(_: Any, method: str, line: str) -> str:
    """sd-daemon(3): a line that begins with <N> has that priority."""
    level = _PRIORITY.get(method, 6)
    return "\n".join(f"<{level}>{part}" for part in line.splitlines())


_ENCODER = json.JSONEncoder(default=str, ensure_ascii=False)


def _json(value: object, **_: Any) -> str:
    return _escaped(_ENCODER.encode(value))


def _escaped(text: str) -> str:
    """As JSON escapes what cannot be printed."""
    return text if text.isprintable() else _UNPRINTABLE.sub(lambda match: json.dumps(match[0])[1:-1], text)


def to_stderr() -> None:
    """For commands, whose stdout is for data: only what is wrong, as text."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _only_wrong,
            structlog.processors.format_exc_info,
            _text,
        ],
        logger_factory=lambda *_: Lines(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _only_wrong(_: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if method in ("debug", "info"):
        raise structlog.DropEvent
    return event


def configure(format_: str, level: str, env: Mapping[str, str] = os.environ) -> None:
    """`format_`: auto, text or json. Under systemd (JOURNAL_STREAM) times are the journal's own."""
    journal = "JOURNAL_STREAM" in env
    plain = format_ == "text" or (format_ == "auto" and (journal or sys.stderr.isatty()))
    processors: list[Any] = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level]
    if not journal:
        processors.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    processors.append(structlog.processors.format_exc_info)
    processors.append(_text if plain else structlog.processors.JSONRenderer(serializer=_json))
    if journal:
        processors.append(_journal)
    number = logging.getLevelName(level.upper())
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: Lines(sys.stderr),
        cache_logger_on_first_use=False,
    )
    for name in ("mailparser", "flufl.bounce"):  # they log what we handle: mails that break their rules
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", force=True
    )


def _text(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """`TIME level event key=value …`; a traceback on lines of its own."""
    when = f"{event.pop('timestamp')} " if "timestamp" in event else ""
    level, what, trace = event.pop("level", "info"), event.pop("event", ""), event.pop("exception", None)
    pairs = " ".join(f"{key}={_shown(value)}" for key, value in event.items() if value is not None)
    line = f"{when}{level:<7} {what}{' ' + pairs if pairs else ''}"
    # Set in, so that no line of a text in it can be taken for an event.
    return "\n    ".join((line, *map(_escaped, trace.splitlines()))) if trace else line


def _shown(value: object) -> str:
    text = str(value)
    plain = text and text.isprintable() and not any(char in text for char in ' "=\\')
    return text if plain else _escaped(json.dumps(text, ensure_ascii=False))
