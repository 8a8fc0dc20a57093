"""TLS: by STARTTLS, from the start, with certificates good and bad; and the ordinary client of the standard library."""

import asyncio
import datetime
import smtplib
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from maild.errors import ConfigError
from tests.intake.dialogue import DATA, EHLO, LHLO, MAIL, RCPT, Client, Desk, Hurry, serving, settle


def make_certificate(folder, name="mx.acme.test", password=None):
    """-> files of a self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    )
    return {"certificate": folder / "cert.pem", "key": folder / "key.pem"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusting(certificate):
    context = ssl.create_default_context(cafile=certificate["certificate"])
    context.check_hostname = False
    return context


async def start_tls(client, context):
    assert await client.say("STARTTLS") == "220 2.0.0 Ready to start TLS"
    await client.writer.start_tls(context)


@pytest.mark.parametrize(("protocol", "hello"), [("smtp", EHLO), ("lmtp", LHLO)])
async def test_starttls(certificate, trusting, protocol, hello):
    desk = Desk()
    async with serving(desk, protocol, tls="starttls", **certificate) as (_, address):
        client = await Client.to(address)
        assert (await client.say(hello)).endswith("250 STARTTLS")
        assert (await client.say("STARTTLS now")).startswith("501 5.5.4")
        await client.say(MAIL)
        await start_tls(client, trusting)
        # RFC 3207 §4.2: what was said before is forgotten.
        assert await client.say(RCPT) == "503 5.5.1 Need MAIL command"
        assert (await client.say(MAIL)).startswith("503 5.5.1")
        assert "STARTTLS" not in await client.say(hello)
        assert (await client.say("STARTTLS")).startswith("503 5.5.1")
        assert await client.mail(b"x" * 400_000 + b"\r\n", hello) == "250 2.0.0 kept"
        assert await client.say("QUIT") == "221 2.0.0 Bye"
        assert await client.rest() == ""
    assert desk.mails == [b"x" * 400_000 + b"\r\n"]


async def test_implicit_tls(certificate, trusting):
    desk = Desk()
    async with serving(desk, tls="implicit", **certificate) as (_, address):
        client = await Client.to(address, ssl=trusting, server_hostname="mx.acme.test")
        assert "STARTTLS" not in await client.say(EHLO)
        assert await client.mail() == "250 2.0.0 kept"
        assert await client.say("QUIT") == "221 2.0.0 Bye"
        assert await client.rest() == ""
    assert len(desk.mails) == 1


async def test_tls_may_be_required(certificate, trusting):
    async with serving(Desk(), tls="starttls", require_tls=True, **certificate) as (_, address):
        client = await Client.to(address)
        for command in (MAIL, RCPT, DATA, "RSET", "VRFY x", "HELO a", "FROB"):
            assert await client.say(command) == "530 5.7.0 Must issue a STARTTLS command first"
        await client.say("NOOP", EHLO)
        await start_tls(client, trusting)
        assert await client.mail() == "250 2.0.0 kept"
        await client.close()


async def test_plain_text_injected_behind_starttls_is_dropped(certificate, trusting):
    desk = Desk()
    async with serving(desk, tls="starttls", **certificate) as (_, address):
        client = await Client.to(address)
        injected = b"STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@evil.test>\r\nNOOP\r\n"
        assert (await client.say(EHLO, injected)).startswith("220 ")
        await client.writer.start_tls(trusting)
        assert (await client.say(RCPT)).startswith("503 5.5.1 Need MAIL")
        assert (await client.say(MAIL)).startswith("503 5.5.1 Say EHLO")
        await client.close()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_versions_before_1_2_are_not_spoken(certificate, tls):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with serving(Desk(), tls=tls, **certificate) as (listeners, address):
        client = await Client.to(address, greet=False)
        if tls == "starttls":
            await client.reply()
            await client.say(EHLO, "STARTTLS")
        with pytest.raises(OSError):
            await client.writer.start_tls(old)
        await settle()
        assert listeners.counters[address].connections == 0
        await client.close()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("noise", [b"", b"\x16\x03\x01", b"EHLO a\r\n"])
@pytest.mark.parametrize("way", ["close", "reset"])
async def test_a_handshake_that_fails_leaves_nothing(certificate, tls, noise, way):
    async with serving(Desk(), tls=tls, **certificate) as (listeners, address):
        client = await Client.to(address, greet=False)
        if tls == "starttls":
            await client.reply()
            await client.say(EHLO, "STARTTLS")
        await client.send(noise)
        await settle()
        await (client.close() if way == "close" else client.reset())
        await settle()
        assert listeners.counters[address].connections == 0


async def test_a_silent_handshake_times_out_and_counts_as_a_connection(certificate, monkeypatch):
    async with serving(Desk(), tls="implicit", limits={"connections": 2}, **certificate) as (
        listeners,
        address,
    ):
        hurry = Hurry(monkeypatch)
        silent = [await Client.to(address, greet=False) for _ in range(2)]
        await settle()
        assert listeners.counters[address].connections == 2
        third = await Client.to(address, greet=False)
        assert await third.rest() == ""
        await hurry.skip(61)
        assert [await client.rest() for client in silent] == ["", ""]
        await settle()
        assert listeners.counters[address].connections == 0


async def test_closing_cuts_a_handshake(certificate):
    async with serving(Desk(), tls="implicit", **certificate) as (listeners, address):
        client = await Client.to(address, greet=False)
        await settle()
        await listeners.close(0)
        assert await client.rest() == ""


@pytest.mark.parametrize("way", ["close", "reset"])
async def test_hanging_up_on_tls_does_not_cancel_a_commit(certificate, trusting, way):
    desk = Desk()
    desk.gate.clear()
    async with serving(desk, tls="implicit", **certificate) as (_, address):
        client = await Client.to(address, ssl=trusting, server_hostname="mx.acme.test")
        await client.say(EHLO, MAIL, RCPT, DATA)
        await client.send(b"hi\r\n.\r\n")
        await desk.started.wait()
        await (client.close() if way == "close" else client.reset())
        await settle()
        desk.gate.set()
        await settle()
    assert desk.mails == [b"hi\r\n"]


@pytest.mark.parametrize(
    ("mode", "security"), [("starttls", "starttls"), ("implicit", "implicit"), ("none", "none")]
)
async def test_the_client_of_the_standard_library(certificate, trusting, mode, security):
    desk = Desk()
    files = certificate if mode != "none" else {}
    mail = b"Subject: hi\r\n\r\n" + b".dots and words\r\n" * 20_000

    def deliver(port):
        kind = smtplib.SMTP_SSL if security == "implicit" else smtplib.SMTP
        options = {"context": trusting} if security == "implicit" else {}
        with kind("127.0.0.1", port, "client.test", timeout=30, **options) as client:
            if security == "starttls":
                client.starttls(context=trusting)
            return client.sendmail("ann@customer.test", ["support@acme.test", "nobody@acme.test"], mail)

    async with serving(desk, tls=mode, **files) as (_, address):
        refused = await asyncio.to_thread(deliver, int(address.rpartition(":")[2]))
    assert refused == {"nobody@acme.test": (550, b"5.1.1 No such address here")}
    assert desk.mails == [mail]


async def test_lmtp_client_of_the_standard_library(tmp_path):
    desk = Desk()

    def deliver():
        with smtplib.LMTP(str(tmp_path / "lmtp.sock"), local_hostname="mta.test") as client:
            # One recipient: smtplib reads a single answer to DATA even in LMTP.
            return client.sendmail("ann@customer.test", ["support@acme.test"], b"Subject: hi\r\n\r\nhi\r\n")

    async with serving(desk, "lmtp", f"unix:{tmp_path}/lmtp.sock"):
        assert await asyncio.to_thread(deliver) == {}
    assert desk.mails == [b"Subject: hi\r\n\r\nhi\r\n"]


async def presented(address):
    context = ssl._create_unverified_context()
    client = await Client.to(address, ssl=context)
    der = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    await client.close()
    return x509.load_der_x509_certificate(der).subject.rfc4514_string()


async def test_certificates_can_be_renewed_while_running(tmp_path):
    files = make_certificate(tmp_path, "old.test")
    async with serving(Desk(), tls="implicit", **files) as (listeners, address):
        assert await presented(address) == "CN=old.test"
        make_certificate(tmp_path, "new.test")
        listeners.reload_certificates()
        assert await presented(address) == "CN=new.test"
        make_certificate(tmp_path, "third.test")
        (tmp_path / "key.pem").write_text("not a key")
        with pytest.raises(ConfigError):
            listeners.reload_certificates()
        assert await presented(address) == "CN=new.test"


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda folder, files: files.pop("certificate"), 'tls = "starttls" needs a certificate'),
        (lambda folder, files: (folder / "cert.pem").unlink(), "No such file or directory"),
        (lambda folder, files: (folder / "key.pem").unlink(), "No such file or directory"),
        (
            lambda folder, files: (folder / "cert.pem").write_text("no"),
            "no PEM certificate with its unencrypted key",
        ),
        (
            lambda folder, files: make_certificate(folder, password=b"sesame"),
            "no PEM certificate with its unencrypted key",
        ),
        (lambda folder, files: files.pop("key"), "no PEM certificate with its unencrypted key"),
    ],
)
async def test_a_bad_certificate_is_a_fault_of_the_configuration(tmp_path, break_it, reason):
    files = make_certificate(tmp_path)
    break_it(tmp_path, files)
    with pytest.raises(ConfigError) as wrong:
        async with serving(Desk(), tls="starttls", **files):
            pytest.fail("it must not start")
    assert wrong.value.problems[0].message == reason
