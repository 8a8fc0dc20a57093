"""Typical mails to begin mutations from: each shows other parts of the reader."""

from __future__ import annotations

import base64

HEAD = (
    "Return-Path: <bob@x.example>\r\nReceived: from mx.x.example by mx.y.example; Mon, 16 Nov 2026 09:00:01 +0100\r\nMessage-ID: <1.2@x.example>\r\n"
    "Date: Mon, 16 Nov 2026 09:00:00 +0100\r\nFrom: =?utf-8?q?B=C3=B6b?= Example <bob@x.example>\r\nTo: \"Desk, The\" <desk+abc@y.example>, ann@y.example\r\n"
    "Subject: =?utf-8?B?UsO8Y2tmcmFnZQ==?= zum Drucker\r\nMIME-Version: 1.0\r\n"
)  # fmt: skip
REPLY = "Yes, it does.\r\n\r\n-- \r\nBob\r\n\r\nOn Mon, 16 Nov 2026 at 08:00, Ann <ann@y.example> wrote:\r\n> Does it burn?\r\n>\r\n> Ann\r\n"
PAGE = (
    '<html><head><style>p {margin:0}</style></head><body><p>Hello <b>Ann</b>,</p><ul><li>one<li>two</ul><table><tr><td>a<td>b</table><img src="cid:i1">'
    '<div class="gmail_quote"><div class="gmail_attr">On Monday, Ann &lt;a@y.example&gt; wrote:</div><blockquote type="cite">Does it burn?</blockquote></div></body></html>'
)
PNG = base64.encodebytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256))).decode().replace("\n", "\r\n")
FORWARD = "Please.\r\n\r\n---------- Forwarded message ---------\r\nFrom: Eve <eve@z.example>\r\nDate: Mon, Nov 16, 2026 at 7:00 AM\r\nSubject: Fire\r\nTo: <bob@x.example>\r\n\r\nIt burns.\r\n"
REPORT = (
    'Content-Type: multipart/report; report-type=delivery-status; boundary="r=1"\r\nAuto-Submitted: auto-replied\r\n\r\n--r=1\r\n\r\n<gone@z.example>: 550 5.1.1 unknown\r\n'
    "--r=1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.z.example\r\n\r\nFinal-Recipient: rfc822; gone@z.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    "Diagnostic-Code: smtp; 550 5.1.1 unknown\r\n\r\n--r=1\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <7@y.example>\r\nSubject: s\r\n\r\nx\r\n--r=1--\r\n"
)
CALENDAR = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Review\r\nDTSTART;TZID=Europe/Berlin:20261123T090000\r\nORGANIZER;CN=Ana:mailto:ana@x.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
TNEF = base64.encodebytes(
    b"\x78\x9f\x3e\x22\x01\x00\x01\x06\x90\x08\x00\x04\x00\x00\x00\x00\x00\x01\x00\x01\x00"
).decode()


def _tlv(tag: int, *contents: bytes) -> bytes:
    """An element of DER with less than 128 octets."""
    content = b"".join(contents)
    return bytes([tag, len(content)]) + content


_DATA, _SIGNED = _tlv(6, bytes.fromhex("2a864886f70d010701")), _tlv(6, bytes.fromhex("2a864886f70d010702"))
_CARRIED = _tlv(0x30, _DATA, _tlv(0xA0, _tlv(4, b"Content-Type: text/plain\r\n\r\nIt burns.\r\n")))
SIGNED = _tlv(0x30, _SIGNED, _tlv(0xA0, _tlv(0x30, _tlv(2, b"\1"), _tlv(0x31), _CARRIED)))


def _mixed(*parts: str) -> str:
    return (
        'Content-Type: multipart/mixed; boundary="b=_1"\r\n\r\n'
        + "".join(f"--b=_1\r\n{part}\r\n" for part in parts)
        + "--b=_1--\r\n"
    )


_ALTERNATIVE = (
    'Content-Type: multipart/alternative; boundary=alt\r\n\r\n--alt\r\nContent-Type: text/plain; charset="iso-8859-1"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    f"Gr=FC=DFe =\r\naus K=F6ln\r\n--alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{PAGE}\r\n--alt--"
)
_IMAGE = f"Content-Type: image/png; name*=utf-8''f%C3%BCr.png\r\nContent-ID: <i1>\r\nContent-Disposition: inline\r\nContent-Transfer-Encoding: base64\r\n\r\n{PNG}"
_NESTED = f"Content-Type: message/rfc822\r\n\r\n{HEAD}\r\n{REPLY}"

SEEDS: dict[str, bytes] = {
    name: (HEAD + rest).encode()
    for name, rest in {
        "plain": f"In-Reply-To: <0@y.example>\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n\r\n{REPLY}",
        "html": f"Content-Type: text/html; charset=windows-1252\r\n\r\n{PAGE}",
        "mixed": _mixed(_ALTERNATIVE, _IMAGE),
        "nested": _mixed("\r\nSee below.", _NESTED),
        "forward": f"\r\n{FORWARD}",
        "report": REPORT,
        "japanese": "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B%F%9%H\x1b(B\r\n",
        "armour": "\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\nIt burns.\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\nabc=\r\n-----END PGP SIGNATURE-----\r\n",
        "calendar": f"Content-Type: text/calendar; method=REQUEST\r\n\r\n{CALENDAR}",
        "uuencoded": "\r\nHello\r\n\r\nbegin 644 a.txt\r\n#86)C\r\n`\r\nend\r\n",
        "tnef": _mixed("\r\nSee attachment.", f"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n{TNEF}"),
        "vacation": "Auto-Submitted: auto-replied\r\nX-Auto-Response-Suppress: All\r\n\r\nIch bin bis Montag im Urlaub. Vielen Dank für Ihre Nachricht.\r\n",
        "newsletter": f"List-Id: News <news.x.example>\r\nList-Unsubscribe: <https://x.example/u>\r\nContent-Type: text/html\r\n\r\n{PAGE * 3}<a href='https://x.example/unsubscribe'>unsubscribe</a>",
    }.items()
}  # fmt: skip
SEEDS["signed"] = (
    HEAD
    + "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n"
).encode() + base64.encodebytes(SIGNED)
SEEDS["latin"] = HEAD.encode().replace(
    b"zum Drucker", "für Köln".encode("latin-1")
) + "\r\nGrüße aus Köln\r\n".encode("latin-1")
