"""Rules that post tickets to webhooks: what is told, once, tried again, given up, on each database and over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from maild import site
from maild.delivery.post import Answer
from maild.errors import ConfigError, NotNow
from maild.webhooks import Posts, Webhooks
from store import Store
from store.rows import PostRow
from tests.delivery.receiver import SECRET, Receiver
from tests.flow import stage as s
from tests.flow.test_away import unsure

CARLA = "Carla Ruiz <carla@globex.test>"
ANA = "Ana Ruiz <ana@acme.test>"
TOML = s.MAILD_TOML + '[webhooks]\nsecret_file = "webhooks.secret"\n'
MORE = """\
rules:
  - {name: Log everything, on: [ticket, reply, change], then: {webhook: URL}}
  - {name: Again, on: ticket, then: {webhook: URL, tags: [told]}}
  - {name: Old, on: time, when: {age: 2d}, then: {webhook: URL}}
"""
PATIENCE = 20


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Receiver()
    yield made
    made.close()


def desk(store: Store, folder: Path, url: str, rules: str = MORE, secret: str = SECRET) -> s.Stage:
    (folder / "webhooks.secret").write_text(f"{secret}\n")
    return s.stage(folder, store, TOML, s.RULES + rules.replace("URL", url))


def rows(store: Store, *states: str) -> list[PostRow]:
    with store.read() as work:
        return work.posts(states or ("queued", "sending", "sent", "failed", "dropped"))


def history(store: Store, number: int) -> list[Any]:
    with store.read() as work:
        return [(line.event, line.detail) for line in work.events(number)]


async def loop_until(stage: s.Stage, holds: Callable[[], object], seconds: float = 5) -> None:
    """Run the loop that posts until that is true."""
    stopping = asyncio.Event()
    running = asyncio.create_task(Webhooks(stage.flow, stopping, seconds).run())
    try:
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(holds):
                await asyncio.sleep(0.02)
    finally:
        stopping.set()
        await running


def ask(stage: s.Stage, number: int = 1) -> None:
    stage.take(s.mail(CARLA, "Printer on fire", "It burns.\n\nCarla", number))
    stage.work()


async def test_a_new_ticket_is_posted_signed_and_once(
    store: Store, tmp_path: Path, receiver: Receiver
) -> None:
    stage = desk(store, tmp_path, receiver.url)
    ask(stage)
    [row] = rows(store)
    assert (row.state, row.rule, row.ticket) == ("queued", "Log everything", 1)
    await loop_until(stage, lambda: rows(store, "sent"))
    [got] = receiver.got
    assert got.verifies()
    told = got.json
    assert told["id"] == got.headers["webhook-id"] == row.event_id
    assert (told["type"], told["at"], told["desk"]) == (
        "ticket.created",
        "2026-03-02T09:00:00Z",
        "Acme Support",
    )
    assert (told["rule"], told["message"].startswith("It burns.")) == ("Log everything", True)
    ticket = told["ticket"]
    assert (ticket["id"], ticket["subject"], ticket["tags"]) == (1, "Printer on fire", ["told"])
    assert ticket["requester"]["address"] == "carla@globex.test"
    assert ticket["first_response_due"] == "2026-03-02T09:10:00Z"
    assert (rows(store)[0].state, rows(store)[0].reason) == ("sent", "204 No Content")
    assert store.check() == []


async def test_a_step_of_the_escalations_posts_too(store: Store, tmp_path: Path, receiver: Receiver) -> None:
    stage = desk(store, tmp_path, receiver.url, "escalations:\n  - {notify: [URL, assignee]}\n")
    ask(stage)
    stage.pass_time(timedelta(minutes=11))
    stage.flow.tick()
    stage.flow.tick()
    [row] = rows(store)
    await loop_until(stage, lambda: rows(store, "sent"))
    [got] = receiver.got
    assert got.verifies()
    assert (got.json["type"], got.json["ticket"]["breached"]) == ("ticket.escalated", ["first_response"])
    assert got.json["id"] == row.event_id


async def test_each_occasion_has_its_type_and_message(
    store: Store, tmp_path: Path, receiver: Receiver
) -> None:
    stage = desk(store, tmp_path, receiver.url)
    ask(stage)
    told = next(mail for out, mail in stage.sent() if out.row.recipient == "carla@globex.test")
    raw, address = s.answer(told, CARLA, "Now the desk burns too.", 2)
    stage.take(raw, address)
    stage.work()
    stage.flow.act(1, "ana@acme.test", ("#priority 1",), "")
    stage.pass_time(timedelta(days=3))
    stage.flow.tick()
    assert len(rows(store)) == 4
    await loop_until(stage, lambda: len(rows(store, "sent")) == 4)
    kinds = {one.json["type"]: one.json for one in receiver.got}
    assert set(kinds) == {"ticket.created", "ticket.replied", "ticket.changed", "ticket.time"}
    assert kinds["ticket.replied"]["message"] == "Now the desk burns too."
    assert (kinds["ticket.changed"]["message"], kinds["ticket.changed"]["ticket"]["priority"]) == (None, 1)
    assert kinds["ticket.time"]["rule"] == "Old"
    assert len({one.headers["webhook-id"] for one in receiver.got}) == 4


async def test_a_fault_is_tried_again_with_the_same_id(
    store: Store, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answers = [(500, b"boom", {}), (503, b"", {"retry-after": "3600"}), (200, b"thanks", {})]
    stage = desk(store, tmp_path, receiver.url)
    ask(stage)
    await loop_until(stage, lambda: rows(store)[0].reason)
    [row] = rows(store)
    assert (row.state, row.attempts, row.reason) == ("queued", 1, "500 Internal Server Error boom")
    assert timedelta(seconds=10) <= row.due_at - stage.now[0] <= timedelta(seconds=11)
    stage.pass_time(timedelta(seconds=15))
    await loop_until(stage, lambda: rows(store)[0].attempts == 2 and rows(store, "queued"))
    assert rows(store)[0].due_at == stage.now[0] + timedelta(hours=1)
    stage.pass_time(timedelta(hours=1))
    await loop_until(stage, lambda: rows(store, "sent"))
    assert len({one.headers["webhook-id"] for one in receiver.got}) == 1
    assert len({one.body for one in receiver.got}) == 1
    assert len({one.headers["webhook-timestamp"] for one in receiver.got}) == 3
    assert all(one.verifies() for one in receiver.got)
    assert history(store, 1)[-1][0] != "webhook failed"


async def test_a_refusal_is_final_recorded_and_told_once_a_day(
    store: Store, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answering(410)
    stage = desk(store, tmp_path, receiver.url)
    ask(stage)
    ask(stage, 2)
    stage.sent()
    await loop_until(stage, lambda: len(rows(store, "failed")) == 2)
    host = receiver.url.split("/")[2]
    failed = ("webhook failed", {"to": host, "rule": "Log everything", "reason": "410 Gone"})
    assert failed in history(store, 1)
    assert failed in history(store, 2)
    [(out, alert)] = [one for one in stage.sent() if one[0].row.kind == "alert"]
    assert out.row.recipient == "chen@acme.test"
    text = s.text_of(alert)
    assert "410 Gone" in text
    assert "maild queue retry w" in text
    stage.pass_time(timedelta(hours=25))
    ask(stage, 3)
    stage.sent()
    await loop_until(stage, lambda: len(rows(store, "failed")) == 3)
    assert [one[0].row.kind for one in stage.sent()] == ["alert"]


async def test_after_three_days_it_is_given_up(store: Store, tmp_path: Path, receiver: Receiver) -> None:
    receiver.answering(500)
    stage = desk(store, tmp_path, receiver.url)
    ask(stage)
    stage.pass_time(timedelta(days=3))
    await loop_until(stage, lambda: rows(store, "failed"))
    assert "webhook failed" in [event for event, _ in history(store, 1)]


async def test_a_receiver_that_hangs_holds_up_no_other(
    store: Store, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answering(0)
    other = Receiver()
    try:
        both = f"rules:\n  - {{name: Slow, then: {{webhook: [URL, '{other.url}']}}}}\n"
        stage = desk(store, tmp_path, receiver.url, both)
        for number in range(1, 7):
            ask(stage, number)
        await loop_until(stage, lambda: len(rows(store, "sent")) == 6, 1)
        assert len(other.got) == 6
        assert len(receiver.got) <= 6
        assert {row.url for row in rows(store, "sent")} == {other.url}
    finally:
        other.close()


async def test_what_is_on_the_way_when_the_daemon_stops_is_due_again(
    store: Store, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maild.webhooks.GRACE", 0.1)
    receiver.answering(0)
    stage = desk(store, tmp_path, receiver.url)
    ask(stage)
    await loop_until(stage, lambda: receiver.got, 30)
    [row] = rows(store)
    assert (row.state, row.attempts) == ("queued", 0)
    receiver.answering(204)
    await loop_until(stage, lambda: rows(store, "sent"))
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_without_its_secret_a_post_waits(store: Store, tmp_path: Path, receiver: Receiver) -> None:
    stage = desk(store, tmp_path, receiver.url)
    (tmp_path / "webhooks.secret").write_text("short\n")
    ask(stage)
    await loop_until(stage, lambda: rows(store)[0].reason)
    assert "holds no secret for webhooks" in rows(store)[0].reason
    (tmp_path / "webhooks.secret").write_text(f"{SECRET}\n")
    stage.pass_time(timedelta(minutes=1))
    await loop_until(stage, lambda: rows(store, "sent"))
    assert [one.verifies() for one in receiver.got] == [True]


def test_a_decision_that_is_undone_posts_nothing_and_done_again_once(store: Store, tmp_path: Path) -> None:
    stage = desk(store, tmp_path, "https://hooks.test/")
    stage.take(s.mail(CARLA, "Printer", "It burns."))
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("maild.applying.Telling.all", lambda *_: 1 / 0)
        stage.work()
    assert rows(store) == []
    stage.pass_time(timedelta(minutes=1))
    stage.work()
    assert len(rows(store)) == 1


def test_old_mail_that_is_brought_in_is_posted_nowhere(store: Store, tmp_path: Path) -> None:
    stage = desk(store, tmp_path, "https://hooks.test/")
    stage.take(s.mail(CARLA, "Printer", "It burned."), route="import")
    stage.work()
    assert rows(store) == []


def test_rules_with_a_webhook_need_a_secret(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        s.stage(tmp_path, store, s.MAILD_TOML, s.RULES + MORE.replace("URL", "https://hooks.test/x"))
    first, *others = refused.value.problems
    assert first.message == "webhook: needs secret_file or credential under [webhooks] in maild.toml"
    assert (first.file.endswith("rules/10.yaml"), first.line > 0, len(others)) == (True, True, 2)


def test_a_lost_lease_is_settled_by_one_only(store: Store, tmp_path: Path) -> None:
    stage = desk(store, tmp_path, "https://hooks.test/")
    ask(stage)
    posts = Posts(stage.flow)
    [mine] = posts.claim([])
    stage.pass_time(timedelta(minutes=6))
    [theirs] = posts.claim([])
    assert (mine.id, mine.event_id) == (theirs.id, theirs.event_id)
    assert site.load(tmp_path / "maild.toml", s.NOW).settings.webhooks.can_sign


@pytest.mark.parametrize("answer", [Answer("later", "503 busy"), Answer("failed", "410 Gone")])
def test_a_node_that_comes_back_changes_nothing_of_a_post_that_another_has_taken_over(
    store: Store, tmp_path: Path, answer: Answer
) -> None:
    stage = desk(store, tmp_path, "https://hooks.test/a")
    stage.take(s.mail(CARLA, "Boiler", "It is cold here since this morning. What can we do?", 1))
    stage.work()
    posts = Posts(stage.flow)
    mine, *_ = posts.claim([])
    with store.work() as work:
        work.release_posts("main")
        [theirs] = [row for row in work.claim_posts("two", stage.now[0], timedelta(minutes=5), 9, 9) if row.id == mine.id]  # fmt: skip
    posts.settle([(mine, answer)])
    posts.give_back([mine])
    with store.work() as work:
        assert work.has_post("two", theirs)
    assert not [one for one in history(store, 1) if one[0] == "webhook failed"]


def test_posts_that_were_claimed_nobody_knows_how_are_claimed_again_at_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = desk(store, tmp_path, "https://hooks.test/a")
    for number in range(1, 3):
        stage.take(s.mail(CARLA, f"Boiler {number}", "It is cold here since this morning.", number))
    stage.work()
    posts = Posts(stage.flow)
    with unsure(store, monkeypatch), pytest.raises(NotNow):
        posts.claim([])
    assert posts.claim([])
