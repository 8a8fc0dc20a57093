"""Failed deliveries: delivery status notifications (RFC 3464), and the many that look like nothing in particular."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from flufl.bounce import all_failures

from maild.desk.facts import Bounce, FailedRecipient
from maild.message.addresses import loose
from maild.message.charset import decode
from maild.message.headers import Fields, decoded

_MAX_RECIPIENTS = 500
_MAX_TEXT = 200_000
_MAX_LINES = 5000
_MAX_DIAGNOSTIC = 1000
_FIELD = re.compile(r"(?m)^([!-9;-~]{1,80})[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)")
_BLOCKS = re.compile(r"\n[ \t]*\n")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_REPLY_CODE = re.compile(r"(?<![\d.:-])([45])([0-57])\d(?=[ \t#:-])")
_RETURNED_TO = re.compile(r"(?mi)^[> \t]{0,4}to:([^\n]{3,300})")
_REPORTED = re.compile(r"(?mi)^final-recipient:[^\n]{0,40};")
_MESSAGE_ID = re.compile(r"(?mi)^[> \t]{0,4}message-id:\s{0,10}(<[^<>\s]{1,500}>)")
_ORIGINAL_BELOW = re.compile(
    r"(?mi)^[-\s>=*]{0,20}(?:(?:this is a copy of|below this line is a copy|original message|your original message|unsent message below|"
    r"included is a copy|the (?:header|headers) of the original|message (?:header|body) follows|returned message follows|"
    r"transcript of session follows below|copy of your message|received: (?:from|by))|return-path:)"
)
_PLAIN_ADDRESS = re.compile(
    r"(?<![\w.@=+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}", re.IGNORECASE
)
_FAILURE = re.compile(
    r"(?i)\b5\d\d\b|\b5\.\d\.\d|fail|undeliver|could ?n[o']t|cannot|unknown|not found|no such|rejected|refused|invalid|does not exist|"
    r"disabled|unable|not exist|not a valid|quota|full|送信できません|送信に失敗|できませんでした|unzustellbar|nicht zugestellt|inconnu|desconocid|inexistente|not be delivered"
)
# An address that means something outside the host that reports: its domain has a dot.
_WHOLE = re.compile(r"@[^@]+\.[^@.]+$")
_ENVELOPE_ID = re.compile(rb"(?im)^Original-Envelope-Id:[ \t]{0,20}([!-~]{3,300})[ \t]{0,20}\r?$")
_HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")
_MESSAGE_ID_WHOLE = re.compile(r"[!-;=?A-~]{1,150}@[!-;=?A-~]{1,150}")
_NO_FAILURE = frozenset({"delivered", "relayed", "expanded"})


@dataclass(frozen=True, slots=True)
class Status:
    """One per-recipient block of a report: RFC 3464 §2.3."""

    address: str
    action: str
    status: str | None
    diagnostic: str | None


def statuses(content: bytes) -> list[Status]:
    """The per-recipient blocks of a message/delivery-status part; malformed blocks give what they have."""
    found: list[Status] = []
    text = decode(content[:_MAX_TEXT]).replace("\r\n", "\n")
    for block in _BLOCKS.split(text):
        values: dict[str, str] = {}
        for name, value in _FIELD.findall(block):
            values.setdefault(name.lower(), decoded(value))
        recipient = (
            values.get("final-recipient")
            or values.get("original-recipient")
            or values.get("x-actual-recipient")
        )
        if recipient is None or len(found) >= _MAX_RECIPIENTS:
            continue
        original = _address(values.get("original-recipient", ""))
        diagnostic = values.get("diagnostic-code", "").partition(";")[2].strip() or values.get(
            "diagnostic-code", ""
        )
        final = _address(recipient)
        found.append(
            Status(
                original if original and not _WHOLE.search(final) else final or original,
                values.get("action", "").split()[0].lower() if values.get("action", "").split() else "",
                _most_telling(values.get("status", ""), diagnostic),
                diagnostic[:_MAX_DIAGNOSTIC] or None,
            )
        )
    return found


def _most_telling(status: str, diagnostic: str) -> str | None:
    """The status of a report; where it says no more than that it failed or took too long (RFC 3463 §3.1, §3.5), what the diagnostic says."""
    said, told = _STATUS.search(status), _STATUS.search(diagnostic)
    if said and told and said[1][0] == told[1][0] and said[1].endswith((".0.0", ".4.7")):
        return told[1]
    return said[1] if said else told[1] if told else None


def _address(value: str) -> str:
    """The address in `rfc822; user@host`, without a source route (RFC 5321 §4.1.2); of other address types only what looks like one."""
    value = (value.partition(";")[2] or value).strip()
    if value.startswith("@") and ":" in value:
        value = value.partition(":")[2]
    addresses = loose(value)
    return addresses[0] if addresses else ""


def final(contents: Sequence[bytes]) -> bool:
    """Whether a report says of any recipient that the delivery was given up for good."""
    return any(
        status.action == "failed" and not (status.status or "5").startswith("4")
        for content in contents
        for status in statuses(content)
    )


def from_reports(contents: Sequence[bytes], returned: bytes, text: str, fields: Fields) -> Bounce | None:
    """The failure told by delivery reports; None when they tell only of success, or of nothing.

    A report that names no address in the form of one (a file, a host) is completed from `fields`, then from the words of the mail.
    """
    reports = [status for content in contents for status in statuses(content)]
    failed = [report for report in reports if report.action not in _NO_FAILURE]
    if not failed:
        return None
    inferred, guess = _status_in(text), _guesses(text)
    recipients: dict[str, FailedRecipient] = {}
    for report in failed:
        if report.address:
            guessed = report.status is None and guess
            recipient = FailedRecipient(report.address, report.status or inferred, report.diagnostic, guessed)
            recipients.setdefault(report.address.lower(), recipient)
    if not recipients:
        named = [one for value in fields.all("x-failed-recipients") for one in loose(value)] or _named_in(
            text
        )
        for address in named[:_MAX_RECIPIENTS]:
            guessed = failed[0].status is None and guess
            recipient = FailedRecipient(address, failed[0].status or inferred, failed[0].diagnostic, guessed)
            recipients.setdefault(address.lower(), recipient)
    permanent = any(
        report.action == "failed"
        or (report.action != "delayed" and not (report.status or "5").startswith("4"))
        for report in failed
    )
    original = original_message_id(returned, text) or _envelope_id(contents)
    return Bounce(permanent, tuple(recipients.values()), original)


def tells_success(contents: Sequence[bytes]) -> bool:
    """Whether the reports are of deliveries that succeeded, and of nothing else."""
    actions = {status.action for content in contents for status in statuses(content)}
    return bool(actions) and actions <= _NO_FAILURE


def unknown(returned: bytes, text: str) -> Bounce:
    """The failure of a mail whose recipient can only be taken from the message given back, when it went to one person."""
    header = decode(returned[:_MAX_TEXT]).replace("\r\n", "\n").partition("\n\n")[0]
    to = [value for name, value in _FIELD.findall(header) if name.lower() == "to"]
    if not returned:
        to = _RETURNED_TO.findall(text[:_MAX_TEXT])[:1]
    addresses = loose(decoded(to[0])) if to else []
    status = _status_in(text)
    recipients = tuple(
        FailedRecipient(address, status, _diagnostic(text, address), _guesses(text))
        for address in addresses
        if len(addresses) == 1
    )
    final = not status.startswith("4") if status else not _is_delay(text)
    return Bounce(final, recipients, original_message_id(returned, text))


def from_text(message: Message, data: bytes, fields: Fields, text: str, returned: bytes) -> Bounce | None:
    """The failure told in words by a mail that is known to come from a mail system; None when nobody failed.

    `data` is what `message` was parsed from.
    """
    temporary, permanent = _scanned(message, data)
    addresses = [address for value in fields.all("x-failed-recipients") for address in loose(value)]
    final = bool(addresses or permanent)
    addresses += sorted(permanent) or sorted(temporary)
    if not addresses:
        # Some systems write the fields of a report into the text.
        told = (
            from_reports((text[:_MAX_TEXT].encode(),), returned, "", fields)
            if _REPORTED.search(text)
            else None
        )
        if told and told.recipients:
            return told
        addresses = _named_in(text)
        final = not _is_delay(text)
    status = _status_in(text)
    if status:
        final = not status.startswith("4")
    recipients = {
        address.lower(): FailedRecipient(address, status, _diagnostic(text, address), _guesses(text))
        for address in addresses[:_MAX_RECIPIENTS]
    }
    if not recipients:
        return None
    return Bounce(final, tuple(recipients.values()), original_message_id(returned, text))


def _scanned(message: Message, data: bytes) -> tuple[set[str], set[str]]:
    """Addresses by flufl.bounce: (temporary, permanent). It tries many patterns on every line: of a long mail it gets the beginning."""
    lines = data.split(b"\n", _MAX_LINES)
    if len(lines) > _MAX_LINES:
        message = message_from_bytes(b"\n".join(lines[:-1]))
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # noqa: BLE001 - its detectors raise on many real bounces; the words of the text are read next
        return set(), set()
    return _usable(temporary), _usable(permanent)


def _usable(found: object) -> set[str]:
    addresses: set[str] = set()
    if isinstance(found, (set, frozenset)):
        for address in found:
            text = decode(address) if isinstance(address, bytes) else str(address)
            addresses.update(loose(text)[:1])
    return addresses


def _before_original(text: str) -> str:
    """The words of the report itself, without the message it gives back."""
    match = _ORIGINAL_BELOW.search(text[:_MAX_TEXT])
    return text[: match.start()] if match else text[:20_000]


def _named_in(text: str) -> list[str]:
    """Addresses in the report's own words, on lines that speak of failure or right beside one."""
    lines = _before_original(text).split("\n")[:400]
    troubled = [bool(_FAILURE.search(line[:500])) for line in lines]
    found: dict[str, None] = {}
    for index, line in enumerate(lines):
        if any(troubled[max(0, index - 3) : index + 4]):
            for match in _PLAIN_ADDRESS.finditer(line[:500]):
                if not re.match(r"(?i)(?:mailer-daemon|postmaster|abuse|helpdesk|support)@", match[0]):
                    found[match[0].rstrip(".")] = None
    return list(found)[:20]


def _is_delay(text: str) -> bool:
    words = _before_original(text).lower()
    return any(
        phrase in words
        for phrase in ("will be retried", "still trying", "delayed", "not yet been delivered", "keep trying")
    )


def _status_in(text: str) -> str | None:
    """The enhanced status (RFC 3463) in the words, or what a reply code (RFC 5321 §4.2) says in general."""
    words = _before_original(text)
    status = _STATUS.search(words)
    if status and not status[1].startswith("2"):
        return status[1]
    code = _REPLY_CODE.search(words)
    if not code:
        return None
    return {
        "550": "5.1.1",
        "551": "5.1.6",
        "552": "5.2.2",
        "553": "5.1.3",
        "452": "4.2.2",
        "450": "4.2.0",
    }.get(code[0], f"{code[1]}.0.0")


def _guesses(text: str) -> bool:
    """Whether `_status_in` has no more to go by than a reply code."""
    status = _STATUS.search(_before_original(text))
    return status is None or status[1].startswith("2")


def _diagnostic(text: str, address: str) -> str | None:
    """The line that tells why: one with a reply code, near the address if there is one."""
    lines = [line.strip() for line in _before_original(text).split("\n")[:400]]
    start = next((index for index, line in enumerate(lines) if address.lower() in line.lower()), 0)
    for line in lines[start:] + lines[:start]:
        if _STATUS.search(line) or _REPLY_CODE.search(line):
            return line[:_MAX_DIAGNOSTIC]
    return None


def _envelope_id(contents: Sequence[bytes]) -> str | None:
    """The name under which the mail was handed over (RFC 3464 §2.2.1), where it has the form of a Message-ID: ours is one."""
    for content in contents:
        found = _ENVELOPE_ID.search(content[:_MAX_TEXT])
        if found:
            plain = _HEXCHAR.sub(lambda one: bytes.fromhex(one[1].decode("ascii")), found[1])  # RFC 3461 §4
            match = _MESSAGE_ID_WHOLE.fullmatch(decode(plain))
            return f"<{match[0]}>" if match else None
    return None


def original_message_id(returned: bytes, text: str) -> str | None:
    """The Message-ID of the mail that could not be delivered, from what was returned or from the words."""
    for source in (decode(returned[:_MAX_TEXT]) if returned else "", text[:_MAX_TEXT]):
        match = _MESSAGE_ID.search(source)
        if match:
            return match[1]
    return None
