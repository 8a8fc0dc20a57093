"""From a notice to the bytes of a mail. Where many mails wait, in a process beside, while the next one is decided."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final, cast

from maild import isolation
from maild.delivery.notice import Notice
from maild.delivery.render import Templates
from maild.desk.rulebook import Rulebook
from maild.errors import Problem
from maild.message.outgoing import Outgoing
from maild.message.write import write
from maild.pipes import Pipes, connected, taken

WALL_SECONDS: Final = 3.0
"""Whoever waits has a transaction open."""
_ELSEWHERE: Final = cast(Rulebook, None)
"""In the place of the rulebook in what is sent to the process beside, which has it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail without its words: `outgoing` gets subject, text, HTML and language when `notice` is rendered."""

    notice: Notice
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail as bytes, and the words it holds. `problems`: own templates that failed, so that the shipped ones were used."""

    subject: str
    text: str
    language: str
    problems: tuple[Problem, ...]
    raw: bytes


class Lost(Exception):
    """The process beside has not composed what it was given."""


def compose(templates: Templates, draft: Draft) -> Composed:
    """Render and write. Raises ConfigError when there is no such template."""
    made = templates.render(draft.notice)
    outgoing = replace(
        draft.outgoing, subject=made.subject, text=made.text, html=made.html, language=made.language
    )
    return Composed(made.subject, made.text, made.language, made.problems, write(outgoing))


class Beside:
    """Composes in a process of its own, forked when there is work for it. For one thread at a time."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._pipes: Pipes | None = None
        self._by: tuple[Templates, Rulebook] | None = None
        self._number = 0
        self._asked: int | None = None
        """The number of what was begun and not finished."""

    def begin(self, templates: Templates, drafts: Sequence[Draft]) -> bool:
        """Have these composed, which `finish` gives then; False: they are too big for it, or it cannot be had."""
        rulebook = drafts[0].notice.rulebook
        others = self._by is None or self._by[0] is not templates or self._by[1] is not rulebook
        if (
            others or self._asked is not None
        ):  # other files are in force; or whoever asked has left, and is not answered any more
            self.close()
        pipes = self._pipes or self._start(templates, rulebook)
        if (
            pipes is None
            or taken(sum(len(file.content) for one in drafts for file in one.outgoing.files)) > pipes.room
        ):
            return False
        bare = [Draft(replace(one.notice, rulebook=_ELSEWHERE), one.outgoing) for one in drafts]
        self._number += 1
        payload = ForkingPickler.dumps((self._number, bare))
        if taken(len(payload)) > pipes.room:
            return False
        try:
            pipes.questions.send_bytes(payload)
        except OSError:  # it has ended since
            self.close()
            return False
        self._asked = self._number
        return True

    def finish(self) -> list[Composed]:
        """What was begun last. Raises Lost."""
        asked, self._asked = self._asked, None
        try:
            if asked is not None and self._pipes is not None and self._pipes.answers.poll(WALL_SECONDS):
                number: int
                made: list[Composed] | None
                number, made = self._pipes.answers.recv()
                if made is not None and number == asked:
                    return made
        except (EOFError, OSError):
            self.close()
            raise Lost("the process that composes mails has ended") from None
        self.close()
        raise Lost("a mail could not be composed")

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._pipes is not None:
            self._pipes.close()
            self._process.kill()
            self._process.join()
            self._process.close()
        self._process = self._pipes = self._by = self._asked = None

    def _start(self, templates: Templates, rulebook: Rulebook) -> Pipes | None:
        context: Any = multiprocessing.get_context("fork")
        pipes, theirs = connected()
        process = context.Process(
            target=_serve, args=(theirs, templates, rulebook), name="maild-composer", daemon=True
        )
        try:
            process.start()
        except OSError:  # no memory, or too many processes: it is done here
            pipes.close()
            return None
        finally:
            theirs.close()
        self._pipes, self._process, self._by = pipes, process, (templates, rulebook)
        return pipes


def _serve(pipes: Pipes, templates: Templates, rulebook: Rulebook) -> None:
    """The process: composes what comes until the other end is gone."""
    isolation.deafen()
    isolation.be_frugal()
    isolation.collect_seldom()
    isolation.stand_back()
    isolation.disinherit(pipes.files())
    logging.disable()
    try:
        while True:
            number: int
            drafts: list[Draft]
            number, drafts = pipes.questions.recv()
            pipes.answers.send((number, _composed(templates, rulebook, drafts)))
            del drafts
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _composed(templates: Templates, rulebook: Rulebook, drafts: Sequence[Draft]) -> list[Composed] | None:
    """None: whoever asked tries it himself, and sees why it cannot be done."""
    try:
        return [
            compose(templates, Draft(replace(one.notice, rulebook=rulebook), one.outgoing)) for one in drafts
        ]
    except Exception:  # noqa: BLE001  handed back
        return None
