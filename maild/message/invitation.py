"""A calendar object (RFC 5545) as the words one would write instead: what, when, where, who."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FOLD = re.compile(r"\r?\n[ \t]")
_LINE = re.compile(
    r"([A-Za-z0-9-]{1,60}+)((?:;[A-Za-z0-9-]{1,60}+=(?:\"[^\"\n]*+\"|[^\";:,\n]*+)(?:,(?:\"[^\"\n]*+\"|[^\";:,\n]*+))*)*):(.*)",
    re.DOTALL,
)
_PARAMETER = re.compile(r";([A-Za-z0-9-]{1,60}+)=(\"[^\"\n]*+\"|[^\";:\n]*+)")
_ESCAPED = re.compile(r"\\([\\;,nN])")
_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z)?)?")
_MAX_LINES = 5000
_MAX_LINE = 20_000
_MAX_EVENTS = 20
_MAX_PEOPLE = 50
_MAX_TEXT = 20_000
_METHODS = {
    "REQUEST": "Invitation",
    "CANCEL": "Cancelled",
    "REPLY": "Answer to an invitation",
    "COUNTER": "Proposal of another time",
}
_ANSWERS = {
    "ACCEPTED": "accepted",
    "DECLINED": "declined",
    "TENTATIVE": "tentative",
    "DELEGATED": "delegated",
}


@dataclass(slots=True)
class _Value:
    parameters: dict[str, str]
    text: str


@dataclass(slots=True)
class _Event:
    values: dict[str, list[_Value]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        return self.values[name][0].text if name in self.values else ""


def readable(source: str) -> str:
    """The events and tasks of a calendar in words; "" when it has none."""
    method, events = _read(source)
    return "\n\n".join(filter(None, (_said(event, method) for event in events)))[:_MAX_TEXT]


def _read(source: str) -> tuple[str, list[_Event]]:
    """(METHOD, the events); alarms and time zones inside are passed over."""
    method = ""
    events: list[_Event] = []
    open_: list[str] = []
    for line in re.split(r"\r?\n", _FOLD.sub("", source))[:_MAX_LINES]:
        match = _LINE.fullmatch(line[:_MAX_LINE])
        if match is None:
            continue
        name, parameters, text = match[1].upper(), match[2], match[3]
        inside = open_[-1] if open_ else ""
        if name == "BEGIN":
            open_.append(text.strip().upper())
            if open_[-1] in ("VEVENT", "VTODO") and len(events) < _MAX_EVENTS:
                events.append(_Event())
        elif name == "END":
            open_ = open_[:-1]
        elif name == "METHOD":
            method = text.strip().upper()
        elif inside in ("VEVENT", "VTODO") and events:
            found = {key.upper(): value.strip('"') for key, value in _PARAMETER.findall(parameters)}
            said = _ESCAPED.sub(lambda one: "\n" if one[1] in "nN" else one[1], text).strip()
            events[-1].values.setdefault(name, []).append(_Value(found, said))
    return method, events


def _said(event: _Event, method: str) -> str:
    lines = []
    what = " ".join(event.first("SUMMARY").split())
    kind = _METHODS.get(method, "")
    if event.first("STATUS").upper() == "CANCELLED":
        kind = _METHODS["CANCEL"]
    if what or kind:
        lines.append(f"{kind}: {what}" if kind and what else kind or what)
    when = _when(event)
    if when:
        lines.append(f"When: {when}")
    if event.first("RRULE"):
        lines.append(f"Repeats: {event.first('RRULE')}")
    if event.first("LOCATION"):
        lines.append(f"Where: {' '.join(event.first('LOCATION').split())}")
    if "ORGANIZER" in event.values:
        lines.append(f"Organizer: {_person(event.values['ORGANIZER'][0])}")
    people = [_person(one) for one in event.values.get("ATTENDEE", ())[:_MAX_PEOPLE]]
    if people:
        lines.append(f"Who: {', '.join(people)}")
    if event.first("COMMENT"):
        lines.append(event.first("COMMENT"))
    if event.first("DESCRIPTION"):
        lines += ["", event.first("DESCRIPTION")]
    return "\n".join(lines)


def _person(one: _Value) -> str:
    address = one.text[7:] if one.text[:7].lower() == "mailto:" else one.text
    name = one.parameters.get("CN", "")
    said = f"{name} <{address}>" if name and name != address else address
    answer = _ANSWERS.get(one.parameters.get("PARTSTAT", "").upper())
    return f"{said} ({answer})" if answer else said


def _when(event: _Event) -> str:
    starts = event.values.get("DTSTART") or event.values.get("DUE")
    if not starts:
        return ""
    day, time, zone = _moment(starts[0])
    ends = event.values.get("DTEND") or event.values.get("DUE")
    last_day, last_time, last_zone = _moment(ends[0]) if ends else ("", "", "")
    if not last_day:
        return " ".join(filter(None, (day, time, zone)))
    # The end of whole days is the day after (RFC 5545 §3.6.1): only said when it is another one by the clock.
    if not time:
        return day
    until = (
        last_time
        if (last_day, last_zone) == (day, zone)
        else f"{last_day} {last_time} {last_zone if last_zone != zone else ''}".strip()
    )
    return " ".join(filter(None, (f"{day} {time} – {until}", zone)))


def _moment(value: _Value) -> tuple[str, str, str]:
    """(day, time, zone) as words; the text itself as the day when it is no moment."""
    match = _MOMENT.match(value.text.strip())
    if match is None:
        return value.text.strip(), "", ""
    day = f"{match[1]}-{match[2]}-{match[3]}"
    time = f"{match[4]}:{match[5]}" if match[4] else ""
    return (
        day,
        time,
        "(UTC)" if match[6] else f"({value.parameters['TZID']})" if "TZID" in value.parameters else "",
    )
