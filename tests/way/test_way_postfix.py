"""Behind a real Postfix: it hands over by LMTP on a Unix socket with the lines of systemd/README.md, and takes what goes out."""

from __future__ import annotations

import os
import re
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.way.desk import Desk, until
from tests.way.letters import DESK
from tests.way.postfix import NoPostfix, Postfix, let_in, open_folder
from tests.way.relay import Relay

MANUAL = Path(__file__).parents[2] / "systemd" / "README.md"
MAIL = "From: Carla Diaz <{sender}>\nTo: {to}\nSubject: {subject}\nMessage-ID: <{subject}@globex.test>\n\nIt burns.\n"


def blocks(name: str) -> list[str]:
    """The manual's blocks of this name."""
    return re.findall(rf"```{name}\n(.*?)```", MANUAL.read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, relay: Relay) -> Iterator[tuple[Postfix, Desk]]:
    """A desk, and a Postfix before it with the manual's lines: the addresses and places are the test's."""
    with open_folder() as folder:
        desk = Desk(tmp_path_factory.mktemp("d") / "desk", relay)
        lmtp, transport = folder / "lmtp", folder / "config" / "maild_transport"
        [main] = [block for block in blocks("postfix") if "transport_maps" in block]
        [table] = [block for block in blocks("postfix") if "lmtp:unix:" in block]
        main = main.replace("/etc/postfix/maild_transport", str(transport)).replace("hash:", "texthash:")
        try:
            postfix = Postfix(folder, f"{main}\nrelayhost = [127.0.0.1]:{relay.port}\n")
        except NoPostfix as why:
            if os.environ.get("CI") == "true" and os.geteuid() == 0:
                pytest.fail(str(why))
            pytest.skip(str(why))
        transport.write_text(table.replace("/run/maild/lmtp", str(lmtp)).replace("example.org", "acme.test"))
        text = desk.config.read_text().replace("unix:var/lmtp.sock", f"unix:{lmtp}")
        desk.config.write_text(text.replace(f'"127.0.0.1:{relay.port}"', f'"127.0.0.1:{postfix.port}"'))
        desk.start()
        let_in(lmtp)
        yield postfix, desk
        desk.end()
        postfix.close()


def subjects(desk: Desk) -> list[str]:
    return [ticket["subject"] for ticket in desk.show("tickets")]


def test_a_mail_is_handed_over_its_answer_threads_and_leaves_by_postfix(
    behind: tuple[Postfix, Desk], relay: Relay
) -> None:
    postfix, desk = behind
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        mail = MAIL.format(sender="carla@globex.test", to=DESK, subject="printer")
        client.sendmail("carla@globex.test", [DESK], mail)
    acknowledged = relay.mail_to("carla@globex.test")
    assert "by mx.acme.test (Postfix" in acknowledged.raw.decode()
    assert "+" in acknowledged.reply_address
    answer = MAIL.format(sender="carla@globex.test", to=acknowledged.reply_address, subject="again")
    postfix.send(answer, acknowledged.reply_address)
    until(lambda: len(desk.ticket(acknowledged.number)["messages"]) >= 3, "the answer is in the ticket")
    assert "again" not in subjects(desk)
    assert f"to=<{acknowledged.reply_address}>" in postfix.log()
    assert "status=sent (250 2.0.0" in postfix.log()


def test_while_maild_is_down_postfix_keeps_the_mail(behind: tuple[Postfix, Desk]) -> None:
    postfix, desk = behind
    desk.stop()
    postfix.send(
        MAIL.format(sender="dora@globex.test", to=DESK, subject="waits"), DESK, sender="dora@globex.test"
    )
    until(lambda: "status=deferred" in postfix.log(), "Postfix defers it")
    assert DESK in postfix.queued()
    desk.start()
    let_in(postfix.folder / "lmtp")
    postfix.flush()
    until(lambda: "waits" in subjects(desk), "it comes when maild is back")
    until(
        lambda: "Mail queue is empty" in postfix.queued() or DESK not in postfix.queued(), "nothing is left"
    )


def test_an_address_that_is_not_the_desks_is_bounced_with_our_words(
    behind: tuple[Postfix, Desk], relay: Relay
) -> None:
    postfix, _ = behind
    wrong = "nobody@acme.test"
    with (postfix.config / "maild_transport").open("a") as table:
        table.write(
            (postfix.config / "maild_transport").read_text().splitlines()[0].replace(DESK, wrong) + "\n"
        )
    postfix.command("postfix", "reload")
    postfix.send(
        MAIL.format(sender="emil@globex.test", to=wrong, subject="lost"), wrong, sender="emil@globex.test"
    )
    bounced = relay.mail_to("emil@globex.test")
    assert "550 5.1.1" in bounced.everything()
    assert "status=bounced" in postfix.log()
