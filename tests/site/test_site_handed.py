"""A site is handed to other processes whole: what arrives there decides and says the same."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maild import scaffold, site
from maild.desk.facts import Envelope
from maild.flow import Considered, Flow
from store import Store

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RULES = """\
rules:
  - {name: words, when: {subject: [refund, invoice]}, then: {tags: [money], priority: 2}}
  - {name: pattern, when: {text: "/order [0-9]{4}/"}, then: {tags: [order]}}
"""
MAIL = b"""From: Carla <carla@customer.test>\r\nTo: support@example.org\r\nSubject: The invoice\r\nMessage-ID: <1@customer.test>\r\n\r
Hello, please look at order 4711.\r\n"""


def considered(loaded: site.Site, store: Store) -> Considered:
    flow = Flow(loaded, store, lambda: NOW)
    identity = loaded.rulebook.identity
    return flow.consider(
        MAIL, Envelope("carla@customer.test", (identity.address,), "smtp", "127.0.0.1", NOW, True)
    )


@pytest.fixture
def loaded(tmp_path: Path) -> site.Site:
    scaffold.write(tmp_path)
    (tmp_path / "rules" / "90-more.yaml").write_text(RULES)
    return site.load(tmp_path / "maild.toml", NOW)


def test_what_is_handed_over_is_the_same(loaded: site.Site, store: Store) -> None:
    handed: site.Site = pickle.loads(pickle.dumps(loaded))
    assert (handed.settings, handed.trust, handed.warnings) == (
        loaded.settings,
        loaded.trust,
        loaded.warnings,
    )
    for field in fields(loaded.rulebook):
        if field.name != "rules":  # compiled: compared by what they decide
            assert getattr(handed.rulebook, field.name) == getattr(loaded.rulebook, field.name)
    ours, theirs = considered(loaded, store), considered(handed, store)
    assert any("order" in str(effect) for effect in ours.decision.effects)
    assert any("money" in str(effect) for effect in ours.decision.effects)
    assert theirs.decision.reasons == ours.decision.reasons
    assert theirs.decision.effects == ours.decision.effects
    assert handed.templates.names == loaded.templates.names
    assert handed.templates.own == replace(loaded).templates.own
