"""Addresses that get nothing automatic, and mails that failed and are tried again, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from maild.desk.facts import Address
from maild.desk.people import Suppression
from maild.desk.snapshot import Wanted
from store import Store, migration
from store.engine import parse_url
from tests.store.samples import NOW, carla, mail, put_mail

CARLA = "carla@customer.test"


def test_an_address_is_suppressed_until_it_is_allowed(store: Store) -> None:
    with store.work() as work:
        person = work.person(Address("Carla", CARLA))
        assert work.suppression(CARLA) is None
        assert not work.allow(CARLA)
        work.suppress("CARLA@customer.test", "5.1.1", NOW)
        work.suppress(CARLA, "a later reason", NOW + timedelta(days=1))
        work.suppress("nobody@customer.test", "5.1.1", NOW)
        found = Suppression(NOW, "5.1.1")
        assert work.suppression("Carla@Customer.test") == found
        assert work.snapshot(Wanted(counted=(CARLA, "nobody@customer.test")), NOW).suppressed == {
            CARLA: found
        }
        assert work.person_at("Carla@Customer.test") == person
        assert work.person_at("nobody@customer.test") is None
        assert work.held_back(NOW).suppressed == 1
        assert work.allow(CARLA)
        assert work.snapshot(Wanted(counted=(CARLA,)), NOW).suppressed == {}
        assert work.held_back(NOW).suppressed == 0


@pytest.mark.parametrize(
    ("steps", "failed_by"),
    [
        (("relay",), "relay"),
        (("message-id",), "message-id"),
        (("message-id", "bounce"), "bounce"),
        (("bounce", "message-id"), "bounce"),
        (("relay", "message-id"), "relay"),
        (("relay", "retry"), None),
    ],
)
def test_how_a_failure_is_known(store: Store, steps: tuple[str, ...], failed_by: str | None) -> None:
    """A report that could be forged hides no other one, and overrides none."""
    with store.work() as work:
        number = put_mail(work, mail(carla(work)))
        for step in steps:
            if step == "retry":
                assert work.retry_mail(number, NOW)
            else:
                work.mail_failed(number, NOW, "no", step)
        sent = work.snapshot(Wanted(outbox=(number,)), NOW).outbox[number]
        assert sent.failed_by == failed_by
        row = work.outbox_row(number)
        assert row is not None
        assert row.retries == ("retry" in steps)
        assert row.state == ("queued" if failed_by is None else "failed")


def test_an_older_database_learns_of_suppression(
    new_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    with monkeypatch.context() as older:
        older.setattr(migration, "HEAD", "0002")
        migration.migrate(parse_url(url))
    engine = sa.create_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO person (id, name, address) VALUES (1, 'Carla', 'carla@customer.test')"))  # fmt: skip
        connection.execute(sa.text("INSERT INTO address (key, person) VALUES ('carla@customer.test', 1)"))
    engine.dispose()
    upgraded = Store.open(url, tmp_path / "files")
    with upgraded.work() as work:
        assert work.suppression(CARLA) is None
        work.suppress(CARLA, "5.1.1", NOW)
        assert work.held_back(NOW).suppressed == 1
    upgraded.close()
