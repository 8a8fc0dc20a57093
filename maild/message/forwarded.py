"""A forwarded mail: who wrote the original, when, about what, and its text, as mail programs put it into the text of the new one."""

from __future__ import annotations

import re

import re2

from maild.desk.facts import Address, Forwarded
from maild.message import addresses, phrases

_MARK = re.compile(phrases.FORWARDED, re.IGNORECASE)
_ANYWHERE = re2.compile(rf"(?im)^[> \t]{{0,20}}(?:{phrases.FORWARDED})")
_ORIGINAL = re.compile(phrases.ORIGINAL, re.IGNORECASE)
_FIRST = re.compile(rf"\s{{0,3}}[*_]{{0,2}}\s?(?:{phrases.FROM})\s?[*_]{{0,2}}\s?[:：]", re.IGNORECASE)
_LABELLED = re.compile(r"\s{0,3}[*_]{0,2}\s?([^\n:：<>@]{1,30}?)\s?[*_]{0,2}\s?[:：]\s?[*_]{0,2}\s?(.*)")
_QUOTE = re.compile(r"[ \t]{0,3}> ?")
_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{1,60}\]\s*)?(?:fwd?|wg|tr|rv|i|enc|vs|vb|vl|pd|doorst|fs|továbbítás|προώθ|на пересылку|пересл|fwd?\s?\[\d\]|轉寄|转发|轉發|転送|전달)\s?[:：]",
    re.IGNORECASE,
)
_FROM = frozenset(phrases.FROM.split("|"))
_DATE = frozenset(
    [
        "sent",
        "date",
        "gesendet",
        "datum",
        "envoyé",
        "envoye",
        "date d'envoi",
        "enviado",
        "enviado el",
        "enviado em",
        "enviada em",
        "fecha",
        "data",
        "inviato",
        "verzonden",
        "skickat",
        "sendt",
        "dato",
        "wysłano",
        "wysłane",
        "отправлено",
        "дата",
        "lähetetty",
        "päivämäärä",
        "tarih",
        "gönderildi",
        "发送时间",
        "日期",
        "傳送時間",
        "送信日時",
        "日付",
        "보낸 날짜",
        "날짜",
        "odesláno",
        "küldve",
    ]
)
_ABOUT = frozenset(
    [
        "subject",
        "betreff",
        "objet",
        "asunto",
        "assunto",
        "oggetto",
        "onderwerp",
        "ämne",
        "emne",
        "temat",
        "тема",
        "aihe",
        "konu",
        "主题",
        "主旨",
        "件名",
        "제목",
        "předmět",
        "tárgy",
        "subiect",
    ]
)
_MAX_LINES = 400
_MAX_FIELDS = 14
_LINE = 600


def is_forward(subject: str) -> bool:
    """Whether the subject says that a mail is passed on, as mail programs write it in the main languages."""
    return bool(_SUBJECT.match(subject))


def find(text: str, subject: str) -> Forwarded | None:
    """The original of a forwarded mail; None when there is none.

    A line that announces it is enough, as is a header block when the subject says that something is forwarded, or when nothing else
    stands above it.
    """
    lines = text.split("\n")
    announced = is_forward(subject)
    if not announced and not _ANYWHERE.search(text) and not _FIRST.match(text.lstrip("\n >")[:_LINE]):
        return None
    words = False
    for index, line in enumerate(lines[:_MAX_LINES]):
        shown = _QUOTE.sub("", line[:_LINE])
        if not shown.strip():
            continue
        marked = bool(_MARK.match(shown)) or (announced and bool(_ORIGINAL.match(shown)))
        if marked or ((announced or not words) and _FIRST.match(shown)):
            found = _original(lines, index + marked)
            if found:
                return found
        words = True
    return None


def _original(lines: list[str], start: int) -> Forwarded | None:
    """The header block that begins at `start`, blank lines before it aside, and the text below it."""
    while start < len(lines) and not _QUOTE.sub("", lines[start]).strip():
        start += 1
    sender: Address | None = None
    date = subject = ""
    fields = 0
    last = ""
    index = start
    while index < len(lines) and index - start < _MAX_FIELDS:
        shown = _QUOTE.sub("", lines[index][:_LINE])
        if not shown.strip():
            # Apple Mail and plain-text converters leave blank lines between the fields.
            if fields and not (index + 1 < len(lines) and _is_field(lines[index + 1])):
                break
            index += 1
            continue
        match = _LABELLED.match(shown)
        label = match[1].strip().lower() if match else ""
        known = (
            label in _FROM or label in _DATE or label in _ABOUT or bool(re.fullmatch(phrases.HEADER, label))
        )
        if match and known:
            fields += 1
            value = match[2].strip()
            if label in _FROM and sender is None:
                sender, last = _sender(value), ""
            elif label in _ABOUT and not subject:
                subject, last = value, "subject"
            elif label in _DATE and not date:
                date, last = value, ""
            else:
                last = ""
        elif last == "subject" and shown.startswith((" ", "\t")):
            subject = f"{subject} {shown.strip()}"
        elif not fields or not match:
            break
        index += 1
    if fields < 2 or not (sender or subject):
        return None
    body = "\n".join(_QUOTE.sub("", line) for line in lines[index:])
    return Forwarded(sender, subject, date, body.strip("\n \t"))


def _is_field(line: str) -> bool:
    match = _LABELLED.match(_QUOTE.sub("", line[:_LINE]))
    return match is not None and bool(re.fullmatch(phrases.HEADER, match[1].strip().lower()))


def _sender(value: str) -> Address | None:
    """The mailbox of a From line as shown: `Name <a@b>`, `Name [mailto:a@b]`, `a@b`, or a name alone."""
    value = re.sub(r"\[(?:mailto:|SMTP:)?\s?([^\]\s]+@[^\]\s]+)\]", r"<\1>", value, flags=re.IGNORECASE)
    value = re.sub(r"(<[^<>]{3,320}>)\s?<(?:mailto:)?[^<>]{3,320}>", r"\1", value).replace("*", "")
    value = re.split(r"(?i)\s(?:on behalf of|im auftrag von|de la part de|en nombre de)\s", value)[-1]
    found = addresses.read([value]).addresses
    if found:
        return found[0]
    return Address(addresses.display_name(value), "") if value.strip() else None
