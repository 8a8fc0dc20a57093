"""The document of `maild inspect --json`."""

import json

from maild.message.inspect import document
from maild.message.parse import parse

KEYS = ["file", "message_id", "in_reply_to", "references", "date", "from", "reply_to", "to", "cc", "subject", "language", "kind", "kind_reasons", "unanswerable", "text", "reply", "signature", "attachments", "bounce", "report", "forwarded", "protection", "defects"]  # fmt: skip


def test_document() -> None:
    raw = (
        b"Message-ID: <1@x.example>\r\nIn-Reply-To: <0@x.example>\r\nReferences: <a@x.example> <0@x.example>\r\n"
        b"Date: Fri, 13 Nov 2026 09:00:00 +0100\r\nFrom: Ann <ann@x.example>\r\nTo: b@x.example\r\nSubject: s\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n-- \r\nAnn\r\n"
        b"--b\r\nContent-Type: image/png\r\nContent-Disposition: inline; filename=a.png\r\n\r\nxyz\r\n--b--\r\n"
    )
    found = document("one.eml", parse(raw).mail)
    assert list(found) == KEYS
    assert json.loads(json.dumps(found)) == found
    assert found["file"] == "one.eml"
    assert found["message_id"] == "<1@x.example>"
    assert found["in_reply_to"] == ["<0@x.example>"]
    assert found["references"] == ["<a@x.example>", "<0@x.example>"]
    assert found["date"] == "2026-11-13T08:00:00+00:00"
    assert found["from"] == {"name": "Ann", "address": "ann@x.example"}
    assert found["to"] == [{"name": "", "address": "b@x.example"}]
    assert found["kind"] == "person"
    assert (found["text"], found["reply"], found["signature"]) == ("hi\n-- \nAnn", "hi", "Ann")
    assert found["attachments"] == [
        {
            "name": "a.png",
            "type": "image/png",
            "size": 3,
            "inline": True,
            "sha256": "3608bca1e44ea6c4d268eb6db02260269892c0b42b86bbf1e77a6fa16c3c9282",
        }
    ]
    assert found["bounce"] is None


def test_nothing_known() -> None:
    found = document("empty.eml", parse(b"").mail)
    assert list(found) == KEYS
    assert (found["message_id"], found["date"], found["from"], found["language"], found["text"]) == (
        None,
        None,
        None,
        None,
        "",
    )


def test_bounce() -> None:
    raw = (
        b"From: MAILER-DAEMON@x.example\r\nSubject: Undelivered\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
        b"Final-Recipient: rfc822; ann@y.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no such user\r\n\r\n--b--\r\n"
    )
    assert document("b", parse(raw).mail)["bounce"] == {
        "permanent": True,
        "recipients": [{"address": "ann@y.example", "status": "5.1.1", "diagnostic": "550 no such user"}],
        "original_message_id": None,
    }
