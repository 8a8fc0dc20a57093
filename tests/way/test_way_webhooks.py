"""A webhook of a real daemon: posted in the course of the conversation, seen in the queue while it fails, stopping nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.delivery.receiver import SECRET, Receiver
from tests.way.desk import CONFIG, Desk, until
from tests.way.relay import Relay

ASKED = "Hello, the coffee machine says error seven and gives no coffee. What shall we do?"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def own(new_desk: Callable[..., Desk], receiver: Receiver) -> Desk:
    """A desk that posts new tickets."""
    made = new_desk(config=CONFIG + '\n[webhooks]\nsecret_file = "webhooks.secret"\n')
    (made.folder / "webhooks.secret").write_text(f"{SECRET}\n")
    rules = f"rules:\n  - {{name: Tell them, then: {{webhook: '{receiver.url}'}}}}\n"
    (made.folder / "rules" / "30-rules.yaml").write_text(rules)
    made.start()
    return made


def test_a_ticket_is_posted_and_a_failure_is_seen_and_mended(
    own: Desk, receiver: Receiver, world: Relay
) -> None:
    receiver.answering(503, b"closed for lunch")
    _, acknowledged = own.ask("carla@globex.test", "Coffee", ASKED)
    assert acknowledged.number == 1  # mail does not wait for it
    row = until(
        lambda: next((one for one in own.show("queue", "list") if one["reason"]), None), "it was tried"
    )
    assert (row["id"], row["kind"], row["to"], row["state"], row["ticket"]) == (
        "w1",
        "webhook",
        receiver.url,
        "queued",
        1,
    )
    assert row["reason"] == "503 Service Unavailable closed for lunch"
    assert own.show("status")["webhooks"]["queued"] == 1
    assert b"w1" in own.maild("queue", "list").stdout
    assert b"webhooks: 1 queued" in own.maild("status").stdout
    own.kill9()
    receiver.answering(204)
    own.start()
    assert own.maild("queue", "retry", "w1").returncode == 0
    until(lambda: own.show("queue", "list") == [], "it was posted")
    first, *_, last = receiver.got
    assert first.headers["webhook-id"] == last.headers["webhook-id"] == row["message_id"]
    assert last.verifies()
    assert last.json["ticket"]["id"] == 1


def test_one_that_is_refused_waits_for_the_admin(own: Desk, receiver: Receiver, world: Relay) -> None:
    receiver.answering(404)
    own.ask("carla@globex.test", "Coffee", ASKED)
    alert = own.gets("chen@acme.test", lambda mail: "webhook" in mail.text)
    assert "maild queue retry w1" in alert.text
    [row] = own.show("queue", "list")
    assert (row["state"], row["next_attempt"]) == ("failed", None)
    assert "webhook failed" in [event["event"] for event in own.ticket(1)["events"]]
    assert own.maild("queue", "drop", "w1").returncode == 0
    assert own.show("queue", "list") == []
    missing = own.maild("queue", "drop", "w9")
    assert (missing.returncode, b"with number w9" in missing.stderr) == (65, True)
    assert own.maild("queue", "drop", "x9").returncode != 0
