"""Commands about whom a message reaches and where the ticket stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from maild.desk.commands.run import No, Run, nearest, nothing, some, value_of
from maild.desk.effects import Change, changed
from maild.desk.snapshot import Changed
from maild.desk.solving import lacking, refusal, solves
from maild.desk.words import State
from maild.desk.workflow import ACT_FOR_STATE, Who, after

UNDO_WITHIN = timedelta(hours=1)
ANYWAY = "anyway"
_SOLVED = (State.SOLVED, State.CLOSED)
_SOLUTION_MAX = 4000
_TUPLES = ("tags", "urls", "breached", "chosen")


def note(run: Run, argument: str) -> str:
    """#note: the whole message is internal."""
    nothing(argument)
    if run.outcome.send:
        raise No("#note and #send exclude each other")
    run.inside("note")
    return "internal"


def public(run: Run, argument: str) -> str:
    """#public: the message goes to the requester."""
    nothing(argument)
    if run.outcome.public is False:
        raise No("the message is internal by another line (#note, #ask or #contact)")
    run.note(public=True)
    return "public"


def send(run: Run, argument: str) -> str:
    """#send: send it although a colleague has answered."""
    nothing(argument)
    if run.outcome.public is False:
        raise No("the message is internal by another line, and #send sends")
    run.note(send=True)
    return "sent although a colleague has answered"


def to_state(state: State) -> Callable[[Run, str], str]:
    """The command that sets this state."""

    def command(run: Run, argument: str) -> str:
        if state in _SOLVED and argument.lower() == ANYWAY:
            _insist(run)
        else:
            nothing(argument)
        return set_state(run, state)

    return command


def _insist(run: Run) -> None:
    """#solve anyway: although something lacks that is required before."""
    if run.power.agent is not None and not run.power.agent.admin:
        raise No("anyway is for admins: give what is required, or ask one of them")
    run.note(anyway=True)


def keep_unsolved(run: Run) -> str:
    """Hold the ticket back from being solved when what is required before is not there; why, "" when nothing lacks."""
    old, new = run.ticket.state, State(str(run.current("state")))
    if not solves(old, new):
        return ""
    columns = [Change(name, value_of(run.ticket, name), value) for name, value in run.values.items()]
    minutes = run.ticket.minutes_spent + (run.outcome.minutes or 0)
    lacks = lacking(replace(changed(run.ticket, columns), minutes_spent=minutes), run.rulebook)
    if run.outcome.anyway:
        run.note(without=tuple(lack.what for lack in lacks))
        return ""
    if lacks:
        run.put("state", old)
    return refusal(lacks) if lacks else ""


def solution(run: Run, argument: str) -> str:
    """#solution WORDS; without words the text below is it, as it is written."""
    words = " ".join(argument.split()) or "\n\n".join(filter(None, (run.outcome.text, run.text))).strip()
    if not words:
        raise No("needs words behind it, or a text below it")
    run.put("solution", words[:_SOLUTION_MAX])
    return f"solution {words.splitlines()[0][:80]}"


def set_state(run: Run, state: State) -> str:
    """Move there, if the life table lets an agent."""
    if state is State.SPAM:
        run.powerful()
    old = State(str(run.current("state")))
    new = after(old, ACT_FOR_STATE[state], Who.AGENT)
    if new is None:
        raise No(f"a ticket that is {old} cannot become {state}")
    run.put("state", new)
    return f"state {new}"


def to_any_state(run: Run, argument: str) -> str:
    """#state pending."""
    word = some(argument, "a state").lower().replace(" ", "-")
    names = tuple(str(state) for state in ACT_FOR_STATE)
    if word not in names:
        raise No(f"{argument!r} is no state to set ({', '.join(names)}){nearest(word, names)}")
    return set_state(run, State(word))


def undo(run: Run, argument: str) -> str:
    """#undo: the field changes of the agent's own last mail, if nobody changed them since."""
    nothing(argument)
    last = _last(run)
    if last is None:
        raise No("you changed no field of this ticket with your last mail of the last hour")
    undone = []
    for name, (old, new) in last.items():
        if not _is_value(name):
            continue
        if _plain(run.current(name)) != _plain(new):
            raise No(f"{name} was changed since: it is {_plain(run.current(name))}")
        run.put(name, _typed(name, old))
        if name == "chosen":
            continue
        undone.append(f"{name} is {_shown(old)} again")
    if not undone:
        raise No("your last mail changed nothing that can be taken back")
    run.note(undone=(*run.outcome.undone, *undone))
    return "; ".join(undone) + " (what was sent stays sent)"


def _last(run: Run) -> dict[str, tuple[object, object]] | None:
    """What the last thing that this agent did here changed, from what to what; None when it changed nothing, or was long ago."""
    by = run.power.agent.address if run.power.agent else "admin"
    mine = [one for one in run.snapshot.done.get(run.ticket.id, ()) if one.actor == by]
    if not mine or run.now - mine[-1].at > UNDO_WITHIN:
        return None
    together: list[Changed] = [one for one in mine if one.at == mine[-1].at]
    found: dict[str, tuple[object, object]] = {}
    for one in together:
        for name, (old, new) in one.names.items():
            found[name] = (found[name][0] if name in found else old, new)
    return found or None


def _is_value(name: str) -> bool:
    return name.startswith("field.") or (name in _SETTABLE)


_SETTABLE = frozenset(
    ("state", "priority", "chosen", "subject", "type", "category", "severity", "impact", "urgency", "team", "level", "assignee", "tags", "urls", "cause",
     "solution", "channel", "organisation", "sla", "received_at", "due_at", "first_response_due", "update_due", "resolution_due",
     "silence_due")
)  # fmt: skip


def _plain(value: object) -> object:
    """As the history holds it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [str(one) for one in value]
    return value if isinstance(value, int) or value is None else str(value)


def _typed(name: str, value: object) -> object:
    """A value of the history as the ticket has it."""
    if name == "state":
        return State(str(value))
    if name.endswith(("_at", "_due")) and isinstance(value, str):
        return datetime.fromisoformat(value)
    if name in _TUPLES:
        return tuple(str(one) for one in value) if isinstance(value, tuple | list) else ()
    return value


def _shown(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(str(one) for one in value) or "empty"
    return "empty" if value in (None, "") else str(value)
