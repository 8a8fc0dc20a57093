"""The questions under a solution: whether it helped, and how satisfied the requester is, each answer a link that writes a mail."""

from __future__ import annotations

from urllib.parse import quote

from maild.delivery.notice import Survey
from maild.desk.matching import bound_to
from maild.desk.people import Person, Ticket
from maild.desk.rulebook import Identity
from maild.desk.tokens import CONFIRM, Claim, Holder, Key, act_number, mint
from maild.desk.words import Scope, State


def survey(identity: Identity, ticket: Ticket, person: Person, key: Key) -> Survey:
    """The addresses for each answer. Each carries a token for that one act of this person, dead when the ticket's state changes; where
    reply addresses carry no tokens there are none, and an answer to the mail does the same."""
    if identity.reply_address != "plus":
        return Survey()

    def address(act: int) -> str:
        claim = Claim(Holder.ACT, Scope.PUBLIC, ticket.id, act_number(person.id, act), key.id)
        return f"{identity.local}{identity.delimiter}{mint(claim, key, bound_to(ticket))}@{identity.domain}"

    confirm = address(CONFIRM) if ticket.state is State.SOLVED else ""
    return Survey(confirm, tuple(address(rating) for rating in range(1, 6)))


def mailto(address: str, subject: str, body: str) -> str:
    """The link (RFC 6068 §2) that begins a mail to this address; "" without one."""
    if not address:
        return ""
    return f"mailto:{quote(address, safe='@+')}?subject={quote(subject, safe='')}&body={quote(body, safe='')}"
