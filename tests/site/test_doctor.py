"""What `maild doctor` makes of a domain's DNS, of certificates, of a database that is not as it should be, of relays and listeners."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from maild import config, outgoing
from maild.delivery.opening import Relay
from maild.doctoring import certificates, correspondents, findings, keeping, names
from maild.doctoring.findings import Finding, Grade
from maild.errors import NotNow
from maild.settings import Settings
from store import Store, looking
from store.rows import Node
from tests.verify.verify_world import Dns

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TOML = """\
[desk]
name = "Acme"
address = "support@acme.org"
tag = "Acme"
[[relay]]
address = "{relay}"
tls = "none"
[trust]
verify = true
resolvers = ["127.0.0.1:{port}"]
"""


@pytest.fixture(scope="module")
def _dns() -> Iterator[Dns]:
    made = Dns()
    yield made
    made.close()


@pytest.fixture
def dns(_dns: Dns) -> Dns:
    _dns.clear()
    return _dns


def settings(dns: Dns, folder: Path, more: str = "", relay: str = "127.0.0.1:25") -> Settings:
    checked = config.parse(TOML.format(port=dns.port, relay=relay) + more, folder / "maild.toml")
    assert checked.settings is not None, checked.problems
    return checked.settings


def asked(dns: Dns, given: Settings) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for one in asyncio.run(names.all_of(given, dns.resolver(query_seconds=1.0))):
        found.setdefault(one.what, []).append(one)
    return found


def test_a_domain_without_records(dns: Dns, tmp_path: Path) -> None:
    found = asked(dns, settings(dns, tmp_path))
    assert {what: one.grade for what, [one] in found.items()} == {
        "MX": Grade.FAULT, "SPF": Grade.WARNING, "DKIM": Grade.OK, "DMARC": Grade.WARNING,
    }  # fmt: skip
    assert all(one.do for [one] in found.values() if one.grade is not Grade.OK)


def test_a_silent_dns_is_a_service_that_does_not_answer(dns: Dns, tmp_path: Path) -> None:
    dns.failing.add("acme.org")
    [mx] = asked(dns, settings(dns, tmp_path))["MX"]
    assert (mx.grade, mx.cause) == (Grade.FAULT, findings.Cause.SERVICE)


@pytest.mark.parametrize(
    ("records", "relay", "grade", "says"),
    [
        (["v=spf1 ip4:192.0.2.0/24 -all"], "192.0.2.7:25", Grade.OK, "may send"),
        (["v=spf1 ip4:198.51.100.1 -all"], "192.0.2.7:25", Grade.WARNING, "192.0.2.7 fail"),
        (["v=spf1 include:nowhere.acme.org -all"], "192.0.2.7:25", Grade.FAULT, "to its end"),
        (["v=spf1 mx -all", "v=spf1 -all"], "192.0.2.7:25", Grade.FAULT, "2 records"),
        (["v=spf1 mx -all"], "127.0.0.1:25", Grade.OK, "on this machine"),
        (["google-site-verification=x"], "127.0.0.1:25", Grade.WARNING, "does not say"),
    ],
)
def test_who_may_send(
    dns: Dns, tmp_path: Path, records: list[str], relay: str, grade: Grade, says: str
) -> None:
    dns.txt("acme.org", *records)
    [spf] = asked(dns, settings(dns, tmp_path, relay=relay))["SPF"]
    assert spf.grade is grade
    assert says in spf.says


def test_where_mail_comes_in(dns: Dns, tmp_path: Path) -> None:
    dns.zone["acme.org", "MX"] = [(10, "mx.acme.org"), (20, "lost.acme.org")]
    dns.zone["mx.acme.org", "A"] = ["192.0.2.1"]
    [mx] = asked(dns, settings(dns, tmp_path))["MX"]
    assert mx.grade is Grade.WARNING
    assert "lost.acme.org has no address" in mx.says
    dns.clear()
    dns.zone["acme.org", "A"] = ["192.0.2.1"]
    [mx] = asked(dns, settings(dns, tmp_path))["MX"]
    assert mx.grade is Grade.WARNING


def test_the_key_in_the_dns_must_be_ours(dns: Dns, tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "dkim.pem").write_bytes(pem)
    (tmp_path / "dkim.pem").chmod(0o600)
    given = settings(dns, tmp_path, '[[dkim]]\ndomain = "acme.org"\nselector = "s1"\nkey_file = "dkim.pem"\n')
    record = outgoing.source(given.dkim[0]).key().record
    [missing] = asked(dns, given)["DKIM"]
    assert (missing.grade, record in missing.do) == (Grade.FAULT, True)
    dns.clear()
    dns.txt("s1._domainkey.acme.org", record)
    assert [one.grade for one in asked(dns, given)["DKIM"]] == [Grade.OK]
    dns.txt("s1._domainkey.acme.org", record + "; t=y")
    assert [one.grade for one in asked(dns, given)["DKIM"]] == [Grade.WARNING]
    dns.txt("s1._domainkey.acme.org", "v=DKIM1; k=ed25519; p=" + "A" * 43 + "=")
    [other] = asked(dns, given)["DKIM"]
    assert other.grade is Grade.FAULT
    assert "another key" in other.says


def certificate(end: datetime, folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(end).sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "tls.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return file


@pytest.mark.parametrize(
    ("end", "grade"),
    [
        (NOW + timedelta(days=90), Grade.OK),
        (NOW + timedelta(days=3), Grade.WARNING),
        (NOW - timedelta(days=3), Grade.FAULT),
        (datetime(2055, 1, 1, tzinfo=UTC), Grade.OK),  # GeneralizedTime
    ],
)
def test_how_long_a_certificate_is_good(tmp_path: Path, end: datetime, grade: Grade) -> None:
    file = certificate(end, tmp_path)
    found = certificates.of_file("listener", "smtp", file, NOW)
    assert found.grade is grade
    assert f"{end:%Y-%m-%d}" in found.says


def test_what_is_no_certificate_is_said(tmp_path: Path) -> None:
    (tmp_path / "tls.pem").write_text("nothing")
    assert "no certificate" in certificates.of_file("listener", "smtp", tmp_path / "tls.pem", NOW).says
    assert certificates.of_file("listener", "smtp", tmp_path / "none.pem", NOW).grade is Grade.FAULT
    whole = ssl.PEM_cert_to_DER_cert(
        certificate(NOW, tmp_path).read_text().partition("-----END CERT")[0] + "-----END CERTIFICATE-----\n"
    )
    for size in range(0, len(whole), 7):
        certificates.judged("listener", "smtp", whole[:size], NOW, "")  # never raises


def test_a_look_at_a_database_makes_nothing(store_url: str, tmp_path: Path) -> None:
    looked = looking.database(store_url, datetime.now(UTC))
    assert looked is not None
    assert looked.current
    assert looked.obstacle == ""
    assert looked.octets > 1000
    assert abs(looked.ahead) < keeping.APART
    assert looking.database(f"sqlite:///{tmp_path}/none.db", NOW) is None
    assert not (tmp_path / "none.db").exists()


def test_a_database_that_does_not_answer() -> None:
    with pytest.raises(NotNow):
        looking.database("postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=2", NOW)


def test_a_database_of_another_time_is_told(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/maild.db", tmp_path / "files")
    with store._database.work() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    looked = looking.database(f"sqlite:///{tmp_path}/maild.db", NOW)
    found = {one.what: one for one in keeping._database(looked)}
    assert (found["schema"].grade, found["schema"].cause) == (Grade.FAULT, findings.Cause.CONFIGURATION)


async def test_a_relay_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        [found] = await correspondents.relay(Relay(f"127.0.0.1:{free.getsockname()[1]}"), NOW)
    assert found.grade is Grade.FAULT
    assert found.do


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 400 Bad\r\n\r\n", "no mail server"),
        (b"421 4.3.2 closing\r\n", "421"),
        (b"", "closed"),
        (b"220" + b"x" * 100_000, "no mail server"),
    ],
)
async def test_something_else_on_the_port_of_a_listener(
    dns: Dns, tmp_path: Path, answer: bytes, says: str
) -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    node = Node("n", 1, "1", NOW, NOW, {"listening": [f"smtp 127.0.0.1:{port}"]})
    given = settings(dns, tmp_path, f'[[listen]]\nprotocol = "smtp"\naddress = "127.0.0.1:{port}"\n')
    [found] = await correspondents.listeners(given, [node])
    server.close()
    assert found.grade is Grade.FAULT
    assert says in found.says


async def test_a_check_that_breaks_or_hangs_is_a_finding() -> None:
    async def hangs() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def breaks() -> list[Finding]:
        raise KeyError("odd")

    [slow] = await findings.within("relay", "x", hangs, 0.05)
    [broken] = await findings.within("relay", "x", breaks)
    assert "no answer within" in slow.says
    assert "report" in broken.do
