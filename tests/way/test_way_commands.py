"""Agents at work with commands: what never reaches a requester, what is held and sent, merged, taken back."""

from __future__ import annotations

import pytest

from tests.way.desk import Desk
from tests.way.letters import answer
from tests.way.relay import Received

ANA, BEN = "Ana Ruiz <ana@acme.test>", "Ben Okoro <ben@acme.test>"
ASKED = "Hello, the heating in our office is off since last night. Can you send somebody, please?"
PASS = {"Authentication-Results": "mx.acme.test; dmarc=pass header.from=acme.test"}


def opened(desk: Desk, customer: str, subject: str = "Heating") -> tuple[Received, Received, Received]:
    """The acknowledgement, Ana's notification and Ben's."""
    _, acknowledged = desk.ask(customer, subject, ASKED)
    number = acknowledged.number
    return acknowledged, desk.told("ana@acme.test", number), desk.told("ben@acme.test", number)


def transcript_of(desk: Desk, mail: object) -> Received:
    """The transcript that answers an agent's mail."""
    return desk.gets("ana@acme.test", lambda one: one["In-Reply-To"] == mail["Message-ID"])  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mistyped", "#sovle\nIt is done."),
        ("argument", "#priority urgent\nIt is done."),
        ("below", "It is done.\n#solve"),
        ("bullet", "• #note\nShe is always like that."),
        ("mixed", "#note\n#public\nShe is always like that."),
    ],
)
def test_a_mistyped_command_never_reaches_the_requester(desk: Desk, name: str, text: str) -> None:
    customer = f"{name}@globex.test"
    acknowledged, told, _ = opened(desk, customer)
    mail = answer(told, ANA, text)
    desk.smtp(mail)
    transcript = transcript_of(desk, mail)
    assert transcript["Auto-Submitted"] == "auto-replied"
    assert text.splitlines()[-1] in transcript.text
    desk.quiet()
    assert len(desk.relay.to(customer)) == 1
    assert desk.ticket(acknowledged.number)["state"] == "new"


@pytest.mark.parametrize(("name", "text"), [("note", "#note\nA difficult one."), ("ask", "#ask @chen\nA difficult one."), ("contact", "#contact phone\nA difficult one.")])  # fmt: skip
def test_what_is_internal_stays_inside(desk: Desk, name: str, text: str) -> None:
    customer = f"inside-{name}@globex.test"
    acknowledged, told, _ = opened(desk, customer)
    desk.smtp(answer(told, ANA, text))
    if name != "contact":  # which takes the ticket, so that nobody else is told
        desk.told(
            "ben@acme.test" if name == "note" else "chen@acme.test", acknowledged.number, "A difficult one."
        )
    desk.quiet()
    [said] = [one for one in desk.ticket(acknowledged.number)["messages"] if "difficult" in one["text"]]
    assert (said["public"], said["direction"]) == (False, "in")
    assert not any("difficult" in mail.everything() for mail in desk.relay.to(customer))


def test_a_crossing_answer_is_held_and_sent_as_it_was(desk: Desk) -> None:
    customer = "crossing@globex.test"
    acknowledged, told, bens = opened(desk, customer)
    desk.smtp(answer(bens, BEN, "The engineer comes at ten."))
    desk.gets(customer, lambda mail: "comes at ten" in mail.text)
    mail = answer(
        told, ANA, "#tag heating\nThe engineer comes at noon.", attachments=[("plan.txt", "text/plain", b"the plan")]
    )  # fmt: skip
    desk.smtp(mail)
    transcript = transcript_of(desk, mail)
    assert "comes at ten" in transcript.text
    assert "comes at noon" in transcript.text
    desk.quiet()
    assert len(desk.relay.to(customer)) == 2
    assert desk.ticket(acknowledged.number)["tags"] == []
    desk.smtp(answer(transcript, ANA, "#send"))
    sent = desk.gets(customer, lambda one: "comes at noon" in one.text)
    assert [part.get_filename() for part in sent.mail.iter_attachments()] == ["plan.txt"]
    assert "ana@acme.test" not in sent.everything()
    assert desk.ticket(acknowledged.number)["tags"] == ["heating"]


def test_merged_by_a_confirmed_command_and_answered_at_the_old_number(desk: Desk) -> None:
    customer = "twice@globex.test"
    first, _, _ = opened(desk, customer, "Heating one")
    second, told, _ = opened(desk, customer, "Heating two")
    mail = answer(told, ANA, f"#merge {first.number}")
    desk.smtp(mail)
    transcript = transcript_of(desk, mail)
    assert "yes to confirm" in transcript.text
    assert desk.ticket(second.number)["state"] == "new"
    desk.smtp(answer(transcript, ANA, "yes"))
    desk.gets(
        customer,
        lambda one: f"[Acme #{second.number}]" in one.text and f"[Acme #{first.number}]" in one["Subject"],
    )
    old = desk.ticket(second.number)
    assert (old["state"], old["merged_into"]) == ("merged", first.number)
    desk.smtp(answer(second, customer, "It is getting cold here!"))
    desk.told("ana@acme.test", first.number, "getting cold")
    texts = [one["text"] for one in desk.ticket(first.number)["messages"] if one["kind"] == "person"]
    assert [text.splitlines()[0] for text in texts] == [ASKED, ASKED, "It is getting cold here!"]


def test_undo(desk: Desk) -> None:
    customer = "undo@globex.test"
    acknowledged, told, _ = opened(desk, customer)
    desk.smtp(answer(told, ANA, "#solve\n#priority 1\nThe heating works."))
    desk.gets(customer, lambda one: "heating works" in one.text)
    mail = answer(told, ANA, "#undo")
    desk.smtp(mail)
    assert "what was sent stays sent" in transcript_of(desk, mail).text
    ticket = desk.ticket(acknowledged.number)
    assert (ticket["state"], ticket["priority"]) == ("new", 3)


def test_commands_in_a_mail_that_is_html_only(desk: Desk) -> None:
    customer = "html@globex.test"
    acknowledged, told, _ = opened(desk, customer)
    mail = answer(told, ANA, "")
    html = (
        '<html><body><div dir="ltr"><span>#priority&nbsp;1.</span></div><div>#assign&nbsp;<a href="mailto:ana@acme.test">ana@acme.test</a></div>'
        "<div><br></div><div>Somebody is on the way.</div><br></body></html>"
    )
    mail.set_content(html, subtype="html")
    desk.smtp(mail)
    sent = desk.gets(customer, lambda one: "on the way" in one.text)
    assert "#" not in sent.text.split("-- ")[0]
    ticket = desk.ticket(acknowledged.number)
    assert (ticket["priority"], ticket["assignee"]) == (1, "ana@acme.test")


def test_one_proof_is_one_too_few_and_two_are_enough(desk: Desk) -> None:
    customer = "power@globex.test"
    acknowledged, told, _ = opened(desk, customer)
    mail = answer(told, ANA, "#requester other@globex.test", headers=PASS)
    desk.smtp(mail)
    desk.quiet()
    assert desk.ticket(acknowledged.number)["requester"]["address"] == "other@globex.test"


def test_the_same_on_this_host(desk: Desk) -> None:
    first, _, _ = opened(desk, "host@globex.test", "Host one")
    second, _, _ = opened(desk, "host@globex.test", "Host two")
    done = desk.maild("ticket", str(second.number), "merge", str(first.number))
    assert done.returncode == 0, done.stderr
    assert f"#{first.number}".encode() in done.stdout
    refused = desk.maild("ticket", str(first.number), "merge", str(first.number))
    assert refused.returncode == 65
    assert desk.maild("ticket", str(first.number), "link", "https://status.test/heating").returncode == 0
    assert desk.ticket(first.number)["urls"] == ["https://status.test/heating"]
    assert desk.maild("ticket", str(first.number), "#split Radiator", "It leaks.").returncode == 0
    linked = desk.ticket(first.number)["links"]
    assert [link["kind"] for link in linked] == ["related"]
    assert [one["text"] for one in desk.ticket(linked[0]["id"])["messages"] if one["kind"] == "person"] == [
        "It leaks."
    ]
