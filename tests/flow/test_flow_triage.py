"""What the desk asks for: in acknowledgements, and of what is answered to them, on each database."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

import pytest

from maild.desk.people import Ticket
from maild.desk.words import State
from store import Store
from tests.flow import stage as s

CARLA = "Carla <carla@globex.test>"
ANA = "Ana Ruiz <ana@acme.test>"
WORDS = """\
dictionary:
  types:
    question: {}
    bug:
      needs:
        - {field: doing, ask: {en: "What were you doing?", es: "¿Qué estaba haciendo?"}}
        - {field: expected, ask: {en: "What did you expect to happen?"}, met_by: /(?i)expected|should have/}
        - {field: version, ask: {en: "Which version do you use?"}, met_by: '/(?i)\\bversion (\\d[\\d.]*)/'}
        - {ask: {en: "Please send a screenshot."}, met_by: attachment}
    outage:
      ask: wait
      needs:
        - {field: users, ask: "How many people are hindered?"}
        - {field: doing, ask: "What were you doing?"}
rules:
  - name: Crashes are bugs
    when: {text: [crash, crashes, "se cierra"]}
    then: {type: bug}
  - name: Down
    when: {subject: [down]}
    then: {type: outage}
  - name: Urgent ones
    on: reply
    when: {field.version: ["9.1"]}
    then: {priority: 1}
"""
RULES = (
    s.RULES.replace(
        "fields:\n",
        "fields:\n  doing: {label: {en: Doing, es: Actividad}}\n  expected: {label: Expected}\n  version: {label: Version, visible: requester}\n"
        "  users: {label: Users, type: number}\n",
    )
    + WORDS
)


def ticket(store: Store, number: int = 1) -> Ticket:
    with store.read() as work:
        found = work.ticket(number)
    assert found is not None
    return found


def events(store: Store, number: int = 1) -> list[str]:
    with store.read() as work:
        return [line.event for line in work.events(number)]


def to(sent: Sequence[tuple[object, EmailMessage]], address: str) -> list[EmailMessage]:
    return [mail for _, mail in sent if address in str(mail["To"])]


def begun(desk: s.Stage, subject: str, text: str) -> EmailMessage:
    """A new request of Carla's; its acknowledgement."""
    desk.take(s.mail(CARLA, subject, text))
    desk.work()
    [mail] = to(desk.sent(), "carla@globex.test")
    return mail


def answered(
    desk: s.Stage, mail: EmailMessage, text: str, number: int = 2
) -> list[tuple[object, EmailMessage]]:
    """What is sent when Carla answers."""
    raw, address = s.answer(mail, CARLA, text, number)
    desk.take(raw, address)
    desk.work()
    return list(desk.sent())


def test_only_what_lacks_is_asked_and_answers_fill_the_fields(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Crash: the app crashes", "I expected it to print. Version 3.2")
    text = s.text_of(mail)
    assert "1. What were you doing?" in text
    assert "2. Please send a screenshot." in text
    assert "expect to happen" not in text
    assert "Which version" not in text
    assert text.index("Please send a screenshot.") < text.index("What happens next")
    found = ticket(store)
    assert found.fields == {"expected": "I expected it to print.", "version": "3.2"}
    assert found.asked[0] == "doing"
    assert len(found.asked) == 2
    assert found.state is State.NEW
    told = answered(desk, mail, "1. I was printing\nthree pages.")
    assert ticket(store).fields["doing"] == "I was printing\nthree pages."
    [receipt] = to(told, "carla@globex.test")
    body = s.text_of(receipt)
    assert "I was printing" in body
    assert "2. Please send a screenshot." in body
    assert receipt["Auto-Submitted"] == "auto-replied"
    assert receipt["In-Reply-To"] == "<2@client.test>"
    [inside] = to(told, "ana@acme.test")
    assert "2. Please send a screenshot." in s.text_of(inside)
    assert "What were you doing?" not in s.text_of(inside)
    assert "supplied" in events(store)


def test_the_receipt_comes_once(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Crash", "It crashes.")
    assert to(answered(desk, mail, "3. 9.1"), "carla@globex.test")
    assert ticket(store).priority == 1
    assert to(answered(desk, mail, "1. printing", 3), "carla@globex.test") == []
    assert ticket(store).fields == {"version": "9.1", "doing": "printing"}
    assert to(answered(desk, mail, "Thank you.", 4), "carla@globex.test") == []


def test_answers_stand_between_quoted_questions(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Crash", "It crashes.")
    lines = []
    for line in s.text_of(mail).splitlines():
        lines.append(f"> {line}")
        if line.startswith("1. "):
            lines += ["", "Printing a page.", ""]
        if line.startswith("2. "):
            lines += ["A page"]
    body = "On Monday Acme wrote:\n" + "\n".join(lines) + "\n\nCarla"
    desk.take(s.mail(CARLA, f"Re: {mail['Subject']}", body, 2, str(mail["Reply-To"]), [f"In-Reply-To: {mail['Message-ID']}"]), mail["Reply-To"].addresses[0].addr_spec)  # fmt: skip
    desk.work()
    assert ticket(store).fields == {"doing": "Printing a page.", "expected": "A page"}


def test_answers_stand_in_a_copy_without_quote_marks(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Crash", "It crashes.")
    copy = "\n".join(s.text_of(mail).splitlines()).replace(
        "3. Which version do you use?", "3. Which version do you use?\n4.2"
    )
    body = f"See below.\n\nFrom: Acme Support <support@acme.test>\nSent: Monday, March 2, 2026 10:00 AM\nTo: Carla <carla@globex.test>\nSubject: {mail['Subject']}\n\n{copy}"
    desk.take(s.mail(CARLA, f"Re: {mail['Subject']}", body, 2, str(mail["Reply-To"]), [f"In-Reply-To: {mail['Message-ID']}"]), mail["Reply-To"].addresses[0].addr_spec)  # fmt: skip
    desk.work()
    assert ticket(store).fields == {"version": "4.2"}


def test_the_questions_quoted_below_are_no_answers(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Crash", "It crashes.")
    told = answered(desk, mail, "I will look at it tomorrow and write again.\n\nCarla")
    found = ticket(store)
    assert found.fields == {}
    assert found.met == ()
    assert to(told, "carla@globex.test") == []


def test_a_ticket_waits_for_what_was_asked(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Everything is down", "Nothing works.")
    assert "We go on as soon as we have your answers" in " ".join(s.text_of(mail).split())
    assert ticket(store).state is State.PENDING
    told = answered(desk, mail, "1. twelve\n")
    assert ticket(store).fields == {}
    assert ticket(store).state is State.OPEN  # not a number: somebody has to read it
    assert to(told, "carla@globex.test") == []


def test_a_part_keeps_it_waiting_and_the_whole_opens_it(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Everything is down", "Nothing works.")
    [receipt] = to(answered(desk, mail, "1. 12"), "carla@globex.test")
    assert ticket(store).state is State.PENDING
    assert "2. What were you doing?" in s.text_of(receipt)
    answered(desk, receipt, "2. printing", 3)
    assert ticket(store).state is State.OPEN
    assert ticket(store).fields == {"users": "12", "doing": "printing"}


def test_words_without_an_answer_are_not_left_waiting(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Everything is down", "Nothing works.")
    answered(desk, mail, "Please call me, we have a fire here. It is urgent.")
    assert ticket(store).state is State.OPEN


def test_a_single_open_question_needs_no_number(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Everything is down", "Nothing works.")
    answered(desk, mail, "2. printing")
    told = answered(desk, mail, "Thanks!", 3)
    assert "users" not in ticket(store).fields
    assert to(told, "carla@globex.test") == []
    answered(desk, mail, "12", 4)
    assert ticket(store).fields["users"] == "12"


def test_who_may_not_be_answered_is_not_asked(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    desk.take(s.mail(CARLA, "Everything is down", "It crashes.", headers=["Auto-Submitted: auto-generated"]))
    desk.work()
    sent = desk.sent()
    found = ticket(store)
    assert to(sent, "carla@globex.test") == []
    assert (found.asked, found.state) == ((), State.NEW)
    assert "How many people are hindered?" in s.text_of(to(sent, "ana@acme.test")[0])


def test_a_phone_call_logged_for_somebody_asks_him(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    text = "#requester Olga <olga@else.test>\n#channel phone\n#type bug\n\nHer screen is black. She has version 2.1 of it."
    desk.take(s.mail(ANA, "Black screen", text, headers=["Authentication-Results: mx.acme.test; dmarc=pass header.from=acme.test"]), sender="ana@acme.test")  # fmt: skip
    desk.work()
    [mail] = to(desk.sent(), "olga@else.test")
    assert "1. What were you doing?" in s.text_of(mail)
    assert ticket(store).fields == {"version": "2.1"}
    assert "#type" not in str(ticket(store).fields)


def test_an_attachment_in_a_reply_gives_what_was_asked(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Crash", "It crashes.")
    reply = EmailMessage()
    reply["From"], reply["To"], reply["Subject"] = CARLA, str(mail["Reply-To"]), f"Re: {mail['Subject']}"
    reply["Message-ID"], reply["In-Reply-To"], reply["Date"] = (
        "<2@client.test>",
        mail["Message-ID"],
        "Mon, 02 Mar 2026 09:10:00 +0000",
    )
    reply.set_content("Here it is.")
    reply.add_attachment(b"\x89PNG" + b"x" * 2000, maintype="image", subtype="png", filename="screen.png")
    desk.take(reply.as_bytes(), mail["Reply-To"].addresses[0].addr_spec)
    desk.work()
    [receipt] = to(desk.sent(), "carla@globex.test")
    assert "Please send a screenshot: has arrived" in s.text_of(receipt)
    assert "4. Please send a screenshot." not in s.text_of(receipt)
    assert "1. What were you doing?" in s.text_of(receipt)


def test_an_agents_own_numbers_are_not_those_of_the_desk(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Crash", "It crashes.")
    desk.flow.act(1, "ana@acme.test", ("#public",), "Please tell me:\n1. Is it plugged in?\n2. Is it on?")
    [answer] = to(desk.sent(), "carla@globex.test")
    answered(desk, answer, "1. yes\n2. no")
    assert ticket(store).fields == {}
    answered(desk, mail, "1. printing", 3)
    assert ticket(store).fields == {"doing": "printing"}


@pytest.mark.parametrize("proved", [True, False])
def test_words_are_repeated_only_to_who_is_proved_to_have_written_them(
    store: Store, tmp_path: Path, proved: bool
) -> None:
    desk = s.stage(tmp_path, store, rules=RULES)
    mail = begun(desk, "Crash", "It crashes.")
    if proved:
        told = answered(desk, mail, "1. buy at cheap.example")
    else:  # From: can be forged, and the number in the subject guessed
        desk.take(s.mail(CARLA, f"Re: {mail['Subject']}", "1. buy at cheap.example", 2))
        desk.work()
        told = list(desk.sent())
    assert ticket(store).fields == {"doing": "buy at cheap.example"}
    [receipt] = to(told, "carla@globex.test")
    assert ("cheap.example" in s.text_of(receipt)) is proved


def test_what_was_noted_is_told_as_people_write_it_and_names_no_addresses(
    store: Store, tmp_path: Path
) -> None:
    people = """\
people: [{name: Jan Jansen, address: jan@home.test}]
fields: {paid: {type: yes/no}, who: {type: person, label: {en: Contact, es: Contacto}}, since: {type: date}, other: {type: person}, third: {type: person}}
dictionary:
  categories:
    invoice:
      needs:
        - {field: paid, ask: {es: "¿Ha pagado?"}}
        - {field: who, ask: {es: "¿Con quién habló?"}}
        - {field: since, ask: {es: "¿Desde cuándo?"}}
        - {field: other, ask: {es: "¿A quién llamamos?"}}
        - {field: third, ask: {es: "¿Quién paga?"}}
rules: [{name: Invoices, when: {subject: factura}, then: {category: invoice}}]
"""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "20.yaml").write_text(people, encoding="utf-8")
    desk = s.stage(tmp_path, store)
    mail = begun(
        desk,
        "Mi factura",
        "Buenos días, no encuentro la factura del mes pasado y la necesito para mi empresa.",
    )
    told = answered(
        desk, mail, "1. Sí, claro\n2. Ana Ruiz\n3. desde el 2026-01-20\n4. Jan Jansen\n5. <pia@globex.test>"
    )
    assert ticket(store).fields == {
        "paid": "yes",
        "who": "ana@acme.test",
        "since": "2026-01-20",
        "other": "jan@home.test",
        "third": "pia@globex.test",
    }
    [receipt] = to(told, "carla@globex.test")
    body = s.text_of(receipt)
    for line in (
        "- paid: sí",
        "- Contacto: Ana Ruiz",
        "- since: 20 ene 2026",
        "- other: recibido",
        "- third: pia@globex.test",
    ):
        assert line in body, body
    assert "ana@acme.test" not in receipt.as_string()
    assert "jan@home.test" not in receipt.as_string()
