"""Paths and parameters of MAIL and RCPT."""

import pytest

from maild.errors import Refused
from maild.intake import arguments


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<a@b.test>", "a@b.test"),
        ("from: <A.Case@B.Test>", "A.Case@B.Test"),
        ("FROM:<>", ""),
        ("FROM:<> SIZE=12 BODY=8BITMIME", ""),
        ("FROM:<a@b.test> body=7bit size=1000", "a@b.test"),
        ("FROM:<@relay.test,@two.test:a@b.test>", "a@b.test"),
        ('FROM:<"a b>c"@b.test>', '"a b>c"@b.test'),
        (r'FROM:<"a\"b"@b.test>', r'"a\"b"@b.test'),
        ("FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]"),
        ("FROM:<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
        ("FROM:<a..b.@b.test>", "a..b.@b.test"),
        ("FROM:<root>", "root"),
        ("FROM:<=?utf-8?q?a?=@b.test>", "=?utf-8?q?a?=@b.test"),
        ("FROM:<bounce+x=y.test@b.test>", "bounce+x=y.test@b.test"),
        ("FROM:<jörg@b.test> SMTPUTF8", "jörg@b.test"),
        ("FROM:<a@bücher.test> smtputf8 SIZE=3", "a@bücher.test"),
    ],
)
def test_sender_is_taken_as_sent(argument, address):
    assert arguments.sender(argument, 1000).address == address


@pytest.mark.parametrize(
    ("argument", "code", "enhanced"),
    [
        ("", 501, "5.5.4"),
        ("<a@b.test>", 501, "5.5.4"),
        ("TO:<a@b.test>", 501, "5.5.4"),
        ("FROM:a@b.test", 553, "5.1.7"),
        ("FROM:", 553, "5.1.7"),
        ("FROM:<", 553, "5.1.7"),
        ('FROM:"', 553, "5.1.7"),
        ("FROM:<a@b.test", 553, "5.1.7"),
        ("FROM:<a@b.test>>", 553, "5.1.7"),
        ("FROM:<a@b.test>SIZE=1", 553, "5.1.7"),
        ("FROM:<a b@b.test>", 553, "5.1.7"),
        ("FROM:<a@b@c.test>", 553, "5.1.7"),
        ("FROM:<@b.test>", 553, "5.1.7"),
        ("FROM:<a@>", 553, "5.1.7"),
        ("FROM:<a\x01@b.test>", 553, "5.1.7"),
        ("FROM:<a\udce9@b.test> SMTPUTF8", 553, "5.1.7"),
        ("FROM:<jörg@b.test>", 553, "5.6.7"),
        ("FROM:<a@b.test> SIZE=1001", 552, "5.3.4"),
        ("FROM:<a@b.test> SIZE=99999999999999999999", 552, "5.3.4"),
        ("FROM:<a@b.test> SIZE", 501, "5.5.4"),
        ("FROM:<a@b.test> SIZE=-1", 501, "5.5.4"),
        ("FROM:<a@b.test> SIZE=" + "9" * 500, 501, "5.5.4"),
        ("FROM:<a@b.test> SIZE=1 SIZE=2", 501, "5.5.4"),
        ("FROM:<a@b.test> =1", 501, "5.5.4"),
        ("FROM:<a@b.test> BODY=BINARYMIME", 501, "5.5.4"),
        ("FROM:<a@b.test> BODY", 501, "5.5.4"),
        ("FROM:<a@b.test> SMTPUTF8=yes", 501, "5.5.4"),
        ("FROM:<a@b.test> RET=HDRS", 555, "5.5.4"),
        ("FROM:<a@b.test> AUTH=<>", 555, "5.5.4"),
    ],
)
def test_bad_sender_is_refused(argument, code, enhanced):
    with pytest.raises(Refused) as refused:
        arguments.sender(argument, 1000)
    assert (refused.value.code, refused.value.enhanced) == (code, enhanced)


def test_announced_size_may_be_the_limit():
    assert arguments.sender("FROM:<a@b.test> SIZE=1000", 1000) == arguments.Sender("a@b.test", utf8=False)


@pytest.mark.parametrize(
    ("argument", "utf8", "address"),
    [
        ("TO:<Support+ABC@Acme.Test>", False, "Support+ABC@Acme.Test"),
        ("to:<postmaster>", False, "postmaster"),
        ("TO:<@old.test:a@b.test>", False, "a@b.test"),
        ("TO:<böb@acme.test>", True, "böb@acme.test"),
    ],
)
def test_recipient_is_taken_as_sent(argument, utf8, address):
    assert arguments.recipient(argument, utf8=utf8) == address


@pytest.mark.parametrize(
    ("argument", "code", "enhanced"),
    [
        ("TO:<>", 553, "5.1.3"),
        ("TO:<a@b.test", 553, "5.1.3"),
        ("TO:a@b.test", 553, "5.1.3"),
        ("FROM:<a@b.test>", 501, "5.5.4"),
        ("TO:<böb@acme.test>", 553, "5.6.7"),
        ("TO:<a@b.test> NOTIFY=NEVER", 555, "5.5.4"),
    ],
)
def test_bad_recipient_is_refused(argument, code, enhanced):
    with pytest.raises(Refused) as refused:
        arguments.recipient(argument, utf8=False)
    assert (refused.value.code, refused.value.enhanced) == (code, enhanced)
