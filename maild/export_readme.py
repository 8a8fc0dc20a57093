"""What stands in an export, in words: the README.md that lies beside the files, a test compares it with what is written."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_HEAD: Final = """\
# An export of maild

Everything that the desk "{name}" knew at {at}, in one state of its store. Files that end in `.jsonl` hold one JSON document a line, in UTF-8, in
order of number. Times are RFC 3339 in UTC, languages BCP 47, sizes octets; `null` means: not known. What is made here of a mail (texts, kinds,
who it is of) is maild's reading of it; the mail itself lies in `mail/`.

`mail/SHA256.eml` are mails as they came, by the SHA-256 of their octets in hexadecimal; `attachments/SHA256` the files of messages, likewise.
Not in here: the octets of mails that maild wrote itself, which hold their readers' reply tokens (what went to requesters are messages of
tickets), the keys of these tokens, configuration and rules, and what only runs the desk (turns, absences, digests to come, leases). All of that is in
a backup (`maild backup`).
"""

_TICKET: Final = {
    "id": "its number",
    "subject": "as agents see it",
    "state": "new, open, pending, on-hold, solved, closed, spam or merged",
    "type, category, severity, impact, urgency": "words of the desk",
    "priority": "1 (most urgent) to 5",
    "level": "of the support line, from 1",
    "tags": "a list",
    "fields": "custom fields by name",
    "language": "in which the requester is written to",
    "channel": "how the request came: email, phone …",
    "requester": "`name`, `address` (null: somebody who called), `phone`, `organisation`",
    "participants, watchers": "addresses of the requester's side, and of agents who follow it",
    "team, assignee, contact": "who works on it; the first-line agent who stays its contact",
    "sla": "the name of the policy that holds",
    "created_at, updated_at, received_at": "when it was opened here, last changed, and when the request came",
    "first_response_due, update_due, resolution_due, silence_due": "what is promised by when",
    "due_at": "when an agent hoped to have it done",
    "breached": "names of broken targets",
    "escalated": "how many steps of the escalation it has taken",
    "cause, solution": "what was found out and done",
    "merged_into": "the number of the ticket it went into",
    "links": "other tickets: `id`, `kind` (related, follow-up, parent, child)",
    "urls": "pages outside that belong to it",
    "minutes_spent": "the time logged, merged tickets included",
    "satisfaction": "the requester's mark",
    "time": "the same time by agent: `agent`, `minutes`",
    "messages": "what people wrote, oldest first; a merged ticket's stand in the living one too. See below",
    "events": "its history, oldest first. See below",
}
_MESSAGE: Final = {
    "id": "its number",
    "at": "when it came or was written",
    "direction": "in; out: an answer, an acknowledgement or a notice to the requester's side",
    "public": "false: agents only",
    "kind": "person, auto-reply, bounce, bulk, receipt, report, note; going out acknowledgement, notice",
    "from, from_name": "the author's address (or name) and name",
    "to": "addresses",
    "subject, text, reply": "the whole text, and the new words alone",
    "attachments": "`name`, `type`, `size`, `inline`, `sha256` (the file in `attachments/`)",
    "minutes": "the time logged with it",
    "delivery": "queued, sent or failed",
}
_EVENT: Final = {
    "at": "when",
    "actor": "an agent's address, desk, rules, admin (on the desk's host)",
    "event": "what happened",
    "detail": "of what, from what to what",
    "reasons": "why: `step`, `outcome`, `evidence`",
}
_PERSON: Final = {
    "id": "the number in the register",
    "name, address": "name, and where mail goes (null: nowhere)",
    "addresses": "all that are known: `address`, and `suppressed` (`at`, `why`) when nothing automatic goes there",
    "phone, organisation, groups, language, zone": "what was said of the person",
}
_MAIL: Final = {
    "id": "the number by which it arrived",
    "file": "where it lies",
    "sha256, size": "of the octets",
    "received_at, route, peer": "when, by which way (smtp, lmtp, pipe, import …), from which host",
    "sender, recipients": "the envelope",
    "state": "waiting, working, done, quarantined or dropped",
    "attempts, error": "how often it was tried, and what went wrong last",
    "message, ticket": "the message that it is, and the ticket of that",
}
_SENT: Final = {
    "id": "its number",
    "message_id": "with angle brackets",
    "to": "the recipient",
    "ticket, message": "what it is about and carries",
    "kind": "acknowledgement, answer, notice, notification, digest …",
    "role": "as what the recipient is told: requester, participant, responsible, team …",
    "public": "it shows only what the requester's side may see",
    "automatic": "nobody wrote it",
    "state": "queued, sending, sent, failed or dropped",
    "attempts": "how often it was tried",
    "created_at, sent_at, finished_at": "when it was queued, taken by the next host, and done with",
    "reason": "what the next host said last",
}
_POSTED: Final = {
    "id": "its number",
    "event_id": "by which the receiver knows it",
    "url, rule": "where to, and the rule that asked for it",
    "ticket": "of which ticket",
    "body": "what was posted: the `ticket` as it stood and the `message` then, `type`, `at`, `desk`, `rule`, `id`",
    "state, attempts": "as of mails in `outbox.jsonl`",
    "created_at, finished_at": "when it was queued, and done with",
    "reason": "what the receiver said last",
}
DOCUMENTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = MappingProxyType(
    {
        "tickets.jsonl": ("Every ticket whole, in every state.", _TICKET),
        "messages.jsonl": ("Messages that belong to no ticket, with the keys of messages.", {}),
        "events.jsonl": ("What happened to the desk and not to a ticket, with the keys of events.", {}),
        "people.jsonl": ("The register: everybody who ever wrote, was written to, or called.", _PERSON),
        "mails.jsonl": ("Every mail as it came, by each of its routes; those in quarantine too.", _MAIL),
        "outbox.jsonl": ("Every mail of ours, sent or not.", _SENT),
        "posts.jsonl": ("Every post to a webhook.", _POSTED),
    }
)


def readme(name: str, at: str) -> str:
    """The README of an export of the desk of this name, made at this time."""
    parts = [_HEAD.format(name=name, at=at)]
    parts += [_table(f"`{file}`", what, keys) for file, (what, keys) in DOCUMENTS.items()]
    parts.append(_table("Messages", "Of tickets, and those of `messages.jsonl`.", _MESSAGE))
    parts.append(_table("Events", "Of tickets, and those of `events.jsonl`.", _EVENT))
    return "\n".join(parts)


def _table(head: str, what: str, keys: Mapping[str, str]) -> str:
    rows = [
        f"| {', '.join(f'`{key}`' for key in names.split(', '))} | {means} |\n"
        for names, means in keys.items()
    ]
    return f"## {head}\n\n{what}\n" + ("\n| key | what |\n| --- | --- |\n" + "".join(rows) if rows else "")
