"""Who a peer is, and what its connections count as."""

import socket
from ipaddress import ip_network

import pytest

from maild.intake.service import NOBODY, Peer, Service
from maild.intake.settings import IntakeLimits
from tests.intake.dialogue import NOON, Desk


def service(**limits):
    trusted = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48"))
    return Service(Desk(), IntakeLimits(1000, **limits), "mx.acme.test", trusted, lambda: NOON, None)


@pytest.mark.parametrize(
    ("family", "peername", "peer"),
    [
        (socket.AF_UNIX, "", Peer("unix", True, None)),
        (socket.AF_UNIX, "/run/client.sock", Peer("unix", True, None)),
        (socket.AF_INET, ("192.0.2.1", 9), Peer("192.0.2.1", False, "192.0.2.1")),
        (socket.AF_INET, ("10.1.2.3", 9), Peer("10.1.2.3", True, None)),
        (socket.AF_INET6, ("::ffff:10.1.2.3", 9, 0, 0), Peer("10.1.2.3", True, None)),
        (socket.AF_INET6, ("::ffff:192.0.2.1", 9, 0, 0), Peer("192.0.2.1", False, "192.0.2.1")),
        (socket.AF_INET6, ("2001:db8:1::5", 9, 0, 0), Peer("2001:db8:1::5", True, None)),
        (
            socket.AF_INET6,
            ("2001:db8:2:3:4::5", 9, 0, 0),
            Peer("2001:db8:2:3:4::5", False, "2001:db8:2:3::/64"),
        ),
        (socket.AF_INET6, ("fe80::1%eth0", 9, 0, 2), Peer("fe80::1%eth0", False, "fe80::/64")),
        (socket.AF_INET, None, NOBODY),
    ],
)
def test_who_a_peer_is(family, peername, peer):
    assert service().peer(family, peername) == peer


def test_one_who_is_gone_again_is_not_trusted():
    assert not NOBODY.trusted


def test_addresses_of_one_network_share_their_connections():
    desk = service(connections_per_address=2)
    first, second, other = (
        desk.peer(socket.AF_INET6, (host, 9, 0, 0))
        for host in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    )
    assert [desk.admit(peer) for peer in (first, second, first, second, other)] == [
        True,
        True,
        False,
        False,
        True,
    ]
    desk.release(second)
    assert desk.admit(first)


def test_a_refused_connection_is_not_counted():
    desk = service(connections=2, connections_per_address=1)
    one, two, three = (desk.peer(socket.AF_INET, (f"192.0.2.{number}", 9)) for number in (1, 2, 3))
    assert [desk.admit(peer) for peer in (one, one, two, three)] == [True, False, True, False]
    desk.release(one)
    assert desk.admit(three)
