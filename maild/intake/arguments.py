"""The arguments of MAIL and RCPT: a path and ESMTP parameters (RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from maild.errors import Refused

# A source route is accepted and ignored (RFC 5321 appendix C). Local parts are taken as they come in practice, with dots
# anywhere; the domain may miss, which is for the receiver to judge.
_PATH = re.compile(
    r"""[ ]*<(?:@[^\s<>:]+:)?
        (?P<mailbox>(?:"(?:[^"\\]|\\.)*"|[^\s<>"\\()\[\]:;,@]+)(?:@[^\s<>"\\()@]+)?)?
        >(?:[ \t]+(?P<parameters>.*))?""",
    re.VERBOSE,
)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")
_UNCLEAN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_SYNTAX = {"FROM:": "Syntax: MAIL FROM:<address>", "TO:": "Syntax: RCPT TO:<address>"}
_MALFORMED = {"FROM:": ("5.1.7", "Malformed sender address"), "TO:": ("5.1.3", "Malformed recipient address")}


@dataclass(frozen=True, slots=True)
class Sender:
    """`address` "" for the null path. `utf8`: the client asked for SMTPUTF8 (RFC 6531)."""

    address: str
    utf8: bool


def sender(argument: str, message_size: int) -> Sender:
    """The argument of MAIL. Raises Refused for a bad path, an unknown parameter, or a mail announced as above `message_size` octets."""
    address, parameters = _split(argument, "FROM:")
    utf8 = "SMTPUTF8" in parameters
    for name, value in parameters.items():
        _check_parameter(name, value, message_size)
    _check_ascii(address, utf8)
    return Sender(address, utf8)


def recipient(argument: str, *, utf8: bool) -> str:
    """The argument of RCPT -> the address as sent. Raises Refused for a bad path or any parameter (no DSN, RFC 3461, is offered)."""
    address, parameters = _split(argument, "TO:")
    if parameters:
        raise Refused(555, "5.5.4", "RCPT parameter not recognized")
    if not address:
        raise Refused(553, *_MALFORMED["TO:"])
    _check_ascii(address, utf8)
    return address


def _split(argument: str, keyword: str) -> tuple[str, Mapping[str, str | None]]:
    if argument[: len(keyword)].upper() != keyword:
        raise Refused(501, "5.5.4", _SYNTAX[keyword])
    match = _PATH.fullmatch(argument[len(keyword) :])
    if match is None or _UNCLEAN.search(match["mailbox"] or ""):
        raise Refused(553, *_MALFORMED[keyword])
    return match["mailbox"] or "", _parameters(match["parameters"] or "", keyword)


def _parameters(text: str, keyword: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None or match[1].upper() in found:
            raise Refused(501, "5.5.4", _SYNTAX[keyword])
        found[match[1].upper()] = match[2]
    return found


def _check_parameter(name: str, value: str | None, message_size: int) -> None:
    match name:
        case "SIZE":
            if value is None or not value.isdecimal() or len(value) > 20:  # RFC 1870: 1*20DIGIT
                raise Refused(501, "5.5.4", "Syntax: SIZE=octets")
            if int(value) > message_size:
                raise Refused(552, "5.3.4", "Message too big")
        case "BODY":
            if value is None or value.upper() not in ("7BIT", "8BITMIME"):  # RFC 6152
                raise Refused(501, "5.5.4", "BODY is one of 7BIT, 8BITMIME")
        case "SMTPUTF8":
            if value is not None:
                raise Refused(501, "5.5.4", "SMTPUTF8 takes no value")
        case _:
            raise Refused(555, "5.5.4", "MAIL parameter not recognized")


def _check_ascii(address: str, utf8: bool) -> None:
    if not utf8 and not address.isascii():
        raise Refused(553, "5.6.7", "Non-ASCII address needs SMTPUTF8")  # RFC 6531 §3.5
