"""Two daemons whose relays are each other: what one sends, the other gets, and both fall silent."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.way.desk import CONFIG, Desk, until
from tests.way.letters import letter

ASKED = "Hello, the heating in our office has been off since the weekend and it is getting cold."


@pytest.fixture
def pair(new_desk: Callable[..., Desk]) -> tuple[Desk, Desk]:
    """Acme and Bravo. Neither takes mail for customers or for the agents of the other."""
    ports, made = free_ports(), []
    for number, name in enumerate(("acme", "bravo")):
        config = CONFIG.replace("{relay}", str(ports[1 - number])).replace(
            'protocol = "smtp"\naddress = "127.0.0.1:0"',
            f'protocol = "smtp"\naddress = "127.0.0.1:{ports[number]}"',
        )
        made.append(
            new_desk(config=config.replace("acme.test", f"{name}.test").replace("Acme", name.title()))
        )
    for desk in made:
        desk.start()
    return made[0], made[1]


def free_ports() -> tuple[int, int]:
    """Two ports that nobody uses: each daemon must know the other's before it has begun."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def silent(*desks: Desk) -> bool:
    """Whether nothing waits anywhere."""
    found = [desk.show("status") for desk in desks]
    return not any(one["intake"]["waiting"] or one["outgoing"]["queued"] for one in found)


def test_two_daemons_that_relay_to_each_other_fall_silent(pair: tuple[Desk, Desk]) -> None:
    acme, bravo = pair
    acme.smtp(letter("support@bravo.test", "Is anybody there", ASKED, to="support@acme.test"), to="support@acme.test")  # fmt: skip
    bravo.smtp(letter("support@acme.test", "Is anybody there", ASKED, to="support@bravo.test"), to="support@bravo.test")  # fmt: skip
    until(lambda: silent(acme, bravo) and silent(acme, bravo), "silence")
    for desk in pair:
        [ticket] = desk.show("tickets")
        kinds = [message["kind"] for message in desk.ticket(ticket["id"])["messages"]]
        assert kinds == ["person", "acknowledgement"]
        assert desk.show("status")["automatic"]["unmatched"] == 1


def test_an_address_that_the_relay_refuses_is_suppressed_until_it_is_allowed(pair: tuple[Desk, Desk]) -> None:
    """Mails to agents are refused too, and the warnings about that: no failure feeds on itself."""
    acme, bravo = pair
    acme.smtp(letter("carla@globex.test", "Heating", ASKED))
    until(lambda: silent(acme, bravo) and acme.show("status")["automatic"]["suppressed"] == 1, "a suppressed address")  # fmt: skip
    found = acme.show("person", "show", "Carla@Globex.test")
    assert (found["address"], found["tickets"]) == ("carla@globex.test", [1])
    assert "5.1.1" in found["suppressed"]["why"]
    assert acme.ticket(1)["messages"][-1]["delivery"] == "failed"
    assert b"no, since" in acme.maild("person", "show", "carla@globex.test").stdout
    assert acme.maild("ticket", "1", "solve").returncode == 0
    status = acme.show("status")
    assert status["automatic"]["not_sent"] == {"the address is suppressed": 1}
    assert b"1 not sent (the address is suppressed 1)" in acme.maild("status").stdout
    failed = status["outgoing"]["failed"]
    until(lambda: silent(acme, bravo), "silence")
    assert failed <= acme.show("status")["outgoing"]["failed"] <= failed + 8
    assert acme.maild("person", "allow", "carla@globex.test").returncode == 0
    assert acme.show("person", "show", "carla@globex.test")["suppressed"] is None
    assert b"was not suppressed" in acme.maild("person", "allow", "carla@globex.test").stdout
    assert acme.maild("person", "allow", "nobody@globex.test").returncode == 65
