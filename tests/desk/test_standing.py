"""Why somebody is believed or not is said with what was found out about him."""

from __future__ import annotations

import pytest

from maild.desk.facts import Proof, Verdict
from tests.desk import worlds as w

FOUND = "dkim=pass d=acme.test, dmarc=pass (p=reject)"


@pytest.mark.parametrize(
    ("proof", "why"),
    [
        (Proof(Verdict.PASS, None, "maild", FOUND), f"agent by aligned pass (maild: {FOUND})"),
        (Proof(Verdict.FAIL, None, "mx.acme.test", "dmarc=fail"), "a trusted host says dmarc=fail: a stranger (mx.acme.test: dmarc=fail)"),
        (Proof(), "an agent's address in From, without evidence: a stranger"),
    ],
)  # fmt: skip
def test_what_was_found_stands_in_the_reasons(proof: Proof, why: str) -> None:
    decision = w.decided(w.arrived(w.mail(w.ANA, proof=proof)), w.snapshot())
    assert [reason.evidence for reason in decision.reasons if reason.step == "sender"] == [why]
