"""How mail leaves a real daemon: signed, by the second relay while the first is away, not at all while the queue is paused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from maild.settings import signing_keys
from maild.verify import dkim, signed
from tests.delivery.keys import pem, rsa_key
from tests.verify.verify_world import Dns
from tests.way.desk import CONFIG, Desk, maild, until
from tests.way.letters import letter
from tests.way.relay import Relay

ASKED = "Hello, the coffee machine says error seven and gives no coffee. What shall we do?"
ONE = '[relay]\naddress = "127.0.0.1:{relay}"\ntls = "none"\n'
TWO = '[[relay]]\naddress = "127.0.0.1:1"\n\n[[relay]]\naddress = "127.0.0.1:{relay}"\ntls = "none"\n'
SIGNED = '\n[[dkim]]\ndomain = "acme.test"\nselector = "desk"\nkey_file = "dkim.pem"\n'


@pytest.fixture
def zone() -> Iterator[Dns]:
    made = Dns()
    yield made
    made.close()


@pytest.fixture
def own(new_desk: Callable[..., Desk], zone: Dns) -> Desk:
    """A desk with two relays, the first of which is away, and a key."""
    assert ONE in CONFIG
    made = new_desk(config=CONFIG.replace(ONE, TWO) + SIGNED)
    (made.folder / "dkim.pem").write_bytes(pem(rsa_key()))
    zone.txt("desk._domainkey.acme.test", signing_keys.read(pem(rsa_key())).record)
    made.start()
    return made


def delayed(recipient: str, where: str) -> bytes:
    """A report that a mail is still on its way (RFC 3464)."""
    return f"""\
From: Mail Delivery System <MAILER-DAEMON@mx.globex.test>
To: {where}
Subject: Delayed Mail (still being retried)
Message-ID: <delayed@mx.globex.test>
Date: Mon, 02 Mar 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b="

--=b=
Content-Type: text/plain

THIS IS A WARNING ONLY. YOU DO NOT NEED TO RESEND YOUR MESSAGE.

--=b=
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.globex.test

Final-Recipient: rfc822; {recipient}
Action: delayed
Status: 4.4.1
Diagnostic-Code: smtp; 451 4.4.1 no answer

--=b=--
""".replace("\n", "\r\n").encode()


def test_a_mail_is_signed_goes_by_the_second_relay_and_its_delay_is_only_told(own: Desk, zone: Dns) -> None:
    _, acknowledged = own.ask("carla@globex.test", "Coffee", ASKED)
    seen = signed.read(acknowledged.raw)
    assert seen is not None
    resolver = zone.resolver(query_seconds=2)
    checked = dkim.check(seen, "acme.test", datetime.now(UTC), resolver, resolver.deadline(10))
    assert [str(one) for one in checked] == ["dkim=pass d=acme.test"]
    status = until(lambda: _relays(own), "the heartbeat tells of the relay")
    assert status[0]["address"] == "127.0.0.1:1"
    assert "no connection to the relay" in status[0]["away"]
    assert status[1]["away"] is None
    assert b"relay 127.0.0.1:1 is away" in own.maild("status").stdout

    own.smtp(delayed("carla@globex.test", acknowledged.sender), to=acknowledged.sender)
    events = until(
        lambda: [one for one in own.ticket(1)["events"] if one["event"] == "delayed"], "the delay is told"
    )
    assert events[0]["detail"]["to"] == "carla@globex.test"
    ticket = own.ticket(1)
    assert (ticket["state"], ticket["messages"][1]["delivery"]) == ("new", "sent")


def _relays(own: Desk) -> list[dict[str, str]]:
    relays: list[dict[str, str]] = own.show("status")["nodes"][0].get("relays", [])
    return relays if any(one["away"] for one in relays) else []


def test_a_paused_queue_takes_everything_and_lets_nothing_out(own: Desk, world: Relay) -> None:
    assert own.maild("queue", "pause").stdout == b"the queue: paused\n"
    assert own.maild("queue", "pause").stdout == b"the queue: was paused\n"
    assert own.maild("queue", "pause", "--domain", "@Initech.test").stdout == b"initech.test: paused\n"
    own.smtp(letter("carla@globex.test", "Coffee", ASKED))
    own.smtp(
        letter("milton@initech.test", "Stapler", "Somebody has taken my red stapler, I would like it back.")
    )
    rows = until(lambda: len(found := own.show("queue", "list")) >= 2 and found, "they are queued")
    until(lambda: not own.show("status")["intake"]["waiting"], "both are worked on")
    assert {row["held"] for row in rows} == {"paused"}
    assert b"the queue is paused since" in own.maild("queue", "list").stdout
    assert [one["domain"] for one in own.show("status")["outgoing"]["held"]] == [None, "initech.test"]
    assert b"initech.test is paused since" in own.maild("status").stdout
    retried = own.maild("queue", "retry", "--to", "globex.test")
    assert b"nothing goes there yet: paused" in retried.stderr
    assert world.mails == []
    assert own.process is not None
    own.process.wait_for_line(lambda line: "queue held" in line)

    assert own.maild("queue", "resume").stdout == b"the queue: resumed\n"
    own.gets("carla@globex.test")
    [left] = until(lambda: _only(own, "initech.test"), "all others have left")
    assert left["held"] == "paused for initech.test"
    assert (
        own.maild("queue", "drop", "--to", "nobody@initech.test").stdout
        == b"there is nothing of that in the queue\n"
    )
    assert own.maild("queue", "drop").returncode == 2
    assert (
        own.maild("queue", "drop", "--to", "MILTON@initech.test").stdout == f"{left['id']}: done\n".encode()
    )
    assert own.maild("queue", "resume", "--domain", "initech.test").returncode == 0
    assert own.show("queue", "list") == []
    assert world.to("milton@initech.test") == []
    assert own.maild("queue", "pause", "--domain", "a b@c").returncode == 2
    assert own.maild("queue", "resume").stdout == b"the queue: was not paused\n"


def _only(own: Desk, domain: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = own.show("queue", "list")
    return rows if rows and all(row["to"].endswith(domain) for row in rows) else []


def test_a_key_that_is_none_keeps_the_desk_from_starting(new_desk: Callable[..., Desk]) -> None:
    made = new_desk(config=CONFIG + SIGNED)
    (made.folder / "dkim.pem").write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    for command in ("check", "run"):
        done = maild("--config", str(made.config), command, cwd=made.folder)
        assert done.returncode == 78
        said = (done.stdout + done.stderr).decode()
        assert "key_file: " in said
        assert "it holds a public key, not a private key" in said
        assert "maild.toml:" in said
