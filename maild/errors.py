"""What can go wrong, in families that know their exit code and, for peers, their SMTP reply.

Anything that is none of these is a fault of maild: the traceback goes to the log, and outward goes `451 4.3.0`.
"""

from __future__ import annotations

from dataclasses import dataclass

EXIT_FAULT = 1
EXIT_USAGE = 2
EXIT_DATA = 65
EXIT_UNREACHABLE = 69
EXIT_LATER = 75
EXIT_CONFIG = 78


class MaildError(Exception):
    """Base of the expected errors. `str()` is a sentence for the person at the terminal."""

    exit_code = EXIT_FAULT


class Refused(MaildError):
    """The peer asked for something we never do. `code`, `enhanced` and `text` are the public SMTP reply."""

    exit_code = EXIT_DATA

    def __init__(self, code: int, enhanced: str, text: str) -> None:
        super().__init__(f"{code} {enhanced} {text}")
        self.code, self.enhanced, self.text = code, enhanced, text


class NotNow(MaildError):
    """A temporary fault (disk, database, load): SMTP 4xx outward, exit 75 for a pipe. The text stays inside."""

    exit_code = EXIT_LATER


class BadInput(MaildError):
    """Data given to a command cannot be used."""

    exit_code = EXIT_DATA


class Unreachable(MaildError):
    """A service the command needs does not answer."""

    exit_code = EXIT_UNREACHABLE


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in an admin's file. `line` and `column` count from 1; 0 means the whole file."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class ConfigError(MaildError):
    """Configuration, rules or templates are wrong; `problems` holds every mistake found, never only the first."""

    exit_code = EXIT_CONFIG

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
