"""The mails that follow from those worked on in a transaction: while their words are made beside, the next ones are worked on already."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import structlog

from maild.composing import Beside, Composed, compose
from maild.delivery.render import Templates
from maild.desk.effects import Tell
from maild.desk.snapshot import Snapshot, Wanted
from maild.errors import NotNow
from maild.telling import Begun, Telling, log_queued, queue
from store import Contended, FilesAway
from store.rows import Intake, NewMail

TOGETHER: Final = 4
"""So many mails' answers are composed together, for each question wakes a process that may have to wait for a processor, or take ours. Fewer in
the beginning of a transaction, which may have to end soon."""


class First(Exception):
    """What is unsent goes first, then this mail is worked on. So far it has only been looked at."""


class Undone(Exception):
    """Something in the transaction failed that cannot be undone alone: it is rolled back, and its mails are worked on one after the other."""


@contextlib.contextmanager
def undoing() -> Iterator[None]:
    """Outside of a savepoint nothing can be undone but the whole transaction."""
    try:
        yield
    except FilesAway as fault:  # that concerns one mail, and is told with it
        raise Undone(str(fault)) from fault
    except (NotNow, Undone, First, Contended):
        raise
    except Exception as fault:
        raise Undone(f"{type(fault).__name__}: {fault}") from fault


@dataclass(frozen=True, slots=True)
class _Answers:
    """To one mail, whose row this is."""

    row: Intake
    telling: Telling
    begun: Sequence[Begun]

    def concern(self, wanted: Wanted, found: Snapshot) -> bool:
        """Whether what is looked up may see these mails: they are about one of its tickets, or go to somebody who is asked for."""
        to = {one.person.key for one in self.begun} | {one.tell.to.key for one in self.begun}
        asked = {*wanted.counted, *wanted.addresses, wanted.agent, wanted.helped, wanted.newcomer}
        asked |= {person.key for person in found.persons.values()}
        ticket = self.telling.occasion.ticket
        return bool(to & asked) or (ticket is not None and ticket.id in found.tickets)


class Unsent:
    """Of one transaction after the other, in the order of the mails they answer. `beside` composes them. `add` and `send` raise Undone."""

    def __init__(self, beside: Beside, templates: Templates) -> None:
        self.beside, self.templates = beside, templates
        self.failed = False
        """Whether one of the templates has failed: each mail that it is for has another one follow, to the admins."""
        self.forget()

    def forget(self) -> None:
        """The transaction has ended."""
        self._all: list[_Answers] = []
        self._asked = 0  # how many of the first of these are with the process beside
        self._together = 1

    def __bool__(self) -> bool:
        return bool(self._all)

    def concern(self, wanted: Wanted, found: Snapshot) -> bool:
        """Whether what is looked up may see any of them."""
        return any(answers.concern(wanted, found) for answers in self._all)

    def add(self, row: Intake, telling: Telling, tells: Sequence[Tell]) -> None:
        """Have these mails composed, some together with others, and queued behind those that were before."""
        with undoing():
            begun = telling.begin(tells, (one for answers in self._all for one in answers.begun))
            if not begun:
                return
            self._all.append(_Answers(row, telling, begun))
            if len(self._all) - self._asked < self._together:
                return
            self._together = min(self._together + 1, TOGETHER)
            self._queue_asked()
            drafts = [one.draft for answers in self._all for one in answers.begun]
            if self.beside.begin(self.templates, drafts):
                self._asked = len(self._all)
            else:
                self.send()

    def send(self) -> None:
        """Queue them all; of what is not with the process beside the first is composed here meanwhile."""
        with undoing():
            meanwhile = self._all[self._asked : self._asked + 1] if self._asked else []
            composed = self._composed(meanwhile)
            self._queue_asked()
            composed += self._composed(self._all[len(meanwhile) :])
            self._queue(composed, len(self._all))

    def _composed(self, some: Sequence[_Answers]) -> list[Composed]:
        return [compose(self.templates, one.draft) for answers in some for one in answers.begun]

    def _queue_asked(self) -> None:
        """Queue what is composed beside."""
        if self._asked:
            composed, asked, self._asked = self.beside.finish(), self._asked, 0
            self._queue(composed, asked)

    def _queue(self, composed: Sequence[Composed], number: int) -> None:
        """Queue the mails of so many of the first."""
        words = iter(composed)
        done, self._all = self._all[:number], self._all[number:]
        written = [(one.row, self._written(one, [*islice(words, len(one.begun))])) for one in done]
        mails = [mail for _, some in written for mail in some]
        if not mails:
            return
        queued = queue(done[0].telling.work, mails)
        for row, some in written:
            with structlog.contextvars.bound_contextvars(intake=row.id):
                log_queued(some, queued)

    def _written(self, answers: _Answers, composed: Sequence[Composed]) -> list[NewMail]:
        """Of a template that failed the admins are told by a mail more, which is no matter for later."""
        mails = answers.telling.written(answers.begun, composed)
        if answers.telling.problems:
            self.failed = True
            raise Undone(str(answers.telling.problems[0]))
        return mails
