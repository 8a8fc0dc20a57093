"""Commands that reach other tickets: link, merge, split."""

from __future__ import annotations

import re

from maild.desk.commands.fields import is_url, page
from maild.desk.commands.run import Joined, No, Run, some
from maild.desk.people import Ticket
from maild.desk.privacy import may_see
from maild.desk.words import State

_MERGE = re.compile(r"#?(\d{1,12})(?:\s+(together))?", re.IGNORECASE)


def _other(run: Run, word: str) -> Ticket:
    """The ticket of this number, where it lives now, if it is another than this one."""
    number = int(word) if word.isdecimal() and len(word) < 13 else 0
    found = run.snapshot.resolve(number)
    if found is None or not may_see(run.power.agent, found, run.rulebook):
        raise No(f"there is no other ticket {word!r}")
    if found.id == run.ticket.id:
        raise No(
            f"there is no other ticket {word!r}: that is this one"
            if number == found.id
            else f"ticket {number} is part of this ticket already"
        )
    return found


def link(run: Run, argument: str) -> str:
    """#link 12, #link https://…"""
    word = some(argument, "a ticket's number or the address of a page")
    if is_url(word.strip("<>")):
        return page(run, word)
    other = _other(run, word.lstrip("#").rstrip("."))
    run.note(links=tuple(dict.fromkeys((*run.outcome.links, other.id))))
    return f"linked to {other.id}"


def merge(run: Run, argument: str) -> str:
    """#merge 12: this ticket goes into that one; `together` when their requesters are different people."""
    found = _MERGE.fullmatch(some(argument, "a ticket's number"))
    if not found:
        raise No(f"{argument!r} is no ticket's number")
    other = _other(run, found[1])
    if run.outcome.merge is not None:
        raise No("a ticket goes into one other ticket only")
    if other.state is State.SPAM:
        raise No(f"ticket {other.id} is spam")
    together = bool(found[2])
    theirs = (other.requester.id, other.requester.key)
    mine = (run.ticket.requester.id, run.ticket.requester.key)
    if theirs != mine and not together:
        raise No(
            f"ticket {other.id} has another requester, who would see this one's mails from now on: #link {other.id} ties them and"
            f" keeps them apart, #merge {other.id} together merges them all the same"
        )
    run.powerful()
    run.note(merge=Joined(other, together))
    return f"merged into {other.id}"


def split(run: Run, argument: str) -> str:
    """#split SUBJECT: the message that was answered, or the text below the line, becomes a ticket of its own."""
    subject = " ".join(some(argument, "the subject of the new ticket").split())[:500]
    run.powerful()
    run.note(splits=(*run.outcome.splits, subject))
    return f"a ticket of its own: {subject}"
