"""S/MIME containers that only sign: the mail inside is read, whatever BER its signer writes; damage and encryption end it, not us."""

from __future__ import annotations

import base64
import zlib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.desk.facts import Mail
from maild.message import cms
from maild.message.parse import parse

SIGNED, DATA, ENVELOPED, COMPRESSED, ZLIB = (
    bytes.fromhex(one)
    for one in (
        "2a864886f70d010702",
        "2a864886f70d010701",
        "2a864886f70d010703",
        "2a864886f70d0109100109",
        "2a864886f70d0109100308",
    )
)


def entity() -> bytes:
    inner = EmailMessage()
    inner.set_content("It burns.\n\n-- \nBob\n")
    inner.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="fire.pdf")
    return inner.as_bytes()


def tlv(tag: int, *contents: bytes) -> bytes:
    """An element of definite length."""
    content = b"".join(contents)
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x84]) + size.to_bytes(4, "big")
    return bytes([tag]) + length + content


def stream(tag: int, *contents: bytes) -> bytes:
    """An element of indefinite length."""
    return bytes([tag, 0x80]) + b"".join(contents) + b"\0\0"


def pieces(content: bytes, size: int = 100) -> list[bytes]:
    return [tlv(0x04, content[at : at + size]) for at in range(0, len(content), size)]


def container(
    content: bytes, *, identifier: bytes = SIGNED, inner: bytes = DATA, middle: bytes = b""
) -> bytes:
    return tlv(
        0x30,
        tlv(0x06, identifier),
        tlv(
            0xA0,
            tlv(
                0x30,
                tlv(0x02, b"\1"),
                middle or tlv(0x31),
                tlv(0x30, tlv(0x06, inner), tlv(0xA0, tlv(0x04, content))),
            ),
        ),
    )


def streamed(content: bytes) -> bytes:
    carried = stream(0x30, tlv(0x06, DATA), stream(0xA0, stream(0x24, *pieces(content))))
    return stream(0x30, tlv(0x06, SIGNED), stream(0xA0, stream(0x30, tlv(0x02, b"\1"), tlv(0x31), carried)))


def signed_by_a_library(content: bytes) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Bob")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(start).not_valid_after(start + timedelta(days=30)).sign(key, hashes.SHA256())
    )  # fmt: skip
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(certificate, key, hashes.SHA256())
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def mail(blob: bytes, kind: str = "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m") -> Mail:
    head = f"From: bob@x.example\r\nSubject: Fire\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return parse(head.encode() + base64.encodebytes(blob)).mail


@pytest.mark.parametrize("write", [container, streamed, signed_by_a_library])
@pytest.mark.parametrize(
    "kind",
    [
        "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m",
        "application/x-pkcs7-mime; name=smime.p7m",
        "application/octet-stream; name=smime.p7m",
    ],
)
def test_the_mail_inside_is_read(write: object, kind: str) -> None:
    assert callable(write)
    found = mail(write(entity()), kind)
    assert (found.reply, found.signature) == ("It burns.", "Bob")
    assert [file.name for file in found.attachments] == ["fire.pdf"]
    assert found.protection == ("S/MIME signed",)
    assert found.defects == ()


def test_one_inside_the_other() -> None:
    again = b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\n" + container(entity())
    assert mail(container(again)).reply == "It burns."


def test_a_mail_without_end_of_containers_is_bounded() -> None:
    blob = entity()
    for _ in range(60):
        blob = b"Content-Type: application/pkcs7-mime\r\n\r\n" + container(blob)
    assert "too many nested parts" in mail(container(blob)).defects


def test_compressed() -> None:
    blob = container(zlib.compress(entity()), identifier=COMPRESSED, middle=tlv(0x30, tlv(0x06, ZLIB)))
    found = mail(blob, "application/pkcs7-mime; smime-type=compressed-data; name=smime.p7z")
    assert (found.reply, found.protection) == ("It burns.", ())


def test_encrypted_stays_an_attachment_and_is_said() -> None:
    blob = tlv(0x30, tlv(0x06, ENVELOPED), tlv(0xA0, tlv(0x30)))
    for kind in ("application/pkcs7-mime; name=smime.p7m", "application/octet-stream; name=smime.p7m"):
        found = mail(blob, kind)
        assert found.protection == ("S/MIME encrypted",)
        assert [file.name for file in found.attachments] == ["smime.p7m"]


def test_a_detached_signature_has_nothing_inside() -> None:
    blob = tlv(
        0x30, tlv(0x06, SIGNED), tlv(0xA0, tlv(0x30, tlv(0x02, b"\1"), tlv(0x31), tlv(0x30, tlv(0x06, DATA))))
    )
    assert cms.opened(blob) == cms.Container("signed")
    assert [file.name for file in mail(blob).attachments] == ["smime.p7m"]


@pytest.mark.parametrize(
    "blob",
    [
        b"", b"x", b"\x30", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x30\x80" * 5000, b"\x1f" * 50, b"\x04\x80\0\0", tlv(0x30), tlv(0x30, tlv(0x02, b"\1")),
        streamed(b"x" * 1000)[:-300], container(b"yyyyyyyy", identifier=COMPRESSED), b"\x30\x80" + b"\x04\x00" * 600_000,
    ],
)  # fmt: skip
def test_what_is_no_container(blob: bytes) -> None:
    assert cms.opened(blob) is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_never_raises(data: st.DataObject) -> None:
    blob = bytearray(streamed(entity()))
    for _ in range(data.draw(st.integers(1, 5))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    found = cms.opened(bytes(blob))
    assert found is None or found.kind in ("signed", "encrypted", "compressed", "")


def test_armour_cut_off_at_its_end() -> None:
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nIt burns.\n-----BEGIN PGP SIGNATURE-----\n\nabc="
    )
    assert parse(f"From: a@x.example\r\n\r\n{text}".encode()).mail.reply == "It burns."
