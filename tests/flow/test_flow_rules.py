"""Rules at work: on new tickets, on replies, on changes, and when time passes, on each database."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from maild.desk.people import Ticket
from maild.desk.words import State
from store import Store
from tests.flow import stage as s

CARLA = "Carla <carla@globex.test>"
ANA = "Ana Ruiz <ana@acme.test>"
EXAMPLE = (
    s.RULES
    + """\
rules:
  - name: Production is down
    when: {text: [outage, production down, "no funciona"]}
    then: {type: incident, category: bug, severity: critical, priority: 1, tags: [outage], team: engineering}
    stop: true
  - name: Feature wishes
    when:
      any:
        - subject: [feature request, wish]
        - body: ["would be great if"]
      not: {organisation: Globex}
    then: {type: feature request, category: feature, priority: 4}
  - name: First line takes the rest in turn
    when: {team: null}
    then: {team: support, assignee: round-robin}
  - name: Solved and silent for five days
    on: time
    when: {state: solved, idle: 5d}
    then: {state: closed}
"""
)


def ticket(store: Store, number: int) -> Ticket:
    with store.read() as work:
        found = work.ticket(number)
    assert found is not None
    return found


def events(store: Store, number: int) -> list[str]:
    with store.read() as work:
        return [line.event for line in work.events(number)]


def to(sent: list[tuple[object, EmailMessage]], address: str) -> list[EmailMessage]:
    return [mail for _, mail in sent if address in str(mail["To"])]


def test_the_first_rule_that_stops_decides(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=EXAMPLE)
    desk.take(s.mail(CARLA, "URGENT: Production   Down again", "Nothing works."))
    desk.take(s.mail("Pia <pia@else.test>", "Impresora", "Hola, no funciona la impresora de la oficina.", 2))
    desk.work()
    for number in (1, 2):
        found = ticket(store, number)
        assert (found.type, found.category, found.severity) == ("incident", "bug", "critical")
        assert (found.priority, found.tags) == (1, ("outage",))
        assert (found.team, found.level, found.assignee, found.state) == ("engineering", 2, None, State.NEW)
    sent = desk.sent()
    assert to(sent, "chen@acme.test")
    assert not to(sent, "ben@acme.test")
    assert not to(sent, "ana@acme.test")


def test_a_rule_does_not_hold_for_who_is_left_out(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=EXAMPLE)
    desk.take(s.mail(CARLA, "A wish", "Could it print in green?"))
    desk.take(s.mail("Pia <pia@else.test>", "A wish", "Could it print in green?", 2), sender="pia@else.test")
    desk.work()
    assert (ticket(store, 1).type, ticket(store, 1).priority) == (None, 3)
    assert (ticket(store, 2).type, ticket(store, 2).priority) == ("feature request", 4)


def test_first_line_takes_turns_and_each_hears_of_his_own(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=EXAMPLE)
    for number in range(1, 6):
        words = "Please help me, the green printer on the second floor prints in red today."
        desk.take(s.mail(CARLA, f"Printer {number}", f"{words} {number}", number))
        desk.work()
    assert [ticket(store, number).assignee for number in range(1, 6)] == [
        "ana@acme.test",
        "ben@acme.test",
        "ana@acme.test",
        "ben@acme.test",
        "ana@acme.test",
    ]
    assert {ticket(store, number).state for number in range(1, 6)} == {State.NEW}
    sent = desk.sent()
    assert len(to(sent, "ana@acme.test")) == 3
    assert len(to(sent, "ben@acme.test")) == 2
    assert "Ana Ruiz" in s.text_of(to(sent, "carla@globex.test")[0])


def test_who_gets_a_new_ticket_in_turn_can_answer_between_the_customers_lines(
    store: Store, tmp_path: Path
) -> None:
    desk = s.stage(tmp_path, store, rules=EXAMPLE)
    desk.take(
        s.mail(
            CARLA, "Printer", "Please help me, the green printer prints in red today.\n\nWhere is the manual?"
        )
    )
    desk.work()
    [told] = to(desk.sent(), "ana@acme.test")
    quoted = [f"> {line}".rstrip() for line in s.text_of(told).splitlines()]
    assert quoted.count("> Where is the manual?") == 1
    quoted.insert(quoted.index("> Where is the manual?") + 1, "\nIn the drawer.\n")
    raw, address = s.answer(told, ANA, "See below.\n\n" + "\n".join(quoted), 2)
    desk.take(raw, address, sender="ana@acme.test")
    desk.work()
    [answer] = to(desk.sent(), "carla@globex.test")
    said = s.text_of(answer).replace("\r\n", "\n")
    assert "> Where is the manual?\n\nIn the drawer." in said
    for words in ("Responsable", "Prioridad", "thank you for writing", "##"):
        assert words not in said


def test_who_is_handed_a_ticket_sees_all_of_it(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=EXAMPLE)
    desk.take(s.mail(CARLA, "Printer", "Please help me, the green printer prints in red today."))
    desk.work()
    [told] = to(desk.sent(), "ana@acme.test")
    raw, address = s.answer(told, ANA, "#assign ben@acme.test\n#note\nShe has the old model.", 2)
    desk.take(raw, address, sender="ana@acme.test")
    desk.work()
    [handed] = to(desk.sent(), "ben@acme.test")
    text = s.text_of(handed)
    for words in ("prints in red today", "thank you for writing", "She has the old model"):
        assert text.count(words) == 1, text


def test_only_who_speaks_the_language_takes_it(store: Store, tmp_path: Path) -> None:
    rules = EXAMPLE.replace(
        "address: ben@acme.test, team: support", "address: ben@acme.test, team: support, languages: [en]"
    )
    desk = s.stage(tmp_path, store, rules=rules)
    for number in range(1, 4):
        words = "Buenos días, quisiera saber cómo puedo cambiar la dirección de mi factura, muchas gracias."
        desk.take(s.mail(CARLA, f"Factura {number}", f"{words} {number}", number))
        desk.work()
    assert {ticket(store, number).assignee for number in range(1, 4)} == {"ana@acme.test"}


def test_time_closes_what_is_solved_and_silent_once(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=EXAMPLE)
    desk.take(s.mail(CARLA, "Printer", "It is on fire, please help."))
    desk.work()
    desk.flow.act(1, "admin", ("#solve",), "")
    desk.sent()
    desk.pass_time(timedelta(days=4, hours=23))
    desk.flow.tick()
    assert ticket(store, 1).state is State.SOLVED
    desk.pass_time(timedelta(hours=2))
    while desk.flow.tick():
        pass
    closed = ticket(store, 1)
    assert closed.state is State.CLOSED
    assert closed.closed_at == desk.now[0]
    assert "ruled" in events(store, 1)
    [notice] = to(desk.sent(), "carla@globex.test")
    assert "closed" in s.text_of(notice)
    assert desk.flow.tick() == 0


def test_a_rule_on_time_fires_once_until_a_person_does_something(store: Store, tmp_path: Path) -> None:
    nag = (
        s.RULES
        + "rules: [{name: Nag, on: time, when: {state: new, idle: 4h}, then: {tags: [old], note: Nobody looks at this.}}]\n"
    )
    desk = s.stage(tmp_path, store, rules=nag)
    desk.take(s.mail(CARLA, "Printer", "It is on fire, please help."))
    desk.work()

    def ticks() -> int:
        total = 0
        while done := desk.flow.tick():
            total += done
            assert total < 20
        return events(store, 1).count("ruled")

    desk.pass_time(timedelta(hours=5))
    assert ticks() == 1
    desk.pass_time(timedelta(hours=5))
    assert ticks() == 1
    desk.take(s.mail(CARLA, "Re: [Acme #1] Printer", "Hello? Is anybody there?", 2))
    desk.work()
    assert ticks() == 1
    desk.pass_time(timedelta(hours=5))
    assert ticks() == 2
    assert "Nobody looks at this." in "".join(s.text_of(mail) for mail in to(desk.sent(), "ana@acme.test"))


def test_on_reply_and_on_change(store: Store, tmp_path: Path) -> None:
    rules = (
        s.RULES
        + """\
rules:
  - {name: Thanks, on: reply, when: {body: thanks}, then: {tags: [thanked]}}
  - {name: Urgent is for engineering, on: change, when: {priority: 1, team: support}, then: {team: engineering}}
"""
    )
    desk = s.stage(tmp_path, store, rules=rules)
    desk.take(s.mail(CARLA, "Printer", "It is on fire, please help."))
    desk.work()
    desk.take(s.mail(CARLA, "Re: [Acme #1] Printer", "Thanks, I wait.", 2))
    desk.work()
    assert ticket(store, 1).tags == ("thanked",)
    desk.flow.act(1, "ana@acme.test", ("#priority 1",), "")
    assert (ticket(store, 1).team, ticket(store, 1).level) == ("engineering", 2)


@pytest.mark.parametrize(("action", "state"), [("spam: true", State.SPAM), ("discard: true", None)])
def test_what_is_spam_or_discarded_is_told_to_nobody(store: Store, tmp_path: Path, action: str, state: State | None) -> None:  # fmt: skip
    rules = s.RULES + f"rules: [{{name: Casino, when: {{text: casino}}, then: {{{action}}}}}]\n"
    desk = s.stage(tmp_path, store, rules=rules)
    desk.take(s.mail(CARLA, "Casino", "Come and win, come and win, come and win."))
    desk.work()
    assert desk.sent() == []
    with store.read() as work:
        found = work.ticket(1)
        assert (found.state if found else None) is state


def test_an_acknowledgement_of_its_own_with_help_or_none_at_all(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "mail" / "en"
    folder.mkdir(parents=True)
    (folder / "vip.txt").write_text("Dear friend, {{ ticket.number }} is in good hands.\n", encoding="utf-8")
    rules = (
        s.RULES
        + """\
rules:
  - {name: Print help, when: {subject: printer}, then: {help: "https://help.acme.test/printers"}}
  - {name: Friends, when: {subject: friend}, then: {acknowledge: vip}}
  - {name: Silence, when: {subject: quiet}, then: {acknowledge: no}}
"""
    )
    desk = s.stage(tmp_path, store, rules=rules)
    for number, subject in enumerate(("Printer", "From a friend", "Quiet please"), 1):
        desk.take(s.mail(CARLA, subject, "This is about something that we want to know.", number))
    desk.work()
    first, second = to(desk.sent(), "carla@globex.test")
    assert "https://help.acme.test/printers" in s.text_of(first)
    assert s.text_of(second).strip() == "Dear friend, 2 is in good hands."
    assert second["Auto-Submitted"] == "auto-replied"
    with store.read() as work:
        kinds = [message.kind for message in work.messages(2)]
        refused = [line.detail for line in work.events(3) if line.event == "not sent"]
    assert kinds == ["person", "acknowledgement"]
    assert refused == [{"template": "acknowledgement", "to": "carla@globex.test", "why": ["a rule says so"]}]


def test_the_reasons_say_which_rule_and_on_what_evidence(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store, rules=EXAMPLE)
    desk.take(s.mail(CARLA, "Outage!", "Nothing works."))
    desk.work()
    with store.read() as work:
        reasons = [reason for line in work.events(1) for reason in line.reasons if reason.step == "rule"]
    assert [reason.outcome for reason in reasons] == ["Production is down"]
    assert "Outage" in reasons[0].evidence
    assert "10.yaml:" in reasons[0].evidence


def test_new_rules_on_time_look_at_old_tickets(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    desk.take(s.mail(CARLA, "Printer", "It is on fire, please help."))
    desk.work()
    desk.flow.act(1, "admin", ("#solve",), "")
    desk.pass_time(timedelta(days=9))
    while desk.flow.tick():
        pass
    assert ticket(store, 1).state is State.SOLVED
    later = s.stage(tmp_path, store, rules=EXAMPLE)
    later.now[0] = desk.now[0]
    later.flow.look_again()
    while later.flow.tick():
        pass
    assert ticket(store, 1).state is State.CLOSED
    before = ticket(store, 1)
    later.flow.look_again()
    assert ticket(store, 1) == before


def test_rules_that_never_end_are_told_to_the_admins_once_a_day(store: Store, tmp_path: Path) -> None:
    links = [
        f"  - {{name: r{at}, on: change, when: {{tags: t{at}}}, then: {{tags: t{at + 1}}}}}\n"
        for at in range(30)
    ]
    rules = "".join([s.RULES, "rules:\n", "  - {name: start, then: {tags: t0}}\n", *reversed(links)])
    desk = s.stage(tmp_path, store, rules=rules)
    told = []
    for number, span in enumerate((timedelta(0), timedelta(hours=1), timedelta(days=1)), 1):
        desk.pass_time(span)
        desk.take(s.mail(f"c{number}@else.test", f"Case {number}", "Hello there", number))
        desk.work()
        sent = desk.sent()
        told.append([one.row.kind for one, _ in sent].count("alert"))
    assert told == [1, 0, 1]
