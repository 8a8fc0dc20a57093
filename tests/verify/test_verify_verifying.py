"""Mails of a batch: verified side by side, handed on in order, never for longer than a mail may take."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.facts import Parsed, Proof, Trust, Verdict
from maild.message.parse import parse
from maild.parsing import InProcess, Job
from maild.settings import Trust as TrustSettings
from maild.verify.verifier import Verifier
from maild.verify.verifying import SIDE_BY_SIDE, AsSet, Verifying
from tests.verify.verify_world import NOW, Dns, envelope, mail, publish, verifier
from tests.verify.verify_world import signed as sign


def job(raw: bytes, **way: object) -> Job:
    return Job(raw, Trust(), False, envelope(**way))


def proofs(outcomes: Iterable[Parsed | Exception]) -> list[Verdict | str]:
    return [type(one).__name__ if isinstance(one, Exception) else one.mail.proof.dmarc for one in outcomes]


@pytest.fixture
def verify(dns: Dns) -> Iterator[Verifying]:
    judge = verifier(dns, query_seconds=0.5, seconds=1.0)
    reading = Verifying(InProcess(), lambda: judge)
    yield reading
    reading.close()


def test_outcomes_come_in_order(dns: Dns, verify: Verifying) -> None:
    publish(dns)
    publish(dns, "slow.test")
    dns.silent.add("_dmarc.slow.test")
    jobs = [
        job(mail("x@slow.test")),
        job(sign(mail())),
        job(mail()),
        job(mail("x@none.test")),
        job(sign(mail())),
    ]
    found = proofs(verify.read(jobs * 3))
    assert found == [Verdict.NONE, Verdict.PASS, Verdict.FAIL, Verdict.NONE, Verdict.PASS] * 3


def test_a_silent_dns_holds_up_all_of_them_once(dns: Dns, verify: Verifying) -> None:
    names = [f"slow{number}.test" for number in range(SIDE_BY_SIDE)]
    dns.silent.update(f"_dmarc.{name}" for name in names)
    before = time.monotonic()
    assert proofs(verify.read([job(mail(f"x@{name}")) for name in names])) == [Verdict.NONE] * SIDE_BY_SIDE
    assert time.monotonic() - before < 3  # one after the other: 4 s


def test_a_mail_has_a_deadline_for_all_its_questions(dns: Dns, verify: Verifying) -> None:
    publish(dns)
    names = [f"s{number}._domainkey.acme.test" for number in range(10)]
    dns.silent.update(names)
    field = "DKIM-Signature: v=1; a=rsa-sha256; d=acme.test; s=s{}; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
    raw = "".join(field.format(number) for number in range(10)).encode() + mail()
    before = time.monotonic()
    [found] = verify.read([job(raw)])
    assert time.monotonic() - before < 2
    assert isinstance(found, Parsed)
    assert found.mail.proof.dmarc is Verdict.NONE
    assert "dkim=temperror" in found.mail.proof.why


def test_ready_is_said_only_when_the_next_one_can_be_had(dns: Dns) -> None:
    gate = threading.Event()

    class Waiting(Verifier):
        def proof(self, *_: object) -> Proof:
            assert gate.wait(10)
            return Proof(host="maild")

    judge = Waiting(dns.resolver(), frozenset(), lambda: NOW)
    reading = Verifying(InProcess(), lambda: judge)
    unchecked = Job(mail("z@none.test"), Trust(), False)
    outcomes = reading.read([unchecked, job(mail()), unchecked])
    next(outcomes)
    assert not reading.ready()
    gate.set()
    deadline = time.monotonic() + 10
    while not reading.ready():
        assert time.monotonic() < deadline
    before = [next(outcomes), reading.ready(), next(outcomes)]
    assert before[1] is True
    assert next(outcomes, None) is None
    reading.close()


class Failing:
    """A reader that fails for the second mail."""

    def read(self, jobs: Iterable[Job]) -> Iterator[Parsed | Exception]:
        for number, one in enumerate(jobs):
            yield RuntimeError("no") if number == 1 else parse(one.raw)

    def ready(self) -> bool:
        return False


def test_what_could_not_be_read_is_handed_on(dns: Dns) -> None:
    publish(dns)
    judge = verifier(dns)
    reading = Verifying(Failing(), lambda: judge)
    jobs = [job(sign(mail()))] * 3
    assert proofs(reading.read(jobs)) == [Verdict.PASS, "RuntimeError", Verdict.PASS]
    reading.close()


def test_a_batch_that_is_given_up_does_not_mix_with_the_next(dns: Dns, verify: Verifying) -> None:
    publish(dns)
    first = verify.read([job(mail())] * 5)
    assert proofs([next(first)]) == [Verdict.FAIL]
    second = verify.read([job(sign(mail()))])
    assert proofs(second) == [Verdict.PASS]
    first.close()
    assert proofs(verify.read([job(sign(mail()))])) == [Verdict.PASS]


def test_nothing_is_verified_unless_it_is_set_and_a_reload_changes_that(dns: Dns) -> None:
    publish(dns)
    places = [f"127.0.0.1:{dns.port}"]
    trust = [TrustSettings(verify=False)]
    current = AsSet(lambda: trust[0], lambda: NOW)
    reading = Verifying(InProcess(), current)
    jobs = [job(sign(mail()))]
    assert proofs(reading.read(jobs)) == [Verdict.NONE]
    assert reading.ready()
    trust[0] = TrustSettings.model_validate({"verify": True, "resolvers": places})
    assert proofs(reading.read(jobs)) == [Verdict.PASS]
    made = current()
    assert current() is made
    trust[0] = TrustSettings.model_validate(
        {"verify": True, "resolvers": places, "arc_sealers": ["list.test"]}
    )
    again = current()
    assert again is not None
    assert again.sealers == {"list.test"}
    reading.close()


def test_no_mail_is_judged_by_what_another_one_proved(dns: Dns, verify: Verifying) -> None:
    publish(dns)
    good, bad = sign(mail()), sign(mail()).replace(b"burns", b"works")
    assert proofs(verify.read([job(good), job(bad), job(good)])) == [Verdict.PASS, Verdict.FAIL, Verdict.PASS]


# -- whatever comes ------------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [b"From: ana@acme.test", b"from : ana@acme.test", b"From:", b"Subject: x", b"DKIM-Signature:", b" v=1;", b" a=rsa-sha256;", b" d=acme.test;",
     b" s=sel;", b" h=from:subject;", b" bh=47DEQpj8HBSa;", b" b=AAAA", b" i=1;", b" l=", b"99999999999999", b"ARC-Seal:", b"ARC-Message-Signature:",
     b"ARC-Authentication-Results: i=1; list.test; dmarc=pass header.from=acme.test", b" cv=none;", b" d=list.test;", b"\r\n", b"\n", b"\r", b" ", b"\t",
     b";", b"=", b"\x00", b"\xff\xfe", b"=?utf-8?q?x?=", b"a@b <c@d>", b"\r\n\r\n", b"--b\r\n"]
)  # fmt: skip
LINES = st.lists(PIECES | st.binary(max_size=12), max_size=40).map(b"".join)


@given(
    raw=LINES,
    sender=st.sampled_from(["", "b@acme.test", "@", "\x00@\x00", "a" * 400 + "@acme.test"]),
    helo=st.text(max_size=12),
)
@settings(max_examples=250, deadline=None)
def test_whatever_comes_is_judged(shared: Dns, raw: bytes, sender: str, helo: str) -> None:
    parsed = parse(raw)
    judge = verifier(shared, "list.test")
    found = judge.verified(job(raw, sender=sender, helo=helo), parsed).mail.proof
    assert found.dmarc is not Verdict.PASS
    assert not found.why.startswith("not checked: ") or "From" in found.why


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_nothing_that_was_signed_can_be_changed(shared: Dns, place: int, put: bytes) -> None:
    """The fields that are not signed and blanks may; all else is seen by us as it was signed, or not believed."""
    place %= len(SIGNED)
    raw = SIGNED[:place] + put + SIGNED[place + len(put) :]
    before, after = parse(SIGNED).mail, parse(raw).mail
    proof = verifier(shared).proof(raw, after, envelope())
    if proof.dmarc is Verdict.PASS:
        assert (after.from_, " ".join(after.subject.split()), after.text.split()) == (before.from_, before.subject, before.text.split())  # fmt: skip


SIGNED = sign(mail(Content_Type="text/plain; charset=utf-8"), canonicalize=(b"relaxed", b"relaxed"))


@pytest.fixture(scope="module")
def shared() -> Iterator[Dns]:
    made = Dns()
    publish(made, spf="v=spf1 -all")
    publish(made, "list.test")
    yield made
    made.close()


def test_the_clock_is_given(dns: Dns) -> None:
    moments: list[datetime] = []

    def clock() -> datetime:
        moments.append(NOW)
        return NOW

    publish(dns)
    Verifier(dns.resolver(), (), clock).proof(mail(), parse(mail()).mail, envelope())
    assert moments
