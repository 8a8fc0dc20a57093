"""Who wrote a mail: behind a list of our own, behind a contact form; and what robots and spam get."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from maild.desk.answerable import acknowledgeable, bounds
from maild.desk.authors import as_written, author_of
from maild.desk.effects import ChangeTicket, Given, OpenTicket, Record, Tell
from maild.desk.events import MessageArrived
from maild.desk.facts import Address, Kind, Mail, Proof, Trust, Verdict
from maild.desk.matching import wanted
from maild.desk.people import Person
from maild.desk.snapshot import Counts, Snapshot
from maild.desk.words import Role, State
from maild.message.parse import parse
from tests.desk import worlds as w

LIST = "support.lists.acme.test"
RULEBOOK = replace(w.RULEBOOK, identity=replace(w.IDENTITY, lists=(LIST,), forms=("form@acme.test", "forms.test")))  # fmt: skip
TRUST = Trust(("mx.acme.test",), (("X-Spam-Flag", "YES"), ("X-Rspamd-Action", "reject")), (LIST,))


def arrived(*lines: str, text: str = "The heating is off since Monday.", to: str = "support@acme.test", sender: str = "bounces@lists.acme.test") -> MessageArrived:  # fmt: skip
    """A mail of these header lines, as our trusted mail server hands it over."""
    raw = "\r\n".join(
        [*lines, "Message-ID: <1@x.test>", "Date: Mon, 02 Mar 2026 08:59:00 +0000", "", text, ""]
    )
    return w.arrived(parse(raw.encode(), TRUST, trusted=True).mail, to, sender=sender)


LISTED = (f"List-Id: Support <{LIST}>", "Precedence: list", "List-Post: <mailto:support@lists.acme.test>", "Subject: Heating")  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "author"),
    [
        (("From: Carla <carla@globex.test>",), "carla@globex.test"),
        (("From: Carla via Support <support@lists.acme.test>", "Reply-To: Carla <carla@globex.test>"), "carla@globex.test"),
        (("From: Carla via Support <support@acme.test>", "Reply-To: support@acme.test, Carla <carla@globex.test>"), "carla@globex.test"),
        (("From: 'Carla' via Support <support@acme.test>", "X-Original-From: Carla <carla@Globex.test>", "Reply-To: other@globex.test"), "carla@globex.test"),
        (("From: Carla via Support <support@lists.acme.test>",), "support@lists.acme.test"),
    ],
    ids=["untouched", "as Mailman", "with the list in Reply-To", "as Google Groups", "nothing to go by"],
)  # fmt: skip
def test_the_author_behind_our_own_list_is_the_requester_and_acknowledged(lines: tuple[str, ...], author: str) -> None:  # fmt: skip
    event = arrived(*lines, *LISTED)
    assert event.mail.kind is Kind.PERSON
    decision = w.decided(event, w.snapshot(), RULEBOOK)
    [opened] = w.only(decision, OpenTicket)
    assert opened.requester.address == author
    assert w.told(decision).get(author) == "acknowledgement"
    assert author in wanted(event, RULEBOOK).addresses


def test_a_foreign_list_hides_nobody_and_is_not_answered() -> None:
    event = arrived("From: Carla via News <news@news.test>", "Reply-To: carla@globex.test", "List-Id: <news.news.test>", "Subject: News")  # fmt: skip
    decision = w.decided(event, w.snapshot(), RULEBOOK)
    assert w.only(decision, OpenTicket)[0].requester.address == "news@news.test"
    assert "acknowledgement" not in w.told(decision).values()


@pytest.mark.parametrize(("proof", "left"), [(w.PASS, Proof()), (w.FAIL, Proof(dmarc=Verdict.FAIL)), (Proof(login="support@acme.test"), Proof())])  # fmt: skip
def test_what_is_proved_of_the_list_is_not_proved_of_the_author(proof: Proof, left: Proof) -> None:
    event = arrived("From: Ana via Support <support@acme.test>", "Reply-To: ana@acme.test", *LISTED)
    event = replace(event, mail=replace(event.mail, proof=proof))
    written = as_written(event, RULEBOOK)
    assert written.mail.from_ == (Address("", "ana@acme.test"),)
    assert written.mail.proof == left
    assert as_written(written, RULEBOOK) == written
    assert w.only(w.decided(event, w.snapshot(), RULEBOOK), OpenTicket)


def test_the_author_behind_our_own_list_threads_and_reopens() -> None:
    event = arrived("From: Carla via Support <support@acme.test>", "Reply-To: carla@globex.test", *LISTED, to=w.reply_address(w.CARLA, Role.REQUESTER))  # fmt: skip
    decision = w.decided(event, w.snapshot(replace(w.TICKET, state=State.PENDING)), RULEBOOK)
    assert not w.only(decision, OpenTicket)
    assert w.only(decision, ChangeTicket)


@pytest.mark.parametrize(
    ("sender", "proof", "reply_to", "author"),
    [
        ("form@acme.test", w.PASS, "zoe@home.test", "zoe@home.test"),
        ("FORM@acme.test", Proof(login="form@acme.test"), "zoe@home.test", "zoe@home.test"),
        ("web@forms.test", w.PASS, "zoe@home.test", "zoe@home.test"),
        ("form@acme.test", w.PASS, "", "form@acme.test"),
        ("form@acme.test", Proof(), "zoe@home.test", "form@acme.test"),
        ("form@acme.test", Proof(login="zoe@home.test"), "zoe@home.test", "form@acme.test"),
        ("other@acme.test", w.PASS, "zoe@home.test", "other@acme.test"),
    ],
)
def test_a_form_speaks_for_reply_to_when_it_is_proved(sender: str, proof: Proof, reply_to: str, author: str) -> None:  # fmt: skip
    reply = (Address("", reply_to),) if reply_to else ()
    event = w.arrived(w.mail(Person(8, "", sender), reply_to=reply, proof=proof))
    assert author_of(event, RULEBOOK).key == author.lower()
    unproved = w.arrived(event.mail, unauthenticated=True)
    assert author_of(unproved, RULEBOOK).key == sender.lower()


def test_a_form_whose_reply_to_is_a_robot_is_not_answered() -> None:
    mail = w.mail(
        Person(8, "", "form@acme.test"), reply_to=(Address("", "no-reply@home.test"),), proof=w.PASS
    )
    assert "acknowledgement" not in w.told(w.decided(w.arrived(mail), w.snapshot(), RULEBOOK)).values()


NAGIOS = ("From: nagios@mon.acme.test", "Subject: ** PROBLEM Service Alert: db1/Disk is CRITICAL **")
ROBOTS = {
    "nagios": NAGIOS,
    "nagios recovery": ("From: nagios@mon.acme.test", "Subject: ** RECOVERY Service Alert: db1/Disk is OK **"),
    "zabbix": ("From: Zabbix <zabbix@mon.acme.test>", "Subject: Problem: High CPU on db1"),
    "cron": ('From: "(Cron Daemon)" <root@db1.acme.test>', "Subject: Cron <root@db1> backup", "Auto-Submitted: auto-generated", "X-Cron-Env: <HOME=/root>"),
    "old cron": ("From: root (Cron Daemon) <root@db1.acme.test>", "Subject: Cron <root@db1> backup"),
    "alertmanager": ("From: alertmanager@mon.acme.test", "Subject: [FIRING:1] DiskFull (db1)"),
    "github": ("From: Someone <notifications@github.com>", "Subject: Re: [acme/app] It breaks (Issue #3)", "List-ID: acme/app <app.acme.github.com>", "Precedence: list", "X-GitHub-Sender: someone"),
    "no-reply": ("From: Shop <no-reply@shop.test>", "Subject: Your order"),
    "noreply": ("From: Shop <orders.noreply@shop.test>", "Subject: Your order"),
    "generated": ("From: app@shop.test", "Subject: Report", "Auto-Submitted: auto-generated"),
    "spam": ("From: Eve <eve@evil.test>", "Subject: Pills", "X-Spam-Flag: YES"),
    "spam by action": ("From: Eve <eve@evil.test>", "Subject: Pills", "X-Rspamd-Action: reject, please"),
}  # fmt: skip


@pytest.mark.parametrize("lines", ROBOTS.values(), ids=ROBOTS.keys())
def test_robots_and_spam_get_a_ticket_and_no_acknowledgement(lines: tuple[str, ...]) -> None:
    decision = w.decided(arrived(*lines), w.snapshot(), RULEBOOK)
    assert len(w.only(decision, OpenTicket)) == 1
    assert "acknowledgement" not in w.told(decision).values()
    notified = [tell for tell in w.only(decision, Tell) if tell.template == "notification"]
    assert {tell.to.key for tell in notified} >= {"ana@acme.test", "chen@acme.test"}
    assert all("No acknowledgement went to" in tell.lines[0] for tell in notified)


@pytest.mark.parametrize("address", ["carla@globex.test", "alan.root@globex.test", "monica@globex.test", "list.user@globex.test", "croner@globex.test"])  # fmt: skip
def test_people_are_no_robots(address: str) -> None:
    assert address in w.told(w.decided(w.arrived(w.mail(Person(8, "", address))), w.snapshot()))


@pytest.mark.parametrize("references", [True, False])
def test_a_recovery_belongs_to_its_problem_by_references_only(references: bool) -> None:
    """The same subject, or half of it, is no evidence: alerts of years would become one ticket."""
    robot = Person(11, "", "nagios@mon.acme.test")
    ticket = replace(w.TICKET, requester=robot, subject="** PROBLEM Service Alert: db1/Disk is CRITICAL **", state=State.SOLVED)  # fmt: skip
    mail = w.mail(
        robot, kind=Kind.BULK, subject=ticket.subject, references=("<p@mon>",) if references else ()
    )
    seen = {"<p@mon>": (1,)} if references else {}
    snapshot = replace(w.snapshot(ticket, ancestors=seen), people={robot.key: robot})
    decision = w.decided(w.arrived(mail), snapshot)
    assert bool(w.only(decision, OpenTicket)) is not references
    assert not [effect for effect in w.only(decision, ChangeTicket) if effect.ticket == 1]


# -- bounds


GIVEN = Given(w.NOW, "f")


@pytest.mark.parametrize(("repeated", "refused"), [(0, False), (9, False), (10, True), (400, True)])
def test_the_same_words_again_and_again_are_a_robots(repeated: int, refused: bool) -> None:
    event = w.arrived(w.mail(w.CARLA))
    verdict = acknowledgeable(event, w.CARLA.address, w.snapshot(repeated=repeated), w.RULEBOOK, GIVEN)
    assert bool(verdict.refusals) is refused
    limits = replace(w.RULEBOOK.limits, automatic_per_address_per_hour=None)
    unbound = replace(w.RULEBOOK, limits=limits)
    assert not acknowledgeable(event, w.CARLA.address, w.snapshot(repeated=repeated), unbound, GIVEN).refusals


@pytest.mark.parametrize(
    ("route", "written", "received", "old"),
    [  # days before now
        ("smtp", 40, 40, False),  # it waited here
        ("smtp", 3, 0, True),
        ("smtp", None, 0, False),
        ("imap:office", 40, 40, True),  # it waited in the mailbox
        ("imap:office", 0, 0, False),
        ("imap:office", 0, 40, False),
        ("imap:office", 40, 0, True),
        ("imap:office", None, 40, True),
        ("imap:office", -4000, 40, True),
        ("imap:office", -4000, 0, False),
        ("imap:office", None, 0, False),
    ],
)
def test_old_mail_is_not_acknowledged(route: str, written: int | None, received: int, old: bool) -> None:
    date = None if written is None else w.NOW - timedelta(days=written)
    event = w.arrived(replace(w.mail(w.CARLA), date=date))
    envelope = replace(event.envelope, route=route, received_at=w.NOW - timedelta(days=received))
    verdict = acknowledgeable(replace(event, envelope=envelope), w.CARLA.address, w.snapshot(), w.RULEBOOK, GIVEN)  # fmt: skip
    assert verdict.refusals == (("older than limits.acknowledge_within",) if old else ())


def test_people_behind_a_form_may_write_alike() -> None:
    form = w.arrived(w.mail(Person(8, "", "form@acme.test"), reply_to=(Address("", "zoe@home.test"),)))
    assert not acknowledgeable(form, "zoe@home.test", w.snapshot(repeated=400), w.RULEBOOK, GIVEN).refusals


@pytest.mark.parametrize(("total", "hours"), [(4, 0), (5, 1), (9, 1), (10, 2), (52, 10)])
def test_what_is_too_much_for_this_hour_goes_into_the_next_ones(total: int, hours: int) -> None:
    limits = replace(w.RULEBOOK.limits, automatic_per_hour=5)
    verdict = bounds("a@b.test", busy(total), limits, GIVEN)
    assert verdict.refusals == ()
    assert (0 if verdict.delay is None else (verdict.delay - w.NOW).total_seconds() / 3600) == hours


def busy(total: int) -> Snapshot:
    return w.snapshot(automatic={"a@b.test": Counts(0, 0, total)})


def test_a_delay_is_said_in_the_history_and_to_agents() -> None:
    rulebook = replace(w.RULEBOOK, limits=replace(w.RULEBOOK.limits, automatic_per_domain_per_hour=1))
    snapshot = w.snapshot(automatic={w.CARLA.key: Counts(0, 1, 0)})
    decision = w.decided(w.arrived(w.mail(w.CARLA)), snapshot, rulebook)
    assert [record.detail["to"] for record in w.only(decision, Record) if record.event == "sent later"] == [w.CARLA.address]  # fmt: skip
    notified = next(tell for tell in w.only(decision, Tell) if tell.to.key == "ana@acme.test")
    assert any("waits until 2026-03-02 10:00 UTC" in line for line in notified.lines)


def test_a_ticket_of_many_mails_gets_no_more_notices() -> None:
    ticket = replace(w.TICKET, state=State.OPEN)
    snapshot = w.snapshot(ticket, ticket_automatic={1: 50})
    answer = mail_of_ana("#solve")
    decision = w.decided(answer, replace(snapshot, sent={}))
    assert w.CARLA.address not in w.told(decision)
    assert any("limits.automatic_per_ticket_per_day" in str(record.detail) for record in w.only(decision, Record))  # fmt: skip


def mail_of_ana(text: str) -> MessageArrived:
    mail: Mail = w.mail(w.ANA, text, subject="Re: [Acme #1] Printer", proof=w.PASS)
    return w.arrived(mail, w.reply_address(w.ANA, Role.RESPONSIBLE))
