"""Every variable that a template may use, and what it says. templates/README.md prints this table; a test keeps it so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Variable:
    """`inside`: only in mails to agents."""

    says: str
    inside: bool = False


_INSIDE = True
_MESSAGE: Final = {
    "author": Variable("Who wrote it, by name."),
    "address": Variable("The address of who wrote it.", _INSIDE),
    "at": Variable("When it was written."),
    "subject": Variable("The subject it came with."),
    "text": Variable("The whole text."),
    "words": Variable("The new words only, without quotes and signature (the whole text if there are none)."),
    "cut": Variable("True when the text was too long for a mail and only its beginning is here."),
    "public": Variable("False for a note."),
    "incoming": Variable("True for what came in, false for what the desk sent."),
    "minutes": Variable("The time spent on it in minutes, 0 if not said.", _INSIDE),
    "attachments[].name": Variable("The name of an attached file."),
    "attachments[].size": Variable("Its size, readable: 12 kB."),
}
_CHART: Final = {
    "label": "What is counted.",
    "value": "How many or how long, as text.",
    "before": "The same in the period before; empty when it is not compared.",
}
_REPORT: Final = {
    "period": "What a report is about: from when until when. (Without one, `board.report` is none.)",
    "teams": "The teams whose tickets are counted; empty for all.",
    "counted": "How times are counted: counted (by working hours), wall (by the wall clock), both, or empty.",
    **{f"numbers[].{name}": says for name, says in _CHART.items()},
    "charts[].title": "What a chart is about.",
    **{f"charts[].rows[].{name}": says for name, says in _CHART.items()},
    "charts[].rows[].details[]": "More about it, in short.",
    "charts[].rows[].share": "How long its bar is, 0 to 100.",
    "charts[].rows[].bar": "The bar as ten characters.",
    "charts[].more": "How many rows are not shown.",
    "undocumented[].number": "The number of a solved ticket about which something is not said.",
    "undocumented[].subject": "Its subject.",
    "undocumented[].lacks": "What is not said.",
    "undocumented[].ask": "A link that asks for it by mail.",
    "undocumented_total": "How many of them there are.",
}
VARIABLES: Final[Mapping[str, Variable]] = MappingProxyType(
    {
        "desk.name": Variable("The name of the desk."),
        "desk.address": Variable("Its address."),
        "recipient.name": Variable("To whom this mail goes; empty when the name is not known."),
        "recipient.address": Variable("The address it goes to."),
        "role": Variable(
            "As what: requester, participant, responsible, new-responsible, team, team-copy (the mailbox of a team), contact, watcher or admin; empty in answers to the reader's own mail."
        ),
        "outside": Variable("True for the requester's side, false for agents."),
        "language": Variable("The language of this template, as its folder is called."),
        "w": Variable("The words of that language: whatever its words.txt sets."),
        "now": Variable("The date and time of this mail."),
        "happenings[]": Variable(
            "What happened: created, replied, answered, noted, state, assigned, changed, estimated, undeliverable, updated, warned, breached."
        ),
        "actor": Variable("The name of who caused it; empty for the desk itself."),
        "answer_reaches": Variable(
            "Whom an answer to this mail reaches: requester, contact (who passes on what a team without a voice writes), agents or nobody."
        ),
        "ticket.number": Variable("The number of the ticket. (Without a ticket, `ticket` is none.)"),
        "ticket.tag": Variable("The tag of its mails: [Acme #12]."),
        "ticket.subject": Variable("Its subject, without tag and Re:."),
        "ticket.state": Variable("Its state: new, open, pending, on-hold, solved, closed, spam or merged."),
        "ticket.received": Variable("When the request arrived."),
        "ticket.requester.name": Variable("Who asked."),
        "ticket.requester.address": Variable("The address of who asked.", _INSIDE),
        "ticket.requester.phone": Variable("The telephone number of who asked.", _INSIDE),
        "ticket.organisation": Variable("The customer he belongs to.", _INSIDE),
        "ticket.team": Variable("The name of the team that has it."),
        "ticket.assignee": Variable("The name of the agent who is responsible."),
        "ticket.due.first_response": Variable("By when the first answer is promised; empty when it is not."),
        "ticket.due.update": Variable("By when the next news is promised."),
        "ticket.due.resolution": Variable("By when the solution is promised."),
        "ticket.due.silence": Variable("When the longest allowed silence ends.", _INSIDE),
        "ticket.sla": Variable("The name of its SLA policy.", _INSIDE),
        "ticket.breached[]": Variable("The promises that were missed.", _INSIDE),
        "ticket.estimate": Variable("When the agent hopes to have it done; empty when nobody said."),
        "ticket.urls[]": Variable("Pages outside that belong to it.", _INSIDE),
        "ticket.shown[].label": Variable(
            "A field that the requester's side may see (`visible: requester`), as the reader calls it."
        ),
        "ticket.shown[].value": Variable("Its value, as the reader writes it."),
        "ticket.type": Variable("Its type, by the label in the reader's language.", _INSIDE),
        "ticket.category": Variable("Its category, likewise.", _INSIDE),
        "ticket.severity": Variable("Its severity, likewise.", _INSIDE),
        "ticket.impact": Variable("Its impact, with the name that the dictionary gives it.", _INSIDE),
        "ticket.urgency": Variable("Its urgency, likewise.", _INSIDE),
        "ticket.priority": Variable("Its priority, 1 (highest) to 5.", _INSIDE),
        "ticket.level": Variable("Its support level.", _INSIDE),
        "ticket.channel": Variable("How the request came: email, phone, …", _INSIDE),
        "ticket.tags[]": Variable("Its tags, by their labels.", _INSIDE),
        "ticket.fields[].label": Variable("A custom field, as the reader calls it.", _INSIDE),
        "ticket.fields[].value": Variable("Its value, as the reader writes it.", _INSIDE),
        "ticket.participants[].name": Variable("Who else takes part, by name.", _INSIDE),
        "ticket.participants[].address": Variable("And the address.", _INSIDE),
        "ticket.cause": Variable("The cause, once noted.", _INSIDE),
        "ticket.solution": Variable("The solution, once noted.", _INSIDE),
        "ticket.contact": Variable(
            "The first-line agent who speaks to the requester while others have it; else empty.", _INSIDE
        ),
        "ticket.escalated": Variable("How many steps of the escalation it has taken.", _INSIDE),
        "ticket.steps": Variable("How many there are.", _INSIDE),
        "ticket.minutes_spent": Variable("The time spent so far in minutes.", _INSIDE),
        **{f"message.{name}": variable for name, variable in _MESSAGE.items()},
        **{f"history[].{name}": variable for name, variable in _MESSAGE.items()},
        "changes[].name": Variable("What was changed: state, assignee, priority, field.NAME, …"),
        "changes[].label": Variable("The same, readable for a custom field."),
        "changes[].old": Variable("What it was; empty for nothing."),
        "changes[].new": Variable("What it is now; empty for nothing."),
        "tables.changes[].label": Variable(
            "Ready-made rows in the reader's language, without empty ones: what was changed.", _INSIDE
        ),
        "tables.changes[].value": Variable("From what to what.", _INSIDE),
        "tables.who[].label": Variable("Who asks.", _INSIDE),
        "tables.who[].value": Variable("Name, address, organisation, participants, other tickets.", _INSIDE),
        "tables.ticket[].label": Variable("What the ticket is.", _INSIDE),
        "tables.ticket[].value": Variable("Subject, state, priority, fields, …", _INSIDE),
        "tables.due[].label": Variable("What is due.", _INSIDE),
        "tables.due[].value": Variable("And when.", _INSIDE),
        "new_state": Variable("The new state, if it was changed; else empty."),
        "new_assignee": Variable("The name of the new responsible agent, if there is one; else empty."),
        "new_due": Variable("By when the agent hopes to have it done, if he has just said so; else empty."),
        "named[].number": Variable(
            "Other tickets that the mail speaks of: those that were merged or made of this one."
        ),
        "named[].tag": Variable("The tag of such a ticket."),
        "named[].subject": Variable("Its subject."),
        "earlier[].number": Variable("The number of another ticket of the requester, newest first.", _INSIDE),
        "earlier[].subject": Variable("Its subject.", _INSIDE),
        "earlier[].state": Variable("Its state.", _INSIDE),
        "earlier[].received": Variable("When it arrived.", _INSIDE),
        "copies_join": Variable("True when people in copy take part in a ticket (`cc` in the rule files)."),
        "channels[].name": Variable("A way to reach the desk, such as phone (`channels` in the rule files)."),
        "channels[].how": Variable("How to use it, such as the number."),
        "lines[]": Variable(
            "The lines of a transcript, the sentences of an alert, or what agents should know."
        ),
        "digest[].at": Variable("When something in a digest happened.", _INSIDE),
        "digest[].number": Variable("The number of its ticket, 0 for none.", _INSIDE),
        "digest[].subject": Variable("Its subject.", _INSIDE),
        "digest[].happenings[]": Variable("What happened.", _INSIDE),
        "opened_for_you": Variable("True when somebody else opened the ticket for its requester."),
        "board.question": Variable(
            "The question by mail that this answers, as it was understood. (Without one, `board` is none.)"
        ),
        "board.since": Variable("Since when the ticket has been in its state."),
        "board.sections[].name": Variable("The name of a list of tickets."),
        "board.sections[].total": Variable("How many tickets it holds."),
        "board.sections[].more": Variable("How many of them are not shown."),
        "board.sections[].rows[].number": Variable("The number of a ticket."),
        "board.sections[].rows[].subject": Variable("Its subject."),
        "board.sections[].rows[].state": Variable("Its state."),
        "board.sections[].rows[].received": Variable("When it arrived, short."),
        "board.sections[].rows[].priority": Variable("Its priority.", _INSIDE),
        "board.sections[].rows[].requester": Variable("Who asked.", _INSIDE),
        "board.sections[].rows[].who": Variable(
            "Who has it: agent or team; with until when the agent is away.", _INSIDE
        ),
        "board.sections[].rows[].due": Variable("What is due next, short.", _INSIDE),
        "board.sections[].rows[].late": Variable("True when that is over.", _INSIDE),
        "board.sections[].rows[].ask": Variable("A link that asks for the ticket by mail.", _INSIDE),
        "board.sections[].rows[].since": Variable(
            "Since when it has been in its state, short, in a morning digest.", _INSIDE
        ),
        **{f"board.report.{name}": Variable(says, _INSIDE) for name, says in _REPORT.items()},
        "board.page": Variable(
            "True when it is shown as a page (`maild report --html`) and not mailed.", _INSIDE
        ),
        "board.lists[].name": Variable("A list that can be asked for.", _INSIDE),
        "board.lists[].ask": Variable("A link that asks for it by mail.", _INSIDE),
        "board.glossary[].title": Variable("A list of the desk's words, such as severities.", _INSIDE),
        "board.glossary[].notes[]": Variable("What is to be said of the whole list.", _INSIDE),
        "board.glossary[].rows[].key": Variable("A word, as rules and commands write it.", _INSIDE),
        "board.glossary[].rows[].label": Variable(
            "What it is called in the reader's language, if otherwise.", _INSIDE
        ),
        "board.glossary[].rows[].means": Variable("Its definition.", _INSIDE),
        "board.glossary[].rows[].more[]": Variable(
            "What follows from it: impact, questions, what is required.", _INSIDE
        ),
        "board.glossary[].rows[].set": Variable("The command that sets it.", _INSIDE),
        "board.commands[]": Variable("The commands, with what each does.", _INSIDE),
        "questions[].number": Variable(
            "What the desk has to know and does not yet: the number of a question, in mails to agents 0 for what nobody was asked."
        ),
        "questions[].text": Variable("The question in the reader's language."),
        "supplied[].label": Variable(
            "What the requester's side gave of what it was asked, in the mail that tells of it: the field, or the question."
        ),
        "supplied[].value": Variable("The value of the field; empty when it has none or is not repeated."),
        "survey.confirm": Variable(
            "A link that says it is solved; empty when there is none. (Without questions, `survey` is none.)"
        ),
        "survey.ratings[].number": Variable("1 to 5, how satisfied somebody is."),
        "survey.ratings[].word": Variable("The same in a word."),
        "survey.ratings[].link": Variable("A link that says so; empty when there is none."),
        **{f"solution.{name}": variable for name, variable in _MESSAGE.items()},
        "board.runbooks[].name": Variable("The name of a guide of the desk.", _INSIDE),
        "board.runbooks[].title": Variable("Its title.", _INSIDE),
        "board.runbooks[].owner": Variable("Who answers for it.", _INSIDE),
        "board.runbooks[].status": Variable("Its status, such as draft or current.", _INSIDE),
        "board.runbooks[].reviewed_by": Variable("Who last reviewed it.", _INSIDE),
        "board.runbooks[].reviewed_on": Variable("And when: 2026-11-22.", _INSIDE),
        "board.runbooks[].ask": Variable("A link that asks for it by mail.", _INSIDE),
        "runbooks[].name": Variable("The name of a guide that goes with this mail.", _INSIDE),
        "runbooks[].title": Variable("Its title.", _INSIDE),
        "runbooks[].text": Variable("Its text in Markdown, without the title.", _INSIDE),
        "runbooks[].owner": Variable("Who answers for it.", _INSIDE),
        "runbooks[].status": Variable("Its status, such as draft or current.", _INSIDE),
        "runbooks[].reviewed_by": Variable("Who last reviewed it.", _INSIDE),
        "runbooks[].reviewed_on": Variable("And when: 2026-11-22.", _INSIDE),
        "omitted[]": Variable(
            "Names of files that were too big to be attached; they are in the ticket.", _INSIDE
        ),
    }
)
