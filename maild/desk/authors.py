"""Whose mail it is: the author behind a list of our own, and behind a contact form (CONTRACT §7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email.utils import getaddresses

from maild.desk.events import MessageArrived
from maild.desk.facts import Address, Proof, Verdict
from maild.desk.rulebook import Rulebook
from maild.desk.timeline import IMPORT

NOBODY = Address("", "")


def author_of(event: MessageArrived, rulebook: Rulebook) -> Address:
    """Who is the requester: From; for senders under `desk.forms` that are proved, Reply-To."""
    mail = event.mail
    sender = mail.sender or (mail.from_[0] if mail.from_ else NOBODY)
    form = sender.key in rulebook.identity.forms or sender.domain in rulebook.identity.forms
    proved = mail.proof.dmarc is Verdict.PASS or (mail.proof.login or "").lower() == sender.key
    proved = (
        proved or event.envelope.route == IMPORT
    )  # an archive proves nothing any more, and gives nobody power
    if form and proved and mail.reply_to and not event.envelope.unauthenticated:
        return mail.reply_to[0]
    return sender


def as_written(event: MessageArrived, rulebook: Rulebook) -> MessageArrived:
    """The mail as its author wrote it, when a list of our own (`desk.lists`) put itself into From because of DMARC ("X via list").

    What is proved is proved of the list's domain, not of the author: of the proof only a failure stays.
    """
    mail, sender = event.mail, event.mail.sender
    lists = _own_lists(event, rulebook)
    if sender is None or not _is_list(sender, lists, rulebook):
        return event
    original = next((one for one in _originals(event) if not _is_list(one, lists, rulebook)), None)
    if original is None:
        return event
    proof = Proof(dmarc=Verdict.FAIL if mail.proof.dmarc is Verdict.FAIL else Verdict.NONE)
    return replace(event, mail=replace(mail, from_=(original,), proof=proof))


def _own_lists(event: MessageArrived, rulebook: Rulebook) -> frozenset[str]:
    """The List-Ids (RFC 2919 §2) of the mail that are ways in of our own."""
    if not rulebook.identity.lists:
        return frozenset()
    named = (value for name, value in event.mail.header if name.lower() == "list-id")
    ids = {value.rpartition("<")[2].partition(">")[0].strip().lower() for value in named}
    return frozenset(ids & set(rulebook.identity.lists))


def _is_list(address: Address, lists: frozenset[str], rulebook: Rulebook) -> bool:
    """Whether this is the address of the list itself, which is usually written like its List-Id."""
    return bool(lists) and (rulebook.is_own(address.address) or address.key.replace("@", ".") in lists)


def _originals(event: MessageArrived) -> Iterator[Address]:
    """Who may have written it: X-Original-From as Google Groups sets it, then Reply-To as Mailman does."""
    values = [value for name, value in event.mail.header if name.lower() == "x-original-from"]
    for name, address in getaddresses(values[:1])[:1]:
        local, _, domain = address.rpartition("@")
        if local and domain:
            yield Address(name, f"{local}@{domain.lower()}")
    yield from event.mail.reply_to
