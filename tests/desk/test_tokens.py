"""Tokens: genuine ones verify, everything else is no evidence and no error."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maild.desk import tokens
from maild.desk.tokens import RETIRED_KEY_LIFE, Claim, Holder, Key
from maild.desk.words import Scope

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = Key(7, bytes(range(32)))
CLAIMS = st.builds(
    Claim,
    st.sampled_from(Holder),
    st.sampled_from(Scope),
    st.integers(0, 2**35 - 1),
    st.integers(0, 2**63 - 1),
    st.just(KEY.id),
)


@given(CLAIMS)
def test_a_minted_token_verifies_in_any_case(claim: Claim) -> None:
    token = tokens.mint(claim, KEY)
    assert re.fullmatch("[a-z0-9]+", token)
    assert len(token) <= tokens.TOKEN_LENGTH_MAX
    for spelling in (token, token.upper(), token.capitalize()):
        assert tokens.verify(spelling, (KEY,), NOW) == (claim, KEY)


@given(CLAIMS, st.data())
def test_no_changed_token_verifies(claim: Claim, data: st.DataObject) -> None:
    token = tokens.mint(claim, KEY)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(
        st.sampled_from("abcdefghijklmnopqrstuvwxyz234567").filter(lambda one: one != token[at])
    )
    assert tokens.verify(token[:at] + letter + token[at + 1 :], (KEY,), NOW) is None


@given(st.text(max_size=80))
def test_anything_else_is_no_token(text: str) -> None:
    assert tokens.verify(text, (KEY,), NOW) is None


def test_a_mac_has_at_least_128_bits_and_the_local_part_fits() -> None:
    typical = tokens.mint(Claim(Holder.AGENT, Scope.INTERNAL, 1_000_000, 1_000_000, 1), KEY)
    assert tokens.MAC_OCTETS * 8 >= 128
    assert len("support+") + len(typical) <= tokens.LOCAL_PART_MAX


@pytest.mark.parametrize(
    ("age", "verifies"),
    [(timedelta(0), True), (RETIRED_KEY_LIFE - timedelta(seconds=1), True), (RETIRED_KEY_LIFE, False)],
)
def test_a_retired_key_reads_for_a_year(age: timedelta, verifies: bool) -> None:
    token = tokens.mint(Claim(Holder.AGENT, Scope.PUBLIC, 1, 1), KEY)
    retired = Key(KEY.id, KEY.secret, NOW - age)
    assert (tokens.verify(token, (Key(8, b"x" * 32), retired), NOW) is not None) is verifies


def test_another_key_of_the_same_number_does_not_verify() -> None:
    token = tokens.mint(Claim(Holder.AGENT, Scope.PUBLIC, 1, 1), KEY)
    assert tokens.verify(token, (Key(KEY.id, b"y" * 32),), NOW) is None


@given(CLAIMS, st.from_regex(r"[a-z0-9]{1,40}(\.[a-z]{2,30}){1,5}", fullmatch=True))
def test_message_ids_fit_and_verify_for_their_claim_only(claim: Claim, domain: str) -> None:
    value = tokens.message_id(claim, KEY, "abcd2345", domain)
    assert len(value) <= tokens.MESSAGE_ID_MAX
    assert value.startswith("<")
    assert domain.endswith(value.rpartition("@")[2].rstrip(">"))
    assert tokens.verify_message_id(value, claim, (KEY,), NOW) == KEY
    other = Claim(claim.holder, claim.scope, claim.ticket + 1, claim.number, claim.key)
    assert tokens.verify_message_id(value, other, (KEY,), NOW) is None


@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        (("support+Abc@Acme.Test",), ("abc",)),
        (("help+x@acme.test", "support+x@acme.test"), ("x",)),
        (("support@acme.test", "support+@acme.test", "other+abc@acme.test", "support+abc@evil.test"), ()),
    ],
)
def test_candidates_stand_in_our_own_addresses_only(
    addresses: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert tokens.candidates(addresses, ("support@acme.test", "help@acme.test"), "+") == found
