"""Whole mails through the verifier: what DKIM, SPF and DMARC together say of the sender."""

from __future__ import annotations

from datetime import timedelta

import pytest

from maild.desk.facts import Proof, Trust, Verdict
from maild.message.parse import parse
from maild.parsing import Job
from maild.verify import dmarc
from maild.verify.domains import aligned, ascii_domain, organisational
from tests.verify.verify_world import NOW, Dns, envelope, mail, publish, signed, verifier

PASS, FAIL, NONE = Verdict.PASS, Verdict.FAIL, Verdict.NONE


def proof_of(dns: Dns, raw: bytes, **way: object) -> Proof:
    return verifier(dns).proof(raw, parse(raw).mail, envelope(**way))


@pytest.mark.parametrize(
    ("domain", "organisation"),
    [
        ("my-bank.test", "my-bank.test"),
        ("a.b.my-bank.test", "my-bank.test"),
        ("shop.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("one.github.io", "one.github.io"),
    ],
)
def test_organisational_domains(domain: str, organisation: str) -> None:
    assert organisational(domain) == organisation


@pytest.mark.parametrize(
    ("one", "other", "relaxed", "strict"),
    [
        ("acme.test", "acme.test", True, True),
        ("mail.acme.test", "acme.test", True, False),
        ("acme.test", "a.b.acme.test", True, False),
        ("evil-acme.test", "acme.test", False, False),
        ("acme.test.evil.test", "acme.test", False, False),
        ("bank.test", "my-bank.test", False, False),
        ("a.co.uk", "b.co.uk", False, False),
    ],
)
def test_alignment(one: str, other: str, relaxed: bool, strict: bool) -> None:
    assert (aligned(one, other, strict=False), aligned(one, other, strict=True)) == (relaxed, strict)


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ("ACME.test.", "acme.test"),
        ("bücher.test", "xn--bcher-kva.test"),
        ("faß.de", "xn--fa-hia.de"),  # IDNA 2003 made fass.de of it, which is somebody else's
        ("localhost", None),
        ("a..test", None),
        ("-a.test", None),
        ("a b.test", None),
        ("[192.0.2.1]", None),
        ("x" * 64 + ".test", None),
        (".".join(["a" * 60] * 5) + ".test", None),
        ("", None),
        ("\u2024.test", None),
    ],
)
def test_domain_names(written: str, domain: str | None) -> None:
    assert ascii_domain(written) == domain


REJECT = "v=DMARC1; p=reject"


@pytest.mark.parametrize(
    ("record", "inherited", "expected"),
    [
        (REJECT, False, ("reject", False, False)),
        ("v=DMARC1;p=none;adkim=s;aspf=s;", False, ("none", True, True)),
        ("v=DMARC1; p=reject; sp=quarantine; pct=0", True, ("quarantine", False, False)),
        ("v=DMARC1; p=reject; sp=quarantine", False, ("reject", False, False)),
        ("v=DMARC1; p=Reject; adkim=r", False, ("reject", False, False)),
        ("v=DMARC1; p=no; rua=mailto:d@acme.test", False, ("none", False, False)),
        ("v=DMARC1; rua=mailto:d@acme.test", False, ("none", False, False)),
        ("v=DMARC1; p=no", False, None),
        ("v=DMARC1; p=reject; sp=perhaps", False, None),
        ("v=DMARC1; ;;=;p=reject", False, ("reject", False, False)),
    ],
)
def test_records(record: str, inherited: bool, expected: tuple[str, bool, bool] | None) -> None:
    found = dmarc.read(record.encode(), inherited=inherited)
    assert (found and (found.wish, found.strict_dkim, found.strict_spf)) == expected


@pytest.mark.parametrize(
    ("author", "records", "wish"),
    [
        ("acme.test", {"acme.test": [REJECT]}, "reject"),
        ("news.acme.test", {"acme.test": [REJECT + "; sp=none"]}, "none"),
        ("news.acme.test", {"acme.test": [REJECT], "news.acme.test": ["v=DMARC1; p=quarantine"]}, "quarantine"),
        ("acme.test", {"acme.test": [REJECT, REJECT + "; pct=5"]}, None),
        ("acme.test", {"acme.test": ["v=spf1 -all", "v=DMARC2; p=reject", "v=dmarc1; p=reject", REJECT]}, "reject"),
        ("news.acme.test", {"acme.test": [REJECT], "news.acme.test": ["unrelated"]}, "reject"),
        ("news.acme.test", {"acme.test": [REJECT], "news.acme.test": [REJECT, "v=DMARC1; p=none"]}, None),
        ("a.my-bank.test", {"my-bank.test": [REJECT]}, "reject"),
        ("acme.test", {"test": [REJECT]}, None),
        ("acme.test", {}, None),
    ],
)  # fmt: skip
def test_discovery(dns: Dns, author: str, records: dict[str, list[str]], wish: str | None) -> None:
    for domain, texts in records.items():
        dns.txt(f"_dmarc.{domain}", *texts)
    resolver = dns.resolver()
    found = dmarc.policy(author, resolver, resolver.deadline(5))
    assert (found.wish if found else None) == wish


SPF = "v=spf1 ip4:203.0.113.0/24 -all"
HERE, THERE = "203.0.113.9", "198.51.100.1"


@pytest.mark.parametrize(
    ("sender", "peer", "helo", "policy", "verdict", "says"),
    [
        ("b@acme.test", HERE, "h.test", REJECT, PASS, "spf=pass smtp.mailfrom=acme.test"),
        ("b@acme.test", THERE, "h.test", REJECT, FAIL, "spf=fail smtp.mailfrom=acme.test"),
        ("b@acme.test", "::ffff:203.0.113.9", "h.test", REJECT, PASS, "spf=pass"),
        ("b@mail.acme.test", HERE, "h.test", REJECT, PASS, "spf=pass smtp.mailfrom=mail.acme.test"),
        ("b@mail.acme.test", HERE, "h.test", REJECT + "; aspf=s", FAIL, "spf of mail.acme.test not aligned"),
        ("b@elsewhere.test", HERE, "acme.test", REJECT, FAIL, "spf of elsewhere.test not aligned"),
        ("", HERE, "acme.test", REJECT, PASS, "spf=pass smtp.helo=acme.test"),
        ("", HERE, "[203.0.113.9]", REJECT, FAIL, "spf not for acme.test"),
        ("", HERE, "", REJECT, FAIL, "spf not for acme.test"),
        ("b@ACME.test", HERE, "h.test", "v=DMARC1; p=none", PASS, "p=none"),
        ('"x@elsewhere.test"@acme.test', THERE, "h.test", REJECT, FAIL, "spf=fail"),
        ('"x@acme.test"@elsewhere.test', HERE, "h.test", REJECT, FAIL, "not aligned"),
        ("b@acme.test", HERE, "h.test", None, NONE, "dmarc=none (acme.test publishes no policy)"),
    ],
)  # fmt: skip
def test_spf_speaks_when_it_aligns(dns: Dns, sender: str, peer: str, helo: str, policy: str | None, verdict: Verdict, says: str) -> None:  # fmt: skip
    publish(dns, policy=policy, spf=SPF)
    for domain in ("mail.acme.test", "elsewhere.test"):
        dns.txt(domain, SPF)
    proof = proof_of(dns, mail(), sender=sender, peer=peer, helo=helo)
    assert (proof.dmarc, proof.host) == (verdict, "maild")
    assert says in proof.why


def test_both_are_said(dns: Dns) -> None:
    publish(dns, spf=SPF)
    proof = proof_of(dns, signed(mail()), sender="b@acme.test", peer=THERE)
    assert proof == Proof(PASS, None, "maild", "dkim=pass d=acme.test, spf=fail smtp.mailfrom=acme.test, dmarc=pass (p=reject)")  # fmt: skip


@pytest.mark.parametrize(
    ("author", "signer", "policy", "verdict"),
    [
        ("ana@acme.test", "acme.test", REJECT, PASS),
        ("ana@acme.test", "news.acme.test", REJECT, PASS),
        ("ana@acme.test", "news.acme.test", REJECT + "; adkim=s", FAIL),
        ("ana@news.acme.test", "acme.test", REJECT, PASS),
        ("ana@acme.test", "evil.test", REJECT, FAIL),
        ("ceo@my-bank.test", "bank.test", REJECT, FAIL),
        ("ceo@my-bank.test", "my-bank.test", REJECT, PASS),
        ("ana@acme.test", "acme.test", None, NONE),
        ("ana@acme.test", "evil.test", "v=DMARC1; p=none", FAIL),
        ("Ana Ruiz <ana@ACME.test>", "acme.test", REJECT, PASS),
        ('"ceo@my-bank.test" <ana@acme.test>', "acme.test", REJECT, PASS),
    ],
)
def test_dkim_speaks_when_it_aligns(dns: Dns, author: str, signer: str, policy: str | None, verdict: Verdict) -> None:  # fmt: skip
    publish(dns, signer, policy=None)
    domain = author.rstrip(">").rpartition("@")[2].lower()
    if policy is not None:
        dns.txt(f"_dmarc.{organisational(domain)}", policy)
    assert proof_of(dns, signed(mail(author), signer)).dmarc is verdict


def test_an_international_author(dns: Dns) -> None:
    publish(dns, "xn--bcher-kva.test")
    assert proof_of(dns, signed(mail("ana@bücher.test"), "xn--bcher-kva.test")).dmarc is PASS


@pytest.mark.parametrize(
    ("froms", "for_acme", "for_bank"),
    [
        (["ana@acme.test"], PASS, FAIL),
        (["ana@acme.test", "ceo@my-bank.test"], NONE, NONE),
        (["ceo@my-bank.test", "ana@acme.test"], NONE, NONE),
        (["ana@acme.test, ceo@my-bank.test"], NONE, NONE),
        (["<ceo@my-bank.test> <ana@acme.test>"], NONE, NONE),
        (["ceo@my-bank.test <ana@acme.test>"], PASS, FAIL),  # a name, however odd
        (["ana@acme.test>"], NONE, FAIL),  # nobody vouches for what can be read in two ways
        (["undisclosed:;"], NONE, NONE),
        ([], NONE, NONE),
        (["ana"], NONE, NONE),
        (["ana@[203.0.113.9]"], NONE, NONE),
    ],
)
def test_several_authors_or_none_are_nobody(
    dns: Dns, froms: list[str], for_acme: Verdict, for_bank: Verdict
) -> None:
    for domain in ("acme.test", "my-bank.test"):
        publish(dns, domain, spf=SPF)
    lines = "".join(f"From: {one}\r\n" for one in froms).encode()
    raw = lines + mail().replace(b"From: ana@acme.test\r\n", b"")
    found = [
        proof_of(dns, raw, peer=HERE, sender=f"b@{domain}").dmarc for domain in ("acme.test", "my-bank.test")
    ]
    assert found == [for_acme, for_bank]


@pytest.mark.parametrize(
    ("way", "spf", "verdict"),
    [
        ({"route": "lmtp", "peer": "unix", "trusted": True, "sender": "b@acme.test"}, SPF, NONE),
        ({"route": "lmtp", "peer": "10.0.0.1", "sender": "b@acme.test"}, SPF, NONE),
        ({"route": "pipe", "peer": "pipe", "trusted": True, "sender": "b@acme.test"}, SPF, NONE),
        ({"route": "smtp", "peer": "203.0.113.9", "trusted": True, "sender": "b@acme.test"}, SPF, NONE),
        ({"route": "lmtp", "peer": "unix", "trusted": True, "sender": "b@elsewhere.test"}, SPF, FAIL),
        ({"route": "lmtp", "peer": "unix", "trusted": True, "sender": "b@acme.test"}, None, FAIL),
        ({"route": "lmtp", "peer": "unix", "trusted": True, "sender": "b@acme.test"}, "v=spf1 -all", FAIL),
    ],
)  # fmt: skip
def test_behind_our_own_mail_server_spf_is_not_known(dns: Dns, way: dict[str, object], spf: str | None, verdict: Verdict) -> None:  # fmt: skip
    publish(dns, spf=spf)
    assert proof_of(dns, mail(), **way).dmarc is verdict
    assert proof_of(dns, signed(mail()), **way).dmarc is PASS


@pytest.mark.parametrize("how", ["silent", "failing"])
@pytest.mark.parametrize(
    ("name", "signature", "sender", "verdict", "says"),
    [
        ("_dmarc.acme.test", True, "b@acme.test", NONE, "dmarc=temperror"),
        ("sel._domainkey.acme.test", True, "b@elsewhere.test", NONE, "dkim=temperror d=acme.test"),
        ("sel._domainkey.acme.test", True, "b@acme.test", PASS, "spf=pass"),
        ("acme.test", False, "b@acme.test", NONE, "spf=temperror"),
        ("acme.test", True, "b@acme.test", PASS, "dkim=pass"),
        ("elsewhere.test", False, "b@elsewhere.test", FAIL, "dkim=none for acme.test"),
    ],
)
def test_a_fault_of_the_dns_is_no_failure(dns: Dns, how: str, name: str, signature: bool, sender: str, verdict: Verdict, says: str) -> None:  # fmt: skip
    publish(dns, spf=SPF)
    getattr(dns, how).add(name)
    raw = signed(mail()) if signature else mail()
    judge = verifier(dns, query_seconds=0.3)
    proof = judge.proof(raw, parse(raw).mail, envelope(sender=sender, peer=HERE))
    assert (proof.dmarc, says in proof.why) == (verdict, True), proof.why


def test_an_attacker_cannot_turn_failure_into_doubt_with_a_domain_of_his_own(dns: Dns) -> None:
    publish(dns)
    publish(dns, "evil.test")
    dns.silent |= {"sel._domainkey.evil.test", "evil.test"}
    proof = proof_of(dns, signed(mail(), "evil.test"), sender="x@evil.test")
    assert proof.dmarc is FAIL
    assert not any("evil.test" in asked for asked in dns.asked)


def test_old_mail_is_not_measured_by_the_keys_of_today(dns: Dns) -> None:
    dns.txt("_dmarc.acme.test", REJECT)
    raw = signed(mail())
    for days, verdict in ((1, FAIL), (8, NONE)):
        way = envelope(received_at=NOW - timedelta(days=days))
        assert verifier(dns).proof(raw, parse(raw).mail, way).dmarc is verdict


# -- when it is done, and what follows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("results", "way", "host"),
    [
        ("mx.desk.test; dmarc=pass header.from=acme.test", {"trusted": True}, "mx.desk.test"),
        ("mx.desk.test; dmarc=fail header.from=acme.test", {"trusted": True}, "mx.desk.test"),
        ("mx.desk.test; auth=pass smtp.auth=ana@acme.test", {"trusted": True}, "mx.desk.test"),
        ("mx.desk.test; spf=pass", {"trusted": True}, "maild"),
        ("mx.evil.test; dmarc=pass header.from=acme.test", {"trusted": True}, "maild"),
        ("mx.desk.test; dmarc=fail header.from=acme.test", {}, "maild"),
        ("mx.evil.test; dmarc=pass header.from=acme.test", {"unauthenticated": True}, None),
    ],
)
def test_the_word_of_a_trusted_host_counts_first(dns: Dns, results: str, way: dict[str, bool], host: str | None) -> None:  # fmt: skip
    publish(dns)
    raw = f"Authentication-Results: {results}\r\n".encode() + signed(mail())
    trust = Trust(authserv_ids=("mx.desk.test",))
    job = Job(raw, trust, way.get("trusted", False), envelope(**way))
    parsed = parse(raw, trust, trusted=job.trusted)
    judge = verifier(dns)
    found = judge.verified(job, parsed) if judge.wanted(job, parsed) else parsed
    assert found.mail.proof.host == host


def test_who_fails_is_not_answered(dns: Dns) -> None:
    publish(dns)
    raw = mail()
    found = verifier(dns).verified(Job(raw, Trust(), False, envelope()), parse(raw))
    assert found.mail.unanswerable == ("dmarc=fail says maild",)


def test_a_fault_of_ours_believes_nobody(dns: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(dns)
    raw = signed(mail())

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no")

    monkeypatch.setattr(dmarc, "evaluate", broken)
    found = verifier(dns).verified(Job(raw, Trust(), False, envelope()), parse(raw))
    assert found.mail.proof == Proof(NONE, None, "maild", "not checked: ZeroDivisionError")
