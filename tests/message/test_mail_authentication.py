"""Authentication-Results: believed only from a listed host, its topmost word, about the only author."""

import pytest

from maild.desk.facts import Proof, Trust, Verdict
from maild.message.authentication import Result, parse
from maild.message.parse import parse as parse_mail

TRUST = Trust(authserv_ids=("mx.acme.test",))
PASS = "mx.acme.test; dmarc=pass header.from=acme.test"
FAIL = "mx.acme.test; dmarc=fail header.from=acme.test"
AUTH = "mx.acme.test; auth=pass smtp.auth=ann@acme.test"
FROM = "Ann <ann@acme.test>"


def mail(results: list[str], *authors: str) -> bytes:
    lines = [f"Authentication-Results: {value}" for value in results] + [
        f"From: {author}" for author in authors
    ]
    return "\r\n".join([*lines, "Subject: x", "", "body"]).encode()


@pytest.mark.parametrize(
    ("value", "host", "results"),
    [
        ("mx.acme.test; none", "mx.acme.test", ()),
        (
            "MX.Acme.test 1; dmarc=PASS header.from=a.test",
            "mx.acme.test",
            (Result("dmarc", "pass", {"header.from": "a.test"}),),
        ),
        (
            "mx.acme.test; dmarc=pass (p=reject; dis=none) header.from=a.test",
            "mx.acme.test",
            (Result("dmarc", "pass", {"header.from": "a.test"}),),
        ),
        (
            'mx.acme.test; spf=pass smtp.mailfrom="x; dmarc=pass header.from=evil.test"',
            "mx.acme.test",
            (Result("spf", "pass", {"smtp.mailfrom": "x; dmarc=pass header.from=evil.test"}),),
        ),
        (
            "mx.acme.test; spf=fail (x) smtp.mailfrom=a; auth=pass smtp.auth=ann",
            "mx.acme.test",
            (Result("spf", "fail", {"smtp.mailfrom": "a"}), Result("auth", "pass", {"smtp.auth": "ann"})),
        ),
        ("mx.acme.test; garbage; dmarc=fail", "mx.acme.test", (Result("dmarc", "fail", {}),)),
    ],
)
def test_parse(value: str, host: str, results: tuple[Result, ...]) -> None:
    assert parse(value) == (host, results)


@pytest.mark.parametrize(
    "value", ["", '"unclosed; dmarc=pass', "mx.acme.test (unclosed; dmarc=pass", "two words here; dmarc=pass"]
)
def test_what_follows_no_grammar_says_nothing(value: str) -> None:
    assert parse(value) is None


@pytest.mark.parametrize(
    ("results", "authors", "dmarc", "login"),
    [
        ([PASS], [FROM], Verdict.PASS, None),
        ([PASS.replace("acme.test", "ACME.test", 1)], [FROM], Verdict.PASS, None),
        ([FAIL], [FROM], Verdict.FAIL, None),
        ([AUTH], [FROM], Verdict.NONE, "ann@acme.test"),
        ([f"{PASS}; auth=pass smtp.auth=ann"], [FROM], Verdict.PASS, "ann"),
        # forged by the sender, below the word of our own host
        ([FAIL, PASS], [FROM], Verdict.FAIL, None),
        (["mx.acme.test; none", PASS], [FROM], Verdict.NONE, None),
        (["mx.acme.test; spf=pass", AUTH], [FROM], Verdict.NONE, None),
        # by a host nobody listed
        (["mx.evil.test; dmarc=pass header.from=acme.test"], [FROM], Verdict.NONE, None),
        (["mx.acme.test.evil.test; dmarc=pass header.from=acme.test"], [FROM], Verdict.NONE, None),
        (["mx.evil.test; dmarc=pass header.from=acme.test", FAIL], [FROM], Verdict.FAIL, None),
        # not aligned
        (["mx.acme.test; dmarc=pass header.from=other.test"], [FROM], Verdict.NONE, None),
        (["mx.acme.test; dmarc=pass"], [FROM], Verdict.NONE, None),
        (["mx.acme.test; dkim=pass header.d=acme.test header.from=acme.test"], [FROM], Verdict.NONE, None),
        (["mx.acme.test; dmarc=pass header.from=sub.acme.test"], [FROM], Verdict.NONE, None),
        # contradicting itself
        ([f"{PASS}; dmarc=fail header.from=acme.test"], [FROM], Verdict.FAIL, None),
        # several authors, or none
        ([f"{PASS}; auth=pass smtp.auth=ann"], [FROM, "Eve <eve@evil.test>"], Verdict.NONE, None),
        ([f"{PASS}; auth=pass smtp.auth=ann"], [FROM, FROM], Verdict.NONE, None),
        ([f"{PASS}; auth=pass smtp.auth=ann"], ["ann@acme.test, eve@evil.test"], Verdict.NONE, None),
        ([f"{PASS}; auth=pass smtp.auth=ann"], [], Verdict.NONE, None),
        ([FAIL], [FROM, "eve@evil.test"], Verdict.FAIL, None),
        # an author that can be read in two ways
        ([f"{PASS}; auth=pass smtp.auth=ann"], ["<ann@acme.test"], Verdict.NONE, None),
        # text of the sender inside comments and quotes
        (["mx.acme.test; dmarc=none (dmarc=pass header.from=acme.test)"], [FROM], Verdict.NONE, None),
        (['mx.acme.test; auth=none smtp.auth="x; auth=pass smtp.auth=ann"'], [FROM], Verdict.NONE, None),
        (["mx.acme.test; dmarc=passed header.from=acme.test"], [FROM], Verdict.NONE, None),
        (["mx.acme.test; auth=fail smtp.auth=ann"], [FROM], Verdict.NONE, None),
        ([], [FROM], Verdict.NONE, None),
    ],
)
def test_proof(results: list[str], authors: list[str], dmarc: Verdict, login: str | None) -> None:
    proof = parse_mail(mail(results, *authors), TRUST, trusted=True).mail.proof
    assert (proof.dmarc, proof.login) == (dmarc, login)


def test_an_international_domain_is_aligned_in_both_spellings() -> None:
    value = "mx.acme.test; dmarc=pass header.from=xn--mnchen-3ya.test"
    assert parse_mail(mail([value], "a@münchen.test"), TRUST, trusted=True).mail.proof.dmarc is Verdict.PASS


def test_two_domains_that_only_idna_2003_takes_for_one_are_two() -> None:
    value = "mx.acme.test; dmarc=pass header.from=fass.test"
    assert parse_mail(mail([value], "a@faß.test"), TRUST, trusted=True).mail.proof.dmarc is Verdict.NONE


def test_what_the_host_found_is_kept() -> None:
    value = "mx.acme.test; spf=fail smtp.mailfrom=x.test; dkim=pass header.d=acme.test; dmarc=pass header.from=acme.test"
    assert (
        parse_mail(mail([value], FROM), TRUST, trusted=True).mail.proof.why
        == "spf=fail, dkim=pass, dmarc=pass"
    )


@pytest.mark.parametrize(("trust", "trusted"), [(TRUST, False), (Trust(), True)])
def test_nothing_is_believed_without_trust(trust: Trust, trusted: bool) -> None:
    assert parse_mail(mail([PASS, AUTH], FROM), trust, trusted=trusted).mail.proof == Proof()


def test_the_host_is_named() -> None:
    assert parse_mail(mail([PASS], FROM), TRUST, trusted=True).mail.proof.host == "mx.acme.test"


@pytest.mark.parametrize(
    "top",
    [
        'mx.acme.test; spf=pass smtp.mailfrom="x(y"@evil.example" ; dmarc=fail header.from=acme.test',
        "mx.acme.test; spf=pass smtp.mailfrom=a(b@evil.example; dmarc=fail header.from=acme.test",
        'elsewhere.test; spf=pass smtp.mailfrom="open',
        "mx.acme.test; dmarc=fail header.from=acme.test; spf=pass smtp.mailfrom=" + "x" * 20_000,
    ],
)
def test_nothing_below_a_field_that_cannot_be_read_is_believed(top: str) -> None:
    forged = "mx.acme.test; dmarc=pass header.from=acme.test"
    raw = f"Authentication-Results: {top}\r\nAuthentication-Results: {forged}\r\nFrom: ben@acme.test\r\n\r\nx\r\n"
    proof = parse_mail(raw.encode(), Trust(authserv_ids=("mx.acme.test",)), trusted=True).mail.proof
    assert proof.dmarc is not Verdict.PASS
    assert proof.login is None
