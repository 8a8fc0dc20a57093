"""Why no automatic answer may go to a sender."""

import pytest

from maild.desk.facts import Kind, Trust
from maild.message.answerable import is_robot, list_id
from maild.message.parse import parse

TRUST = Trust(authserv_ids=("mx.acme.test",), spam=(("x-spam-flag", "yes"),), lists=("help.acme.test",))


def mail(*fields: str, sender: str = "Ann <ann@customer.example>") -> bytes:
    return "\r\n".join([f"From: {sender}", "Subject: Printer", *fields, "", "It burns."]).encode()


@pytest.mark.parametrize(
    "fields",
    [
        (),
        ("Auto-Submitted: no",),
        ("Auto-Submitted: No (written by hand)",),
        ("Auto-Submitted: (by hand) no",),
        ("Precedence: first-class",),
        ("X-Auto-Response-Suppress: DR, RN, NRN",),
        ("List-Id: Help <help.acme.test>", "List-Post: <mailto:help@acme.test>", "Precedence: list"),
        ("X-Spam-Flag: NO",),
        ("Authentication-Results: mx.other.test; dmarc=fail header.from=customer.example",),
    ],
)
def test_a_person_may_be_answered(fields: tuple[str, ...]) -> None:
    assert parse(mail(*fields), TRUST, trusted=True).mail.unanswerable == ()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (("Auto-Submitted: auto-replied",), "Auto-Submitted"),
        (("Auto-Submitted: auto-generated; owner=x",), "Auto-Submitted"),
        (("Auto-Submitted: (vacation (2)) auto-replied",), "Auto-Submitted"),
        (("Precedence: bulk",), "Precedence"),
        (("Precedence: List",), "Precedence"),
        (("Precedence: junk",), "Precedence"),
        (("List-Unsubscribe: <https://x.example/u>",), "List-Unsubscribe"),
        (("List-Id: <other.example>",), "List-Id"),
        (("List-Id: <help.acme.test>", "Precedence: bulk"), "Precedence"),
        (("X-Auto-Response-Suppress: All",), "X-Auto-Response-Suppress"),
        (("X-Auto-Response-Suppress: DR, OOF",), "X-Auto-Response-Suppress"),
        (("X-Auto-Response-Suppress: AutoReply",), "X-Auto-Response-Suppress"),
        (("X-Spam-Flag: YES",), "spam"),
        (("Authentication-Results: mx.acme.test; dmarc=fail header.from=customer.example",), "dmarc=fail"),
    ],
)
def test_reasons(fields: tuple[str, ...], reason: str) -> None:
    found = parse(mail(*fields), TRUST, trusted=True).mail.unanswerable
    assert len(found) == 1
    assert reason in found[0]


def test_all_reasons_are_told() -> None:
    fields = ("Auto-Submitted: auto-generated", "Precedence: bulk", "X-Spam-Flag: YES")
    assert len(parse(mail(*fields, sender="noreply@x.example"), TRUST).mail.unanswerable) == 4


def test_a_mail_through_our_own_list_is_from_a_person() -> None:
    fields = ("List-Id: Help <help.acme.test>", "List-Unsubscribe: <mailto:u@acme.test>", "Precedence: list")
    assert parse(mail(*fields), TRUST).mail.kind is Kind.PERSON
    assert parse(mail(*fields), Trust()).mail.kind is Kind.BULK


@pytest.mark.parametrize(
    "address",
    [
        "MAILER-DAEMON@x.example", "postmaster@x.example", "noreply@x.example", "no-reply@x.example", "no_reply@x.example",
        "do-not-reply@x.example", "DoNotReply@x.example", "noreply+123@x.example", "shop-noreply@x.example", "nepasrepondre@x.example",
        "bounce@x.example", "bounces+ann=acme.test@x.example", "list-bounces@x.example", "owner-list@x.example", "list-request@x.example",
        "list-owner@x.example",
    ],
)  # fmt: skip
def test_robots(address: str) -> None:
    assert is_robot(address)


@pytest.mark.parametrize(
    "address",
    [
        "ann@x.example",
        "norep@x.example",
        "ownership@x.example",
        "requests@x.example",
        "nora.reply@x.example",
        "bouncer@x.example",
        "post@x.example",
    ],
)
def test_people(address: str) -> None:
    assert not is_robot(address)


def test_list_id() -> None:
    assert list_id("Our Help <Help.Acme.test>") == list_id("help.acme.test") == "help.acme.test"
