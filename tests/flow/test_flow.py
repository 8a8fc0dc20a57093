"""The way of a mail through one process, on each database."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

import maild.flow
import maild.message.parse
import maild.settling
from maild.desk.facts import Parsed, Trust
from maild.desk.words import State
from maild.errors import NotNow
from maild.message.parse import parse
from maild.processing import ATTEMPTS, KILLS, LEASE
from store import Store
from store.rows import Filter
from tests.flow import stage as s

CARLA = "Carla <carla@globex.test>"
ANA = "Ana Ruiz <ana@acme.test>"
SUBJECT = "Impresora"


def by_recipient(sent: list[tuple[maild.settling.Outbound, EmailMessage]]) -> dict[str, EmailMessage]:
    return {outbound.row.recipient: mail for outbound, mail in sent}


def opened(desk: s.Stage) -> dict[str, EmailMessage]:
    """Carla has written; who got what."""
    desk.take(s.mail(CARLA, SUBJECT, "Hola, la impresora no funciona desde esta mañana. ¿Qué podemos hacer?"))
    desk.work()
    return by_recipient(desk.sent())


def test_a_request_an_acknowledgement_an_answer_a_reply(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    first = opened(desk)
    assert set(first) == {"carla@globex.test", "ana@acme.test", "ben@acme.test", "chen@acme.test"}
    ack = first["carla@globex.test"]
    assert ack["Subject"] == f"[Acme #1] {SUBJECT}"
    assert ack["In-Reply-To"] == "<1@client.test>"
    assert ack["Auto-Submitted"] == "auto-replied"
    assert ack["Content-Language"] == "es"
    assert "no funciona" not in s.text_of(ack)
    raw, to = s.answer(first["ana@acme.test"], ANA, "Reiníciela, por favor.", 2)
    desk.take(raw, to, sender="ana@acme.test")
    desk.work()
    second = by_recipient(desk.sent())
    assert set(second) == {"carla@globex.test"}
    answer = second["carla@globex.test"]
    assert answer["Auto-Submitted"] is None
    assert "Reiníciela" in s.text_of(answer)
    assert answer["References"].split()[0] == "<1@client.test>"
    for secret in (
        "ana@acme.test",
        first["ana@acme.test"]["Message-ID"],
        str(first["ana@acme.test"]["Reply-To"]),
    ):
        assert secret.lower() not in answer.as_string().lower()
    raw, to = s.answer(answer, CARLA, "Gracias, ya funciona.", 3)
    desk.take(raw, to)
    desk.work()
    third = by_recipient(desk.sent())
    assert set(third) == {"ana@acme.test"}
    with store.read() as work:
        ticket = work.ticket(1)
        assert ticket is not None
        assert (ticket.state, ticket.assignee, ticket.first_response_at) == (
            State.OPEN,
            "ana@acme.test",
            s.NOW,
        )
        assert [message.kind for message in work.messages(1)] == [
            "person",
            "acknowledgement",
            "person",
            "person",
        ]
        assert all(line.at == s.NOW for line in work.events(1))
        assert any(line.reasons for line in work.events(1))


def test_what_one_mail_costs(store: Store, tmp_path: Path) -> None:
    """Three commits from arrival to a full outbox: kept, claimed, processed. The bound on statements is there to be lowered."""
    store.alone = True
    desk = s.stage(tmp_path, store)
    opened(desk)
    before = store.counts
    desk.take(
        s.mail(
            "Dora <dora@globex.test>", "Other", "Hello, I have another question about the invoice, please.", 9
        )
    )
    desk.flow.work()
    after = store.counts
    assert after.commits - before.commits == 3
    assert (
        after.statements - before.statements <= 29
    )  # one of them for the search index, whatever the number of mails


def test_what_many_mails_sent_at_once_cost(store: Store, tmp_path: Path) -> None:
    """Two statements claim them, one tells the key, one settles them all."""
    desk = s.stage(tmp_path, store)
    for number in range(4):
        desk.take(s.mail(f"c{number}@globex.test", f"Case {number}", "Hello there", number))
    desk.work()
    before = store.counts
    claimed = desk.flow.outgoing(50)
    assert len(claimed) >= 8
    sent = [(mail.row, maild.settling.Delivered("sent", "250 ok")) for mail in claimed]
    assert desk.flow.outgoing(50, sent) == []
    after = store.counts
    assert (after.statements - before.statements, after.commits - before.commits) == (5, 2)
    with store.read() as work:
        assert work.outbox() == []


def test_what_each_of_many_mails_costs(store: Store, tmp_path: Path) -> None:
    """Nothing is done so that one of them could be undone alone. The bound is there to be lowered."""
    store.alone = True
    desk = s.stage(tmp_path, store)
    opened(desk)
    costs = []
    for many in (2, 12):
        for number in range(many):
            mail = s.mail(
                f"c{many}{number}@globex.test", f"Case {many} {number}", "Hello there", 100 * many + number
            )
            desk.take(mail)
        before = store.counts.statements
        assert desk.flow.work() == many
        costs.append(store.counts.statements - before)
    assert (costs[1] - costs[0]) / 10 <= 20


def test_many_mails_share_their_commits(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    for number in range(10):
        desk.take(s.mail(f"c{number}@globex.test", f"Case {number}", "Hello there", number))
    before = store.counts.commits
    assert desk.flow.work() == 10
    assert store.counts.commits - before == 2


def test_the_same_mail_twice_is_one_message_with_two_routes(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    raw = s.mail(CARLA, SUBJECT, "Hello there")
    desk.take(raw, "support@acme.test")
    desk.take(b"Received: from elsewhere\r\n" + raw, "help@acme.test", route="lmtp")
    desk.work()
    desk.take(raw)
    desk.work()
    with store.read() as work:
        assert len(work.tickets(Filter())) == 1
        [message] = [one for one in work.messages(1) if one.direction == "in"]
        assert [route[0] for route in work.routes(message.id)] == ["smtp", "lmtp", "smtp"]
        assert sum(line.event == "route" for line in work.events(1)) == 3
    assert len([one for one, _ in desk.sent() if one.row.recipient == "carla@globex.test"]) == 1


def test_the_same_message_id_with_another_text_is_another_message(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    desk.take(s.mail(CARLA, SUBJECT, "One text"))
    desk.take(s.mail(CARLA, SUBJECT, "Another text"))
    desk.work()
    with store.read() as work:
        assert sum(one.direction == "in" for number in (1, 2) for one in work.messages(number)) == 2


def broken_by(marker: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on mails that hold this marker break the desk."""

    def breaks(raw: bytes, trust: Trust, *, trusted: bool) -> Parsed:
        if marker in raw:
            raise ZeroDivisionError("poison")
        return parse(raw, trust, trusted=trusted)

    monkeypatch.setattr(maild.message.parse, "parse", breaks)


def test_a_mail_that_breaks_us_is_put_aside_whole_and_told_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = s.stage(tmp_path, store)
    broken_by(b"POISON", monkeypatch)
    poison = desk.take(s.mail("Eve <eve@evil.test>", "POISON", "x", 1))
    desk.take(s.mail(CARLA, SUBJECT, "Hello there", 2))
    for _ in range(ATTEMPTS + 2):
        desk.work()
        desk.pass_time(timedelta(minutes=1))
    with store.read() as work:
        [row] = work.quarantined()
        assert (row.id, row.attempts) == (poison, ATTEMPTS)
        assert "ZeroDivisionError" in row.error
        assert len(work.tickets(Filter())) == 1
    alerts = [mail for outbound, mail in desk.sent() if outbound.row.kind == "alert"]
    assert [alert["To"].addresses[0].addr_spec for alert in alerts] == ["chen@acme.test"]
    assert "Traceback" not in alerts[0].as_string()
    monkeypatch.undo()
    with store.work() as work:
        assert work.retry_quarantined(poison, desk.now[0])
    desk.work()
    with store.read() as work:
        assert len(work.tickets(Filter())) == 2


@pytest.mark.parametrize("kills", [KILLS - 1, KILLS])
def test_a_mail_that_kills_us_is_retried_alone_and_then_put_aside(
    store: Store, tmp_path: Path, kills: int
) -> None:
    desk = s.stage(tmp_path, store)
    killer = desk.take(s.mail("Eve <eve@evil.test>", "x", "x", 1))
    desk.take(s.mail(CARLA, SUBJECT, "Hello there", 2))
    for attempt in range(1, kills + 1):
        with store.work() as work:  # claimed, and then the daemon dies
            rows = work.claim_intake("main", desk.now[0], LEASE, 20)
            assert rows[0].id == killer
            assert len(rows) == (2 if attempt == 1 else 1)
        with store.work() as work:
            work.release_intake("main")
    desk.work()
    with store.read() as work:
        assert [row.id for row in work.quarantined()] == ([killer] if kills == KILLS else [])
        assert len(work.tickets(Filter())) == (1 if kills == KILLS else 2)


def test_a_fault_of_the_store_does_not_count_against_a_mail(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = s.stage(tmp_path, store)
    desk.take(s.mail(CARLA, SUBJECT, "Hello there"))

    def away(*_: object, alone: bool) -> None:
        raise NotNow("the disk is full")

    for _ in range(ATTEMPTS + 2):
        with monkeypatch.context() as patched:
            patched.setattr(desk.flow, "_process", away)
            with pytest.raises(NotNow):
                desk.flow.work()
        desk.pass_time(timedelta(minutes=1))
    desk.work()
    with store.read() as work:
        assert not work.quarantined()
        assert len(work.tickets(Filter())) == 1


def test_a_storm_of_notifications_becomes_one_digest(store: Store, tmp_path: Path) -> None:
    toml = s.MAILD_TOML + "[limits]\nnotifications_per_agent_per_hour = 3\n"
    desk = s.stage(tmp_path, store, toml)
    for number in range(8):
        desk.take(s.mail(f"c{number}@globex.test", f"Case {number}", "Hello there", number))
    desk.work()
    to_ana = [mail for outbound, mail in desk.sent() if outbound.row.recipient == "ana@acme.test"]
    assert len(to_ana) == 3
    desk.pass_time(timedelta(hours=1, minutes=1))
    desk.flow.tick()
    [digest] = [
        mail
        for outbound, mail in desk.sent()
        if outbound.row.recipient == "ana@acme.test" and outbound.row.kind == "digest"
    ]
    assert all(f"Case {number}" in s.text_of(digest) for number in range(3, 8))


def test_the_admins_daily_digest(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    first = opened(desk)
    raw, to = s.answer(first["ana@acme.test"], ANA, "Reiníciela.", 2)
    desk.take(raw, to, sender="ana@acme.test")
    desk.work()
    desk.sent()
    assert desk.flow.tick() == 0
    desk.pass_time(timedelta(days=1))
    desk.flow.tick()
    mails = {one[0].row.recipient: one for one in desk.sent() if one[0].row.kind in ("digest", "morning")}
    outbound, digest = mails["chen@acme.test"]
    assert outbound.row.kind == "morning"
    assert SUBJECT in s.text_of(digest)
    assert desk.flow.tick() == 0


def test_a_promise_that_is_broken_is_told_at_once_and_once(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    opened(desk)
    desk.pass_time(timedelta(minutes=11))
    assert desk.flow.tick() == 1
    assert desk.flow.tick() == 0
    assert {outbound.row.recipient for outbound, _ in desk.sent()} == {
        "ana@acme.test",
        "ben@acme.test",
        "chen@acme.test",
    }


@pytest.mark.parametrize(
    ("kind", "span", "state"),
    [
        ("later", timedelta(0), "queued"),
        ("unknown", timedelta(0), "queued"),
        ("later", timedelta(days=6), "failed"),
        ("failed", timedelta(0), "failed"),
    ],
)
def test_what_becomes_of_a_mail(store: Store, tmp_path: Path, kind: str, span: timedelta, state: str) -> None:
    desk = s.stage(tmp_path, store)
    desk.take(s.mail(CARLA, SUBJECT, "Hello there"))
    desk.work()
    desk.pass_time(span)
    first = desk.flow.outgoing(50)
    desk.flow.settle(
        [
            (mail.row, maild.settling.Delivered(kind, "450 later" if kind != "failed" else "550 no"))
            for mail in first
        ]
    )
    with store.read() as work:
        rows = {row.id: row for row in work.outbox()}
        assert {rows[mail.row.id].state for mail in first} == {state}
    if state == "queued":
        desk.pass_time(timedelta(hours=1))
        again = {mail.row.id: mail.row.raw for mail in desk.flow.outgoing(50)}
        assert again == {mail.row.id: mail.row.raw for mail in first}


def test_an_answer_that_is_refused_reopens_and_tells_the_agent(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    raw, to = s.answer(opened(desk)["ana@acme.test"], ANA, "#state pending\nReiníciela.", 2)
    desk.take(raw, to, sender="ana@acme.test")
    desk.work()
    [refused] = [mail for mail in desk.flow.outgoing(50) if mail.row.kind == "answer"]
    desk.flow.settle([(refused.row, maild.settling.Delivered("failed", "550 5.1.1 no such user"))])
    with store.read() as work:
        ticket = work.ticket(1)
        assert ticket is not None
        assert ticket.state is State.OPEN
        assert [one.delivery for one in work.messages(1) if one.direction == "out"][-1] == "failed"
    told = by_recipient(desk.sent())
    assert set(told) == {"ana@acme.test"}
    assert "5.1.1" in s.text_of(told["ana@acme.test"])


@pytest.mark.parametrize(
    ("plain", "pattern"), [(False, r"support\+[a-z2-7]{30,}@acme\.test"), (True, r"(support@acme\.test)?")]
)
def test_envelope_senders(store: Store, tmp_path: Path, plain: bool, pattern: str) -> None:
    toml = (
        s.MAILD_TOML.replace('tag = "Acme"', 'tag = "Acme"\nreply_address = "plain"')
        if plain
        else s.MAILD_TOML
    )
    desk = s.stage(tmp_path, store, toml)
    desk.take(s.mail(CARLA, SUBJECT, "Hello there"))
    desk.work()
    for outbound, mail in desk.sent():
        assert re.fullmatch(pattern, outbound.sender)
        assert (outbound.sender == "") is plain
        assert ("+" in str(mail["Reply-To"])) is not plain


def test_commands_of_the_admin_on_this_host(store: Store, tmp_path: Path) -> None:
    desk = s.stage(tmp_path, store)
    opened(desk)
    decision = desk.flow.act(1, "admin", ("#assign ben@acme.test", "#note"), "She called again.")
    assert not any(reason.outcome == "REFUSED" for reason in decision.reasons)
    told = by_recipient(desk.sent())
    assert set(told) == {"ben@acme.test", "carla@globex.test"}
    assert "called again" not in told["carla@globex.test"].as_string()
    assert "called again" in s.text_of(told["ben@acme.test"])
    refused = desk.flow.act(1, "admin", ("#assign nobdoy@acme.test",), "")
    assert not refused.effects


def test_an_own_template_that_fails_is_replaced_and_told_to_the_admins_once(
    store: Store, tmp_path: Path
) -> None:
    own = tmp_path / "templates" / "mail" / "en"
    own.mkdir(parents=True)
    broken = "{% if 'tomato' in ticket.subject %}{{ 1 // (ticket.number - ticket.number) }}{% endif %}Ours\n"
    (own / "acknowledgement.txt").write_text(broken, encoding="utf-8")
    desk = s.stage(tmp_path, store)
    for number, subject in enumerate(("An apple", "A tomato", "Another tomato")):
        desk.take(
            s.mail(
                f"c{number}@globex.test", subject, "Hello there, I have a question about it, please.", number
            )
        )
    desk.work()
    sent = desk.sent()
    texts = {
        outbound.row.recipient: s.text_of(mail).strip()
        for outbound, mail in sent
        if outbound.row.kind == "acknowledgement"
    }
    assert texts["c0@globex.test"] == "Ours"
    assert "thank you for writing to us" in texts["c1@globex.test"]
    alerts = [s.text_of(mail) for outbound, mail in sent if outbound.row.kind == "alert"]
    assert len(alerts) == 1
    assert "acknowledgement.txt" in alerts[0]


def test_what_a_stranger_calls_himself_turns_no_line_of_ours_around(store: Store, tmp_path: Path) -> None:
    """His subject and name stand in sentences of the desk, and must not be able to reverse them (Unicode TR36 §2.1)."""
    desk = s.stage(tmp_path, store)
    desk.take(s.mail("Eve\u202eevil <eve@else.test>", "Pay\u202enow \u2066here", "Hello there."))
    desk.work()
    sent = [mail for _, mail in desk.sent()]
    assert len(sent) >= 2
    for mail in sent:
        for part in mail.walk():
            if part.get_content_maintype() == "text":
                assert not set(part.get_content()) & set(
                    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
                )
        assert "Pay now here" in s.text_of(mail)
