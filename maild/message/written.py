"""Moments as people's mail programs write them into text: "Mo., 16. Nov. 2026 um 09:00 Uhr", "11/16/2026 9:00 AM", "2026年11月16日 9:00"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime

_MONTHS = (
    "january january jan januar januari janvier janv enero ene gennaio gen janeiro styczeń stycznia sty январь января янв tammikuu tammikuuta leden ledna ocak oca ianuarie január janu січень січня "
    "ιανουαρίου ιαν siječnja gener",
    "february feb feber februar februari février fevrier févr fév febrero febbraio fevereiro fev luty lutego lut февраль февраля фев февр helmikuu helmikuuta únor února şubat şub februarie február "
    "лютий лютого φεβρουαρίου φεβ veljače febrer",
    "march mar märz maerz mär mrz maart mrt mars marzo março marzec marca март марта мар maaliskuu maaliskuuta březen března mart martie március márc березень березня μαρτίου μαρ ožujka març",
    "april apr avril avr abril abr aprile kwiecień kwietnia kwi апрель апреля апр huhtikuu huhtikuuta duben dubna nisan nis aprilie április ápr квітень квітня απριλίου απρ travnja",
    "may mai mei mayo maggio mag maio maj maja май мая toukokuu toukokuuta květen května mayıs mayis május máj травень травня μαΐου μαι svibnja maig",
    "june jun juni juin junio giugno giu junho czerwiec czerwca cze июнь июня июн kesäkuu kesäkuuta červen června haziran haz iunie június jún червень червня ιουνίου ιουν lipnja juny",
    "july jul juli juillet juil julio luglio lug julho lipiec lipca lip июль июля июл heinäkuu heinäkuuta červenec července temmuz tem iulie július júl липень липня ιουλίου ιουλ srpnja juliol",
    "august aug août aout agosto ago augustus augusti sierpień sierpnia sie август августа авг elokuu elokuuta srpen srpna ağustos ağu augusztus серпень серпня αυγούστου αυγ kolovoza agost",
    "september sep sept septembre septiembre settembre set setembro wrzesień września wrz сентябрь сентября сен сент syyskuu syyskuuta září zari eylül eyl septembrie szeptember szept вересень вересня "
    "σεπτεμβρίου σεπ rujna setembre",
    "october oct okt oktober octobre octubre ottobre ott outubro out październik października paź октябрь октября окт lokakuu lokakuuta říjen října ekim eki octombrie október жовтень жовтня "
    "οκτωβρίου οκτ octubre",
    "november nov novembre noviembre novembro listopad listopada listopadu lis ноябрь ноября ноя нояб marraskuu marraskuuta kasım kas noiembrie листопад листопада νοεμβρίου νοε studenog novembre",
    "december dec dez dezember dic déc décembre decembre diciembre dicembre dezembro grudzień grudnia gru декабрь декабря дек joulukuu joulukuuta prosinec prosince aralık ara decembrie грудень "
    "грудня δεκεμβρίου δεκ prosinca desember des desembre",
)
_NUMBER = {word: number for number, words in reversed(list(enumerate(_MONTHS, 1))) for word in words.split()}
_WORD = r"([^\W\d_]{3,14})"
_DAY = r"(\d{1,2})(?:st|nd|rd|th|er|º|ª|°)?"
_OF = r"\s*(?:de\s+|del\s+|di\s+|d['’])?"
_CLOCK = re.compile(
    r"(上午|下午|오전|오후|午前|午後|ÖÖ|ÖS)?\s*\b(\d{1,2})\s?[:.hH時点]\s?(\d{2})(?:\s?[:.分]\s?(\d{2}))?(?:\s*([ap])\.?\s?m\b\.?)?",
    re.IGNORECASE,
)
_PM = frozenset(("下午", "오후", "午後", "ös", "p"))
_AM = frozenset(("上午", "오전", "午前", "öö", "a"))
_NAMED = (
    (re.compile(rf"{_DAY}\.?{_OF}{_WORD}\.?,?{_OF}(\d{{4}})\b", re.IGNORECASE), (3, 2, 1)),
    (re.compile(rf"{_WORD}\.?\s+{_DAY},?\s+(\d{{4}})\b", re.IGNORECASE), (3, 1, 2)),
    (re.compile(rf"\b(\d{{4}})\.?\s+{_WORD}\.?\s+{_DAY}", re.IGNORECASE), (1, 2, 3)),
)
_YEAR_FIRST = re.compile(r"\b(\d{4})\s?[-/.年년]\s?(\d{1,2})\s?[-/.月월]\s?(\d{1,2})")
_YEAR_LAST = re.compile(r"\b(\d{1,2})\s?([-/.])\s?(\d{1,2})\s?[-/.]\s?(\d{4}|\d{2})\b")
_OFFSET = re.compile(r"(?:\b(?:gmt|utc)\s?)?([+-])(\d{1,2}):?(\d{2})?\b", re.IGNORECASE)
_ZONES = {
    "utc": 0, "gmt": 0, "z": 0, "bst": 1, "wet": 0, "west": 1, "cet": 1, "mez": 1, "cest": 2, "mesz": 2, "eet": 2, "eest": 3, "msk": 3, "мск": 3,
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "jst": 9, "kst": 9, "aest": 10, "aedt": 11,
}  # fmt: skip
_LONGEST = 200


def moment(text: str, zone: tzinfo | None = None) -> datetime | None:
    """The moment a written date means, in UTC; None when it has no date and time of day, or none that can be understood.

    `zone`: where it was written, for a date that names no zone (UTC when not known). Of `3/4/2026` the first number is the month where
    the time says AM or PM, else the day.
    """
    text = " ".join(text[:_LONGEST].replace("\u202f", " ").replace("\xa0", " ").split())
    try:
        return _standard(text) or _read(text, zone or UTC)
    except (ValueError, OverflowError):
        return None


def _standard(text: str) -> datetime | None:
    """A date as RFC 5322 §3.3 has it, or RFC 3339."""
    try:
        found = (
            parsedate_to_datetime(text) if re.search(r"[+-]\d{4}\b", text) else datetime.fromisoformat(text)
        )
    except (ValueError, TypeError, IndexError):
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def _read(text: str, zone: tzinfo) -> datetime | None:
    day = _day(text)
    if day is None:
        return None
    (year, month, number), rest = day
    clock = _CLOCK.search(rest)
    if clock is None:
        return None
    hour = int(clock[2])
    half = (clock[5] or clock[1] or "").lower()
    if half in _PM and hour < 12:
        hour += 12
    elif half in _AM and hour == 12:
        hour = 0
    found = datetime(year, month, number, hour, int(clock[3]), int(clock[4] or 0))  # noqa: DTZ001 - its zone is next
    return found.replace(tzinfo=_zone(rest[clock.end() :]) or zone).astimezone(UTC)


def _day(text: str) -> tuple[tuple[int, int, int], str] | None:
    """((year, month, day), the text without it)."""
    for pattern, (year, month, day) in _NAMED:
        for match in pattern.finditer(text):
            number = _month(match[month])
            if number:
                return (
                    int(match[year]),
                    number,
                    int(match[day]),
                ), f"{text[: match.start()]} {text[match.end() :]}"
    first = _YEAR_FIRST.search(text)
    if first:
        return (int(first[1]), int(first[2]), int(first[3])), text[first.end() :]
    last = _YEAR_LAST.search(text)
    if last is None:
        return None
    day, month, year = int(last[1]), int(last[3]), int(last[4])
    rest = f"{text[: last.start()]} {text[last.end() :]}"
    clock = _CLOCK.search(rest)
    american = last[2] == "/" and clock is not None and bool(clock[5])
    if (american or month > 12) and day <= 12:
        day, month = month, day
    return (year + 2000 if year < 100 else year, month, day), rest


def _month(word: str) -> int | None:
    return _NUMBER.get(word.lower())


def _zone(text: str) -> tzinfo | None:
    """The zone named right behind the time of day, as an offset or by one of the usual letters; None when there is none."""
    offset = _OFFSET.search(text)
    if offset:
        size = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(-size if offset[1] == "-" else size)
    for word in re.findall(r"[^\W\d_]{1,5}", text.lower())[:6]:
        if word in _ZONES:
            return timezone(timedelta(hours=_ZONES[word]))
    return None
