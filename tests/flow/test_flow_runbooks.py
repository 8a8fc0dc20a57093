"""Guides for agents: with the notification of whoever works on the ticket, by mail when asked for, never to the requester's side."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from maild import site
from maild.errors import ConfigError
from store import Store
from tests.flow import stage as s

CARLA = "Carla Ruiz <carla@globex.test>"
BEN = "Ben Okoro <ben@acme.test>"
ANA = "Ana Ruiz <ana@acme.test>"
CHEN = "Chen Li <chen@acme.test>"
OUTAGE = """\
---
owner: Chen Li
status: current
reviewed_on: 2026-02-01
---
# When production is down

1. Look at the status page of the **data centre** first.
2. Never promise the customer a refund before the finance team agrees.
"""
SPANISH = """\
---
owner: Chen Li
status: current
reviewed_on: 2026-02-01
---
# Cuando la producción está parada

1. Mire primero la página de estado del **centro de datos**.
"""
RULES = (
    s.RULES
    + """\
rules:
  - {name: Down, on: [ticket, reply], when: {text: [outage]}, then: {runbook: outage}}
  - {name: Ben has it, when: {text: [for ben]}, then: {assignee: ben@acme.test}}
"""
)
SECRET = "finance team agrees"


def desk(store: Store, folder: Path, rules: str = RULES) -> s.Stage:
    (folder / "runbooks").mkdir()
    (folder / "runbooks" / "outage.md").write_text(OUTAGE)
    (folder / "runbooks" / "outage.es.md").write_text(SPANISH)
    return s.stage(folder, store, rules=rules)


def sent(stage: s.Stage) -> dict[str, EmailMessage]:
    """The last mail to each address."""
    return {out.row.recipient: mail for out, mail in stage.sent()}


def text_of(mail: EmailMessage) -> str:
    return s.text_of(mail).replace("\r\n", "\n")


def html_of(mail: EmailMessage) -> str:
    body = mail.get_body(("html",))
    return str(body.get_content()) if body else ""


def recorded(store: Store) -> list[dict[str, object]]:
    with store.read() as work:
        return [dict(line.detail) for line in work.events(1) if line.event == "runbook"]


def believed(raw: bytes) -> bytes:
    """As the mail server of the desk has proved it."""
    domain = b"acme.test"
    return b"Authentication-Results: mx.acme.test; dmarc=pass header.from=" + domain + b"\r\n" + raw


def ask(stage: s.Stage, subject: str, sender: str, number: int) -> dict[str, EmailMessage]:
    address = sender.partition("<")[2].rstrip(">")
    stage.take(believed(s.mail(sender, subject, "", number)), sender=address)
    stage.work()
    return sent(stage)


def test_the_responsible_is_shown_the_guide_and_nobody_else(store: Store, tmp_path: Path) -> None:
    stage = desk(store, tmp_path)
    stage.take(s.mail(CARLA, "Outage", "An outage, for Ben."))
    stage.work()
    mails = sent(stage)
    text = text_of(mails["ben@acme.test"])
    assert (
        "##= runbook =##\nRunbook: When production is down (outage, current, Chen Li, reviewed 2026-02-01)"
        in text
    )
    assert SECRET in text
    assert text.index("Who asks") < text.index("When production is down")
    assert "<strong>data centre</strong>" in html_of(mails["ben@acme.test"])
    assert "Runbook: outage" in text_of(mails["chen@acme.test"])
    for address in ("chen@acme.test", "carla@globex.test"):
        assert SECRET not in mails[address].as_string()
        assert "data centre" not in html_of(mails[address])
    assert "unbook" not in mails["carla@globex.test"].as_string()
    assert recorded(store) == [{"name": "outage"}]


def test_without_a_responsible_the_team_is_shown_it_each_in_his_language(
    store: Store, tmp_path: Path
) -> None:
    stage = desk(store, tmp_path)
    stage.take(s.mail(CARLA, "Outage", "An outage."))
    stage.work()
    mails = sent(stage)
    assert "When production is down" in text_of(mails["ben@acme.test"])
    assert "Cuando la producción está parada" in text_of(mails["ana@acme.test"])
    assert "When production is down" not in text_of(mails["ana@acme.test"])


def test_it_goes_once_and_to_whoever_gets_the_ticket_later(store: Store, tmp_path: Path) -> None:
    stage = desk(store, tmp_path)
    stage.take(s.mail(CARLA, "Outage", "An outage."))
    stage.work()
    told = sent(stage)["carla@globex.test"]
    raw, address = s.answer(told, CARLA, "The outage goes on.", 2)
    stage.take(raw, address)
    stage.work()
    assert SECRET not in text_of(sent(stage)["ben@acme.test"])
    stage.flow.act(1, "admin", ("#assign ben@acme.test",), "")
    assert SECRET in text_of(sent(stage)["ben@acme.test"])
    stage.flow.act(1, "admin", ("#team engineering",), "")
    assert SECRET in text_of(sent(stage)["chen@acme.test"])
    assert recorded(store)[:2] == [{"name": "outage"}, {"name": "outage", "to": "ben@acme.test"}]
    assert recorded(store)[-1] == {"name": "outage", "to": "chen@acme.test"}


@pytest.mark.parametrize(
    "back",
    [
        "whole",
        "> 2. Never promise the customer a refund before the finance team agrees.\n\nWe look at it.",
        "We look at it.\n\n> Never promise the customer a refund before the\n> finance team agrees.\n\nBye",
    ],
)
def test_a_guide_that_is_quoted_back_goes_nowhere(store: Store, tmp_path: Path, back: str) -> None:
    stage = desk(store, tmp_path)
    stage.take(s.mail(CARLA, "Outage", "An outage, for Ben."))
    stage.work()
    told = sent(stage)["ben@acme.test"]
    if back == "whole":
        raw, address = s.answer(told, BEN, "We look at it.", 2)
    else:
        headers = [f"In-Reply-To: {told['Message-ID']}"]
        address = told["Reply-To"].addresses[0].addr_spec
        raw = s.mail(BEN, f"Re: {told['Subject']}", back, 2, str(told["Reply-To"]), headers)
    stage.take(raw, address, sender="ben@acme.test")
    stage.work()
    [answer] = [mail for out, mail in stage.sent() if out.row.recipient == "carla@globex.test"]
    whole = text_of(answer) + html_of(answer)
    assert "We look at it." in whole
    assert SECRET not in " ".join(whole.split())
    assert "refund" not in whole


def test_agents_ask_for_guides_by_mail(store: Store, tmp_path: Path) -> None:
    stage = desk(store, tmp_path)
    listed = text_of(ask(stage, "runbooks", BEN, 1)["ben@acme.test"])
    assert "outage: When production is down\n  current, Chen Li, reviewed 2026-02-01" in listed
    assert "triage: How to triage a new request" in listed  # one that comes with maild
    mail = ask(stage, "runbook outage", BEN, 2)["ben@acme.test"]
    assert SECRET in text_of(mail)
    assert "<strong>data centre</strong>" in html_of(mail)
    assert "centro de datos" in text_of(ask(stage, "Runbook OUTAGE", ANA, 3)["ana@acme.test"])
    near = text_of(ask(stage, "runbook outtage", BEN, 4)["ben@acme.test"])
    assert "There is no runbook 'outtage' (did you mean 'outage'?)." in near
    assert "Did you mean: runbook" in text_of(ask(stage, "runbok", BEN, 5)["ben@acme.test"])
    assert "runbook" in text_of(ask(stage, "help", BEN, 6)["ben@acme.test"])
    with store.read() as work:
        assert work.ticket(1) is None


def test_strangers_ask_for_nothing(store: Store, tmp_path: Path) -> None:
    stage = desk(store, tmp_path)
    for number, sender in enumerate((CARLA, BEN), 1):  # Ben's From alone proves nothing
        stage.take(s.mail(sender, "runbook outage", "", number), sender="someone@globex.test")
        stage.work()
    mails = stage.sent()
    assert "runbook" not in {out.row.kind for out, _ in mails}
    outside = [mail for out, mail in mails if out.row.recipient.endswith("@globex.test")]
    assert outside
    assert all(SECRET not in text_of(mail) + html_of(mail) for mail in outside)
    with store.read() as work:
        assert work.ticket(1) is not None


def test_rules_name_guides_that_are_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        desk(store, tmp_path, RULES.replace("runbook: outage", "runbook: outtage"))
    [problem] = refused.value.problems
    assert problem.message == "runbook: unknown runbook 'outtage' (did you mean 'outage'?)"
    assert problem.file.endswith("rules/10.yaml")


def test_a_guide_with_a_mistake_is_named_and_shipped_ones_may_be_used(store: Store, tmp_path: Path) -> None:
    rules = RULES.replace("runbook: outage", "runbook: [outage, triage]")
    desk(store, tmp_path, rules)
    (tmp_path / "runbooks" / "outage.md").write_text("---\nowner: x\n---\n")
    with pytest.raises(ConfigError) as refused:
        site.load(tmp_path / "maild.toml", s.NOW)
    assert [str(one).rpartition("/")[2] for one in refused.value.problems] == [
        "outage.md: the runbook is empty"
    ]
    (tmp_path / "runbooks" / "outage.md").write_text("Look.")
    warnings = site.load(tmp_path / "maild.toml", s.NOW).warnings
    assert [one.rpartition("runbooks/")[2] for one in warnings if "runbooks/" in one] == [
        "outage.md: lacks owner, status, reviewed_on between --- lines at its top"
    ]
