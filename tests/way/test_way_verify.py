"""trust.verify: the daemon looks itself who sent a mail, with a DNS on loopback and signatures that are real."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.verify.verify_world import Dns, publish, signed
from tests.way.desk import CONFIG, Desk
from tests.way.letters import letter
from tests.way.relay import Relay

ANA = "Ana Ruiz <ana@acme.test>"
TRUST = '[trust]\nauthserv_ids = ["mx.acme.test"]\n'
VERIFY = '[trust]\nverify = true\npeers = []\nresolvers = ["127.0.0.1:{port}"]\n'


@pytest.fixture(scope="module")
def zone() -> Iterator[Dns]:
    made = Dns()
    publish(made, "acme.test", spf="v=spf1 -all")
    publish(made, "globex.test", spf="v=spf1 ip4:127.0.0.1 -all")
    yield made
    made.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, relay: Relay, zone: Dns) -> Iterator[Desk]:
    assert TRUST in CONFIG
    config = CONFIG.replace(TRUST, VERIFY.format(port=zone.port))
    made = Desk(tmp_path_factory.mktemp("v") / "desk", relay, config=config)
    made.start()
    yield made
    made.end()


def told_why(desk: Desk, number: int) -> str:
    return str(desk.ticket(number)["events"])


def test_an_agent_whose_mail_is_signed_has_power_and_a_forger_has_none(desk: Desk) -> None:
    _, acknowledged = desk.ask(
        "carla@globex.test", "Signed", "Our door does not open any more, who has the key?"
    )
    number = acknowledged.number
    assert "spf=pass smtp.mailfrom=globex.test, dmarc=pass (p=reject)" in told_why(desk, number)

    forged = letter(ANA, acknowledged["Subject"], "#solve\nI say so.")
    desk.smtp(forged)
    desk.gets("ana@acme.test", lambda mail: "without proof" in mail.text)
    desk.quiet()
    assert desk.ticket(number)["state"] == "new"

    genuine = letter(ANA, acknowledged["Subject"], "#solve\nThe key is under the mat.")
    desk.smtp(signed(genuine.as_bytes()), sender="ana@acme.test")
    desk.quiet()
    assert desk.ticket(number)["state"] == "solved"
    assert "dkim=pass d=acme.test, spf=fail smtp.mailfrom=acme.test, dmarc=pass (p=reject)" in told_why(
        desk, number
    )


def test_a_forged_result_above_is_not_believed(desk: Desk) -> None:
    _, acknowledged = desk.ask(
        "dora@globex.test", "Forged", "The lift says it is full although nobody is in it."
    )
    said = {"Authentication-Results": "mx.acme.test; dmarc=pass header.from=acme.test"}
    desk.smtp(letter(ANA, acknowledged["Subject"], "#solve\nNo.", headers=said))
    desk.quiet()
    assert desk.ticket(acknowledged.number)["state"] == "new"


def test_who_fails_is_a_stranger_and_not_answered(desk: Desk) -> None:
    _, acknowledged = desk.ask(
        "emil@globex.test", "Stranger", "The coffee tastes of soap since the cleaning day."
    )
    before = len(desk.relay.to("emil@globex.test"))
    desk.smtp(letter("emil@globex.test", acknowledged["Subject"], "Forget it."), sender="x@elsewhere.test")
    desk.quiet()
    assert len(desk.ticket(acknowledged.number)["messages"]) == 2
    assert len(desk.relay.to("emil@globex.test")) == before
    [other] = [
        one
        for one in desk.show("tickets", "--requester", "emil@globex.test")
        if one["id"] != acknowledged.number
    ]
    assert "dmarc=fail (p=reject)" in told_why(desk, other["id"])


def test_so_does_deliver_when_no_daemon_runs(new_desk: Callable[..., Desk], zone: Dns) -> None:
    desk = new_desk(config=CONFIG.replace(TRUST, VERIFY.format(port=zone.port)))
    mails = [
        signed(letter("carla@globex.test", "Proved", "We need a new chair.").as_bytes(), "globex.test"),
        letter("carla@globex.test", "Perhaps", "We need a new desk.").as_bytes(),
        signed(letter("carla@globex.test", "Dropped", "We need a new lamp.").as_bytes(), "globex.test"),
    ]
    for raw, option in zip(mails, ([], [], ["--unauthenticated"]), strict=True):
        assert desk.deliver(raw, "--sender", "carla@globex.test", *option).returncode == 0
    found = [told_why(desk, number) for number in (1, 2, 3)]
    assert "dkim=pass d=globex.test" in found[0]
    assert "the client is not known" in found[1]
    assert "dkim" not in found[2]
