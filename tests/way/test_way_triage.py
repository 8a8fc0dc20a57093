"""What the desk asks for, on a running desk: in the customer's language, only what lacks, and what becomes of the answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.way.desk import Desk
from tests.way.letters import answer, letter
from tests.way.relay import Relay

WORDS = """\
dictionary:
  types:
    question: {}
    bug:
      label: {en: Bug, es: Error}
      needs:
        - {field: doing, ask: {en: "What were you doing?", es: "¿Qué estaba haciendo?"}}
        - {field: expected, ask: {en: "What did you expect to happen?", es: "¿Qué esperaba que ocurriera?"}, met_by: /(?i)expected|should have/}
        - {field: version, ask: {en: "Which version do you use?", es: "¿Qué versión usa?"}, met_by: '/(?i)\\bversion \\d/'}
        - {ask: {en: "Please send a screenshot.", es: "Por favor, envíe una captura."}, met_by: attachment}
fields:
  doing: {label: What were you doing}
  expected: {label: What did you expect}
  version: {label: Version}
rules:
  - name: Crashes are bugs
    when: {text: [crash, crashes, "se cierra"]}
    then: {type: bug, help: ["https://help.acme.test/crashes"]}
"""
ENGLISH = "I expected it to print. Version 3.2 is the one that we use since Monday, on all our machines."
SPANISH = "Buenos días,\n\nla aplicación se cierra cada vez desde el lunes. Tenemos la version 3.2 en todos los ordenadores de la oficina."
PICTURE = ("screen.png", "image/png", b"\x89PNG\r\n" + b"x" * 2000)


@pytest.fixture(scope="module")
def bugs(tmp_path_factory: pytest.TempPathFactory, relay: Relay) -> Iterator[Desk]:
    """A desk with the words of bugs."""
    made = Desk(tmp_path_factory.mktemp("d") / "desk", relay)
    (made.folder / "rules" / "40-words.yaml").write_text(WORDS)
    made.start()
    yield made
    made.end()


def test_only_what_lacks_is_asked(bugs: Desk) -> None:
    _, mail = bugs.ask("Carla Gómez <carla@globex.test>", "Crash: the app crashes", ENGLISH)
    for body in (mail.text, mail.html):
        assert "1. What were you doing?" in body
        assert "2. Please send a screenshot." in body
        assert "What did you expect" not in body
        assert "Which version" not in body
        assert (
            body.index("What were you doing?")
            < body.index("help.acme.test")
            < body.index("What happens next")
        )
    assert bugs.ticket(mail.number)["fields"] == {"expected": "I expected it to print.", "version": "Version 3.2 is the one that we use since Monday, on all our machines."}  # fmt: skip
    told = bugs.told("chen@acme.test", mail.number)
    assert "Still lacks: 1. What were you doing?" in told.text


def test_it_is_asked_in_the_customers_language(bugs: Desk) -> None:
    _, mail = bugs.ask("lola@cliente.test", "La aplicación se cierra", SPANISH)
    assert "1. ¿Qué estaba haciendo?" in mail.text
    assert "2. ¿Qué esperaba que ocurriera?" in mail.text
    assert "3. Por favor, envíe una captura." in mail.text
    assert "versión usa" not in mail.text
    reply = answer(mail, "lola@cliente.test", "1) imprimía una página\n2) que saliera\n\nUn saludo\nLola")
    bugs.smtp(reply, to=mail.reply_address)
    receipt = bugs.gets("lola@cliente.test", lambda one: one["In-Reply-To"] == reply["Message-ID"])
    assert "imprimía una página" in receipt.text
    assert "3. Por favor, envíe una captura." in receipt.text
    fields = bugs.ticket(mail.number)["fields"]
    assert (fields["doing"], fields["expected"]) == ("imprimía una página", "que saliera")


def test_answers_by_number_and_by_file_and_what_lacks_is_seen(bugs: Desk) -> None:
    _, mail = bugs.ask(
        "otto@globex.test", "Crash again", "The app crashes when I print, every time since Monday."
    )
    assert [(one["number"], one["field"], one["given"]) for one in bugs.ticket(mail.number)["needs"]] == [
        (1, "doing", False), (2, "expected", False), (3, "version", False), (4, None, False),
    ]  # fmt: skip
    reply = letter("otto@globex.test", f"Re: {mail['Subject']}", "1. I was printing\n3. 3.2", to=mail.reply_address,
                   headers={"In-Reply-To": mail["Message-ID"]}, attachments=[PICTURE])  # fmt: skip
    bugs.smtp(reply, to=mail.reply_address)
    receipt = bugs.gets("otto@globex.test", lambda one: one["In-Reply-To"] == reply["Message-ID"])
    assert receipt["Auto-Submitted"] == "auto-replied"
    assert "2. What did you expect to happen?" in receipt.text
    assert "- Please send a screenshot: has arrived" in receipt.text
    found = bugs.ticket(mail.number)
    assert found["fields"] == {"doing": "I was printing", "version": "3.2"}
    assert [one["question"] for one in found["needs"] if not one["given"]] == [
        "What did you expect to happen?"
    ]
    shown = bugs.maild("ticket", str(mail.number)).stdout.decode()
    assert "lacks            2. What did you expect to happen?" in shown
    told = bugs.told("ana@acme.test", mail.number, "I was printing")
    assert "Still lacks: 2. What did you expect to happen?" in told.text


def test_answers_in_a_list_below_quoted_questions_of_a_page(bugs: Desk) -> None:
    _, mail = bugs.ask(
        "hella@globex.test", "Crash of the app", "The app crashes when I print, every time since Monday."
    )
    page = (
        "<div>See below.</div><blockquote><p>1. What were you doing?</p></blockquote><div>I printed a page.</div>"
        "<blockquote><p>2. What did you expect to happen?</p></blockquote><div>A page on paper.</div>"
        "<blockquote><p>3. Which version do you use?</p><p>4. Please send a screenshot.</p></blockquote>"
    )
    reply = answer(mail, "hella@globex.test", "See the page.")
    reply.clear_content()
    reply.set_content(page, subtype="html")
    bugs.smtp(reply, to=mail.reply_address)
    bugs.gets("hella@globex.test", lambda one: one["In-Reply-To"] == reply["Message-ID"])
    assert bugs.ticket(mail.number)["fields"] == {
        "doing": "I printed a page.",
        "expected": "A page on paper.",
    }


def test_numbers_of_a_list_in_a_page(bugs: Desk) -> None:
    _, mail = bugs.ask(
        "gus@globex.test", "Crash of apps", "The app crashes when I print, every time since Monday."
    )
    reply = answer(mail, "gus@globex.test", "See the page.")
    reply.clear_content()
    reply.set_content("<ol><li>I printed a page.</li><li>A page on paper.</li></ol>", subtype="html")
    bugs.smtp(reply, to=mail.reply_address)
    bugs.gets("gus@globex.test", lambda one: one["In-Reply-To"] == reply["Message-ID"])
    assert bugs.ticket(mail.number)["fields"] == {
        "doing": "I printed a page.",
        "expected": "A page on paper.",
    }


def test_status_tells_what_is_needed(bugs: Desk) -> None:
    _, mail = bugs.ask(
        "sia@globex.test", "Crash of it", "The app crashes when I print, every time since Monday."
    )
    reply = answer(mail, "sia@globex.test", "status")
    bugs.smtp(reply, to=mail.reply_address)
    status = bugs.gets("sia@globex.test", lambda one: one["In-Reply-To"] == reply["Message-ID"])
    assert "We still need to know" in status.text
    assert "1. What were you doing?" in status.text


def test_explain_tells_what_would_be_asked(bugs: Desk) -> None:
    path = bugs.folder / "crash.eml"
    path.write_bytes(letter("una@else.test", "Crash", "The app crashes. Version 3.2").as_bytes())
    found = bugs.show("explain", str(path))
    found = found[0] if isinstance(found, list) else found
    reasons = {(one["step"], one["outcome"]): one["evidence"] for one in found["reasons"]}
    assert reasons["needs", "given by the mail"] == "version"
    assert reasons["needs", "asked in the acknowledgement"].startswith("doing, expected, ask ")
