"""What must stay inside stays inside; who is nobody has no power."""

from __future__ import annotations

import re
import secrets

import pytest

from tests.way.desk import AGENTS, Desk
from tests.way.letters import answer, letter
from tests.way.relay import Received

ANA, BEN = "Ana Ruiz <ana@acme.test>", "Ben Okoro <ben@acme.test>"
ASKED = "Hello, we need a new contract for the coffee machine on the third floor. Whom do we ask?"
PASS = {"Authentication-Results": "mx.acme.test; dmarc=pass header.from={}"}


def opened(desk: Desk, customer: str, subject: str) -> tuple[Received, Received]:
    _, acknowledged = desk.ask(customer, subject, ASKED)
    return acknowledged, desk.told("ana@acme.test", acknowledged.number)


def agents_secrets(desk: Desk) -> set[str]:
    """Addresses, tokens and Message-IDs of all that agents got, in lower case."""
    found = set(AGENTS)
    for mail in desk.relay.mails:
        if mail.recipient in AGENTS:
            found |= {mail["Message-ID"].lower().strip("<>"), mail["Message-ID"].lower().strip("<>").partition("@")[0]}  # fmt: skip
            found |= {mail.sender.lower()} - {""}
            local = mail.reply_address.partition("@")[0]
            if "+" in local:
                found.add(local.partition("+")[2].lower())
    return found


def assert_clean(desk: Desk, mails: list[Received]) -> None:
    assert mails
    secrets = agents_secrets(desk)
    for mail in mails:
        everything = re.sub(r"\s+", "", mail.everything())
        leaked = [secret for secret in secrets if re.sub(r"\s+", "", secret) in everything]
        assert leaked == [], mail.raw.decode("ascii")


def test_no_token_or_address_of_an_agent_in_what_a_requester_gets(desk: Desk) -> None:
    customer = "Greta <greta@globex.test>"
    _, told = opened(desk, customer, "Contract")
    signed = "Of course.\n\n-- \nAna Ruiz\nana@acme.test\n+31 20 555 0100"
    desk.smtp(answer(told, ANA, signed))
    reply = desk.gets(customer, lambda mail: "Of course." in mail.text)
    desk.smtp(answer(reply, customer, "Thank you, how long does it take?"))
    back = desk.told("ana@acme.test", reply.number, "how long does it take")
    desk.smtp(answer(back, ANA, "#state pending\nAbout a week."))
    desk.gets(customer, lambda mail: "About a week" in mail.text)
    desk.quiet()
    assert_clean(desk, desk.relay.to("greta@globex.test"))


@pytest.mark.parametrize("words", ["Write to ana@acme.test instead.", "Write to BEN@ACME.TEST please."])
def test_an_agents_address_in_the_text_is_held_and_the_agent_told(desk: Desk, words: str) -> None:
    customer = f"held{len(words)}@globex.test"
    acknowledged, told = opened(desk, customer, "Held")
    mail = answer(told, ANA, words)
    desk.smtp(mail)
    transcript = desk.gets("ana@acme.test", lambda one: one["In-Reply-To"] == mail["Message-ID"])
    assert "what must not leave" in transcript.text
    desk.quiet()
    assert len(desk.relay.to(customer)) == 1
    assert desk.ticket(acknowledged.number)["state"] == "new"


def test_a_reply_token_in_the_text_is_held(desk: Desk) -> None:
    customer = "token@globex.test"
    _, told = opened(desk, customer, "Token")
    desk.smtp(answer(told, ANA, f"Please use {told.reply_address} from now on."))
    desk.gets(
        "ana@acme.test", lambda one: "reply token of ours" in one.text and "Nothing was sent" in one.text
    )
    desk.quiet()
    assert len(desk.relay.to(customer)) == 1


def test_the_notification_never_leaves_wherever_it_stands(desk: Desk) -> None:
    customer = "quoted@globex.test"
    _, told = opened(desk, customer, "Quoted")
    in_answer = {"In-Reply-To": told["Message-ID"]}
    desk.smtp(answer(told, ANA, "Quoted: it is on its way."))
    above = f"Unquoted: it has arrived.\r\n\r\n{told.text}"
    desk.smtp(letter(ANA, f"Re: {told['Subject']}", above, to=told.reply_address, headers=in_answer))
    below = letter(ANA, f"Re: {told['Subject']}", f"{told.text}\r\n\r\nBelow: it is lost.", to=told.reply_address, headers=in_answer)  # fmt: skip
    desk.smtp(below)
    transcript = desk.gets("ana@acme.test", lambda one: one["In-Reply-To"] == below["Message-ID"])
    assert "Nothing was sent" in transcript.text
    assert "Below: it is lost." in transcript.text
    desk.quiet()
    mails = desk.relay.to(customer)
    assert len(mails) == 3
    assert ["Quoted: it is" in mails[1].text, "Unquoted: it has" in mails[2].text] == [True, True]
    for mail in mails:
        for words in ("Who asks", "Service level", "answer above this line", "#note", "First answer"):
            assert words not in mail.text, mail.text
            assert words not in mail.html
    assert_clean(desk, mails)


def test_customers_lines_quoted_between_answers_stay(desk: Desk) -> None:
    customer = "inline@globex.test"
    _, told = opened(desk, customer, "Inline")
    words = f"One after the other:\n\n> {ASKED[:60]}\n\nMrs Vos of purchasing.\n\n> Whom do we ask?\n\nHer, too.\n"
    mail = letter(ANA, f"Re: {told['Subject']}", words, to=told.reply_address)
    mail["In-Reply-To"] = told["Message-ID"]
    desk.smtp(mail)
    reply = desk.gets(customer, lambda one: "Mrs Vos" in one.text)
    assert f"> {ASKED[:60]}" in reply.text
    assert "> Whom do we ask?" in reply.text


def test_an_agents_files_leave_but_not_his_card_or_signature(desk: Desk) -> None:
    customer = "files@globex.test"
    acknowledged, told = opened(desk, customer, "Files")
    files = [
        ("contract.pdf", "application/pdf", b"%PDF-1.4 contract"),
        ("photo.png", "image/png", b"\x89PNG photo"),
        ("ana.vcf", "text/vcard", b"BEGIN:VCARD\r\nEMAIL:ana@acme.test\r\nEND:VCARD\r\n"),
        ("card.vcf", "application/octet-stream", b"BEGIN:VCARD\r\nEND:VCARD\r\n"),
        ("smime.p7s", "application/pkcs7-signature", b"signed by ana@acme.test"),
    ]
    desk.smtp(answer(told, ANA, "Here they are.", attachments=files))
    reply = desk.gets(customer, lambda mail: "Here they are" in mail.text)
    got = {part.get_filename(): part.get_content() for part in reply.mail.iter_attachments()}
    assert got == {"contract.pdf": b"%PDF-1.4 contract", "photo.png": b"\x89PNG photo"}
    assert_clean(desk, desk.relay.to(customer))
    out = next(one for one in desk.ticket(acknowledged.number)["messages"] if one["direction"] == "out" and one["kind"] == "person")  # fmt: skip
    assert {"contract.pdf", "photo.png"} <= {part["name"] for part in out["attachments"]}


def test_people_in_copy_join_only_by_a_proved_requester_or_an_agent(desk: Desk) -> None:
    copy = "Pete <pete@globex.test>, support@acme.test, ben@acme.test, no-reply@globex.test"
    _, acknowledged = desk.ask("cc1@globex.test", "Copies unproved", ASKED, cc=copy)
    assert desk.ticket(acknowledged.number)["participants"] == []
    assert "In copy, but not taking part" in desk.told("ana@acme.test", acknowledged.number).text

    passed = {"Authentication-Results": "mx.acme.test; dmarc=pass header.from=globex.test"}
    _, proved = desk.ask(
        "cc2@globex.test", "Copies proved", ASKED, cc=copy.replace("pete", "paul"), headers=passed
    )
    assert desk.ticket(proved.number)["participants"] == ["paul@globex.test"]
    desk.quiet()
    assert desk.relay.to("paul@globex.test") == []  # nothing automatic before an agent's first answer

    told = desk.told("ana@acme.test", proved.number)
    desk.smtp(answer(told, ANA, "Your contract is ready."))
    for customer in ("cc2@globex.test", "paul@globex.test"):
        mail = desk.gets(customer, lambda one: "contract is ready" in one.text)
        assert [one.addr_spec for one in mail.mail["To"].addresses] == [customer]
        assert mail["Cc"] == ""
    joined, asked = desk.relay.to("paul@globex.test")[0], desk.relay.to("cc2@globex.test")[-1]
    assert joined.reply_address != asked.reply_address
    assert joined["Message-ID"] != asked["Message-ID"]
    desk.smtp(answer(joined, "paul@globex.test", "I have one more question."))
    desk.told("ana@acme.test", proved.number, "one more question")


def test_an_impostor_is_a_stranger_and_the_real_agent_is_told(desk: Desk) -> None:
    customer = "prey@globex.test"
    acknowledged, told = opened(desk, customer, "Prey")
    forged = letter(ANA, told["Subject"], "#solve\nPlease pay to another account.", headers={"References": acknowledged["Message-ID"]})  # fmt: skip
    desk.smtp(forged, sender="mallory@else.test")
    warning = desk.gets("ana@acme.test", lambda mail: "without proof" in mail.text)
    assert warning["Auto-Submitted"] == "auto-generated"
    desk.quiet()
    assert desk.ticket(acknowledged.number)["state"] == "new"
    assert not any("another account" in mail.everything() for mail in desk.relay.to(customer))


def test_a_leaked_agents_token_has_no_power_and_does_not_thread(desk: Desk) -> None:
    customer = "leak@globex.test"
    acknowledged, _ = opened(desk, customer, "Leak")
    token = desk.told("ben@acme.test", acknowledged.number).reply_address
    desk.smtp(letter("mallory@else.test", "hm", "#solve\nI found this address.", to=token), to=token)
    desk.gets("ben@acme.test", lambda mail: "reply token of yours" in mail.text)
    desk.quiet()
    assert desk.ticket(acknowledged.number)["state"] == "new"
    assert len(desk.relay.to(customer)) == 1
    other = desk.gets("mallory@else.test")
    assert other.number != acknowledged.number
    desk.quiet()
    assert_clean(desk, desk.relay.to("mallory@else.test"))


@pytest.mark.parametrize(
    ("sender", "results", "believed"),
    [
        ("ben@acme.test", "mx.acme.test; dmarc=pass header.from=acme.test", True),
        ("ben@acme.test", "mx.acme.test; auth=pass smtp.auth=ben@acme.test", True),
        ("ben@acme.test", "mx.else.test; dmarc=pass header.from=acme.test", False),
        ("ben@acme.test", "mx.acme.test; dmarc=pass header.from=else.test", False),
        ("ben@acme.test", "mx.acme.test; dmarc=fail header.from=acme.test", False),
    ],
)
def test_an_aligned_pass_of_a_trusted_host_makes_an_agent(desk: Desk, sender: str, results: str, believed: bool) -> None:  # fmt: skip
    customer = f"pass{secrets.token_hex(3)}@globex.test"
    acknowledged, _ = opened(desk, customer, "Passes")
    mail = letter(sender, f"[Acme #{acknowledged.number}] Passes", "#priority 1\n#note\nUrgent, I think.")
    head = f"Authentication-Results: {results}\r\n".encode()
    desk.smtp(head + mail.as_bytes(), sender=sender)
    desk.quiet()
    assert (desk.ticket(acknowledged.number)["priority"] == 1) is believed


def test_a_trusted_fail_makes_anybody_a_stranger(desk: Desk) -> None:
    customer = "failed@globex.test"
    acknowledged, _ = opened(desk, customer, "Fails")
    mail = answer(acknowledged, customer, "Please close it.")
    head = b"Authentication-Results: mx.acme.test; dmarc=fail header.from=globex.test\r\n"
    desk.smtp(head + mail.as_bytes(), sender=customer, to=acknowledged.reply_address)
    desk.quiet()
    assert not any("Please close it" in one["text"] for one in desk.ticket(acknowledged.number)["messages"])
