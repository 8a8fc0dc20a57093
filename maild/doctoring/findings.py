"""What a check has found: how it is, why, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from maild.errors import ConfigError, MaildError

log = structlog.get_logger("maild.doctor")

SECONDS: Final = 30.0
"""In which every check must have ended."""


class Grade(StrEnum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Cause(StrEnum):
    """What a fault is one of, for the exit code: a service that does not answer, or the configuration."""

    SERVICE = "service"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the result. `part`: of the site; `what`: was tried; `says`: how it is and why; `do`: what to do, "" when it is well."""

    part: str
    what: str
    grade: Grade
    says: str
    do: str = ""
    cause: Cause | None = None


def ok(part: str, what: str, says: str) -> Finding:
    return Finding(part, what, Grade.OK, says)


def warning(part: str, what: str, says: str, do: str) -> Finding:
    return Finding(part, what, Grade.WARNING, says, do)


def fault(part: str, what: str, says: str, do: str, cause: Cause = Cause.SERVICE) -> Finding:
    return Finding(part, what, Grade.FAULT, says, do, cause)


def misconfigured(part: str, what: str, says: str, do: str) -> Finding:
    return fault(part, what, says, do, Cause.CONFIGURATION)


async def within(
    part: str, what: str, check: Callable[[], Awaitable[Iterable[Finding]]], seconds: float = SECONDS
) -> list[Finding]:
    """The findings of a check, also when it breaks or does not end."""
    try:
        async with asyncio.timeout(seconds):
            return list(await check())
    except TimeoutError:
        return [fault(part, what, f"no answer within {seconds:.0f} seconds", "is the host right, and does a firewall let it through?")]  # fmt: skip
    except ConfigError as error:
        return [
            misconfigured(
                part, what, "; ".join(map(str, error.problems)), "mend it in the file that is named"
            )
        ]
    except MaildError as error:
        return [fault(part, what, str(error), "see the reason; try again when that is over")]
    except OSError as error:
        return [
            fault(part, what, error.strerror or str(error), "see the reason; try again when that is over")
        ]
    except Exception as error:
        log.exception("check failed", part=part, what=what)
        return [
            fault(part, what, f"the check itself failed: {type(error).__name__}: {error}", "please report it")
        ]
