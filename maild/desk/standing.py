"""Who is believed (CONTRACT §4): a From alone is nobody; a token of one's own or an aligned pass makes somebody of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from maild.desk.events import MessageArrived
from maild.desk.facts import Verdict
from maild.desk.matching import Match, vouched
from maild.desk.rulebook import Agent, Rulebook


@dataclass(frozen=True, slots=True)
class Standing:
    """`agent`: a believed agent. `impostor`: the agent whose address was used without evidence.

    `proved`: the sender is who he says he is, by token or by pass. `both`: by token and by pass.
    """

    agent: Agent | None
    impostor: Agent | None
    proved: bool
    both: bool
    why: str


def standing(event: MessageArrived, match: Match, rulebook: Rulebook) -> Standing:
    """What the sender of this mail may claim to be; why, with what was found out about him."""
    found, proof = _standing(event, match, rulebook), event.mail.proof
    return replace(found, why=f"{found.why} ({proof.host}: {proof.why})") if proof.why else found


def _standing(event: MessageArrived, match: Match, rulebook: Rulebook) -> Standing:
    sender = event.mail.sender
    if sender is None:
        return Standing(None, None, False, False, "no From, or several: nobody")
    agent = rulebook.agent(sender.address)
    if event.mail.proof.dmarc is Verdict.FAIL:
        return Standing(None, agent, False, False, "a trusted host says dmarc=fail: a stranger")
    passed = vouched(event, agent.login if agent else None)
    proved, both = match.proved or passed, match.proved and passed
    how = (
        "token and aligned pass"
        if both
        else "token"
        if match.proved
        else "aligned pass"
        if passed
        else "From alone"
    )
    if agent is None:
        return Standing(None, None, proved, both, how)
    if proved:
        return Standing(agent, None, True, both, f"agent by {how}")
    return Standing(None, agent, False, False, "an agent's address in From, without evidence: a stranger")
