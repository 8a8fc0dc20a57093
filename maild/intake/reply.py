"""The answers of SMTP and LMTP, and the one place that turns an error into one (RFC 5321 §4.2, codes of RFC 3463)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog
from structlog.typing import FilteringBoundLogger

from maild.errors import NotNow, Refused

log: FilteringBoundLogger = structlog.get_logger("maild.intake")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of one line, or (EHLO) one with further `keywords`. `enhanced` "" for replies that carry no such code."""

    code: int
    enhanced: str
    text: str
    keywords: tuple[str, ...] = ()

    def __bytes__(self) -> bytes:
        """-> what goes over the wire: one line each, CRLF, printable ASCII only."""
        first = " ".join(part for part in (self.enhanced, _printable(self.text)) if part)
        lines = (first, *self.keywords)
        marks = "-" * (len(lines) - 1) + " "
        return "".join(
            f"{self.code}{mark}{line}\r\n" for mark, line in zip(marks, lines, strict=True)
        ).encode("ascii")

    @property
    def final(self) -> bool:
        """Whether the server closes the connection after it (RFC 5321 §3.8)."""
        return self.code in (221, 421)


KEPT: Final = Reply(250, "2.0.0", "kept")
OK: Final = Reply(250, "2.0.0", "OK")
SENDER_OK: Final = Reply(250, "2.1.0", "OK")
RECIPIENT_OK: Final = Reply(250, "2.1.5", "OK")
CANNOT_VERIFY: Final = Reply(252, "2.1.5", "Send some mail, it will be tried")
BYE: Final = Reply(221, "2.0.0", "Bye")
READY_FOR_TLS: Final = Reply(220, "2.0.0", "Ready to start TLS")
START_MAIL: Final = Reply(354, "", "End data with <CR><LF>.<CR><LF>")
TRY_LATER: Final = Reply(451, "4.3.0", "Temporary failure, try again later")
SHUTTING_DOWN: Final = Reply(421, "4.3.2", "Service shutting down")
TIMED_OUT: Final = Reply(421, "4.4.2", "Timeout, closing connection")
TOO_MANY_CONNECTIONS: Final = Reply(421, "4.7.0", "Too many connections, try again later")
TOO_MANY_ERRORS: Final = Reply(421, "4.7.0", "Too many errors")
TOO_MANY_COMMANDS: Final = Reply(421, "4.7.0", "Too many commands without a mail")


def reply_to(error: Exception) -> Reply:
    """-> what the peer is told of `error`: the refusal it carries, else `451 4.3.0` with nothing of ours in it.

    What is not a refusal is logged here, a fault of maild with its traceback.
    """
    if isinstance(error, Refused) and 400 <= error.code < 600:
        return Reply(error.code, error.enhanced, error.text)
    if isinstance(error, NotNow):
        log.warning("mail_deferred", reason=str(error))
    else:
        log.error("intake_fault", exc_info=error)
    return TRY_LATER


def _printable(text: str) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text)
