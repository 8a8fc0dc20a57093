"""What an answer says to numbered questions: under their numbers, or under the questions themselves, quoted or not.

Lines are read once, in order. A line is a quoted or copied question, a number that was asked, something the desk itself wrote, a quote, or
words; words belong to the question above them. What cannot be told apart is left for people to read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from maild.desk.folding import fold
from maild.desk.requests import read

LINES_MAX: Final = 2000
TEXT_MAX: Final = 50_000
ALONE_MAX: Final = 300
_WRAPPED: Final = 4
"""A question stands on at most so many lines."""
_FEW: Final = 3
_SHORT: Final = 4
"""Letters of the abbreviation of a month."""
_PHRASE: Final = 5
"""Words in a row that show that a line is the desk's own; shorter ones must be a whole line of it, or begin one."""
_QUOTE = re.compile(r"((?:[ \t]{0,3}[>|])+)[ \t]?")
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(
    r"""(?P<indent>[ \t]*(?:[-•–][ \t]+)?)[*_]{0,2}
    (?:
      (?:question|answer|pregunta|respuesta|frage|antwort|reponse|vraag|antwoord|domanda|risposta|pergunta|resposta)
      [ ]?\#?(?P<named>\d{1,2})(?:\.?[):]|\.|[ ]?[-–—](?=\s)|(?=\s|$))
    | (?:re|ad|zu|q|a|nr|no|n[º°]|point|punkt|punto|ponto|punt|num)\.?[ ]?\#?(?P<short>\d{1,2})(?:\.?[):]|\.|[ ]?[-–—](?=\s)|$)
    | [qa](?P<letter>\d{1,2})(?=\s)
    | \#(?P<hash>\d{1,2})(?:\.?[):]|\.|(?=\s|$))
    | \((?P<round>\d{1,2})\)[.:]?
    | (?P<plain>\d{1,2})(?:\.?[):）：]|[.．、]|[/°º](?=\s)|[°º][.)]|[ ][-–—](?=\s))
    )[-–—]?[*_]{0,2}(?!\d)[ \t]*""",
    re.IGNORECASE | re.VERBOSE,
)
_GROUPS: Final = ("named", "short", "letter", "hash", "round", "plain")
_INSIDE = re.compile(r"(?<=\s)\(?#?(\d{1,2})[.):](?=\s)")
_MONTHS = re.compile(
    r"""
    january|february|march|april|may|june|july|august|september|october|november|december|enero|febrero
    |marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre|januar|februar|marz
    |mai|juni|juli|oktober|dezember|janvier|fevrier|mars|avril|juin|juillet|aout|septembre|octobre|novembre
    |decembre|janeiro|fevereiro|marco|maio|junho|julho|setembro|outubro|novembro|dezembro|januari|februari
    |maart|mei|augustus|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|jan|feb|mar
    |apr|jun|jul|aug|sep|sept|oct|nov|dec
    """,
    re.VERBOSE,
)
_COUNTED = re.compile(
    r"""
    version|versie|versione|versao|v|windows|android|ios|release|build|step|paso|page|pagina
    """,
    re.VERBOSE,
)
"""After these a number counts something else than a question."""
_THANKS = re.compile(
    r"""
    thanks|thank|you|very|much|many|so|a|lot|ok|okay|great|perfect|good|fine|yes|no|and|regards|best|kind
    |hello|hi|hola|gracias|muchas|mil|de|acuerdo|vale|perfecto|muy|bien|buenos|dias|saludos|un|saludo|danke
    |vielen|dank|besten|herzlichen|schon|ja|nein|alles|klar|gut|prima|hallo|guten|tag|mit|freundlichen|grussen|gruss
    |merci|beaucoup|bonjour|oui|non|parfait|tres|d|accord|cordialement|bien|a|vous
    |obrigado|obrigada|muito|ola|bom|dia|sim|nao|perfeito|otimo|cumprimentos
    |bedankt|je|u|wel|hartelijk|alvast|nee|goed|goedendag|met|vriendelijke|groet|groeten
    |grazie|mille|tante|molte|si|va|bene|perfetto|buongiorno|ciao|cordiali|saluti
    """,
    re.VERBOSE,
)
_ELSE = re.compile(
    r"""
    (?:please|thanks|thank|sorry|por\ favor|gracias|muchas\ gracias|bitte|danke|vielen|s'il\ (?:vous|te)|veuillez|merci|obrigad[oa]|muito\ obrigad[oa]
      |alstublieft|graag|bedankt|dank|per\ favore|grazie)\b.*
    |.*\b(?:close\ (?:it|this|the|my)|(?:works?|working)\ (?:again|now|fine)|(?:is|was|been|problem)\ (?:solved|fixed|resolved)|not\ needed\ any\ ?more|never\ mind
      |ya\ (?:funciona|esta\ resuelto|no\ hace\ falta)|(?:geht|lauft|funktioniert)\ (?:jetzt|wieder|nun)|(?:hat\ sich|ist)\ (?:erledigt|gelost)
      |(?:marche|fonctionne)\ (?:a\ nouveau|de\ nouveau|maintenant)|ja\ (?:funciona|esta\ resolvido)|werkt\ (?:weer|nu)|(?:is|het)\ opgelost|funziona\ (?:di\ nuovo|ora)|(?:e|stato)\ risolto)\b.*
    """,
    re.VERBOSE | re.DOTALL,
)
"""What a text says that is not about the question: thanks and requests at its beginning, that it works again."""
_CLOSING = re.compile(
    r"(?:(?:best|kind|kindest|warm|many|with|yours|un|muchas|muito|atenciosos|mit|viele|liebe|beste|freundlichen|herzlichen|met|vriendelijke|cordiali|distinti)\s)*"
    r"(?:regards|wishes|thanks|thank you|cheers|sincerely|truly|faithfully|saludos?|gracias|atentamente|cordialmente|grussen?|gruess?en?|gruesse|danke?|dank|"
    r"cordialement|merci|bien a vous|cumprimentos|obrigad[oa]|atenciosamente|groet(?:en|jes)?|bedankt|saluti|grazie|mfg|lg|br)\b[^.?]{0,40}"
)
_CLOSING_LINES: Final = 5


@dataclass(slots=True)
class _Line:
    """`core` without its quote marks; `words`: folded, with where each ends in `core`."""

    quoted: bool
    core: str
    words: list[tuple[str, int]]


@dataclass(slots=True)
class _Answer:
    """`alone`: it stands between questions, so that it can only be meant for the one above."""

    lines: list[str]
    alone: bool = True


@dataclass(slots=True)
class _Scan:
    """The state of one reading. `current`: the number whose answer is being read; `inside`: its question stands in a quote; `last`: the last that
    was answered by number, at `indent`. `bare`: numbers alone count."""

    asked: Mapping[int, tuple[tuple[str, ...], ...]]
    ours: _Ours
    bare: bool
    answers: dict[int, _Answer] = field(default_factory=dict)
    current: int | None = None
    inside: bool = False
    last: int = 0
    indent: int = 0


@dataclass(frozen=True, slots=True)
class _Ours:
    """What the desk wrote itself: all its words in a row, and its lines."""

    words: str
    lines: frozenset[str]

    def holds(self, line: _Line) -> bool:
        said = " ".join(word for word, _ in line.words)
        if not said:
            return False
        if said in self.lines or (len(line.words) >= _PHRASE and f" {said} " in self.words):
            return True
        return len(line.words) >= _FEW and any(one.startswith(f"{said} ") for one in self.lines)


def answers(
    text: str,
    asked: Mapping[int, Collection[str]],
    ours: Collection[str] = (),
    *,
    names: Collection[str] = (),
    bare: bool = True,
    copied: bool = True,
) -> dict[int, str]:
    """What the text answers to each question, as written and without blank lines around; only those with an answer.

    `asked`: by number the texts of the question, in every language. `ours`: mails of the desk that may stand in the text without quote
    marks; nothing of them is an answer, and what stands in a quote below a question and is not of them was written there. `bare`: a number
    alone begins an answer (`1. …`, `(1) …`, `#1 …`, `Re 1: …`); it must be one that was asked, at the start of a line at first, and not smaller
    than the one before unless each stands once, with its answer. `copied`: questions count without quote marks too. `names`: of the
    writer, which with a greeting or without may stand below the last answer and are no part of it.
    """
    scan = _Scan({number: _all_words(texts) for number, texts in asked.items()}, _ours(ours), bare)
    lines = _lines(text)
    starts = _starts(lines, scan) if bare else []
    single, mixed = len(starts) == 1, _mixed(starts)
    at = 0
    while at < len(lines):
        line = lines[at]
        found = _question(lines, at, scan) if copied or line.quoted else None
        if found is not None:
            number, size, rest = found
            _begin(scan, number, rest, inside=line.quoted)
            at += size
            continue
        if scan.ours.holds(line) or (line.quoted and line.words and not (scan.inside and ours)):
            _end(scan)
        elif (line.quoted and not scan.inside) or (
            bare and _numbered(scan, line, single=single, mixed=mixed)
        ):
            pass
        elif scan.current is not None:
            scan.answers[scan.current].lines.append(line.core)
        at += 1
    return _told(scan, names)


def own_words(text: str, asked: Mapping[int, Collection[str]], ours: Collection[str] = ()) -> str:
    """The text without quoted lines, copies of the questions, and what else the desk wrote."""
    scan = _Scan({number: _all_words(texts) for number, texts in asked.items()}, _ours(ours), bare=False)
    lines, kept, at = _lines(text), list[str](), 0
    while at < len(lines):
        found = _question(lines, at, scan)
        if found is not None:
            kept.append(found[2])
            at += found[1]
            continue
        if not lines[at].quoted and not scan.ours.holds(lines[at]):
            kept.append(lines[at].core)
        at += 1
    return "\n".join(kept).strip()


def numbers(text: str) -> bool:
    """Whether a line of the text begins with a number, as answers and questions do."""
    return any(_NUMBER.match(line) for line in text[:TEXT_MAX].split("\n"))


def alone(text: str) -> str | None:
    """A text that may be the answer to the only question that is open: one paragraph of at most `ALONE_MAX` characters without a quote,
    which does not ask, thank, greet, or say that all is well. None: it may be anything."""
    said = text.strip()
    if not said or len(said) > ALONE_MAX or "\n\n" in said or "?" in said or "？" in said:
        return None
    if any(_QUOTE.match(line) for line in said.split("\n")) or read(said) is not None:
        return None
    words = [fold(word[0]) for word in _WORD.finditer(said)]
    return None if all(map(_THANKS.fullmatch, words)) or _ELSE.fullmatch(fold(said)) else said


def _lines(text: str) -> list[_Line]:
    found = []
    for raw in unicodedata.normalize("NFC", text[:TEXT_MAX]).split("\n")[:LINES_MAX]:
        mark = _QUOTE.match(raw)
        core = (raw[mark.end() :] if mark else raw).rstrip()
        found.append(_Line(mark is not None, core, _words(core)))
    return found


def _words(text: str) -> list[tuple[str, int]]:
    return [(fold(found[0]), found.end()) for found in _WORD.finditer(text)]


def _all_words(texts: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The words of a question in each language, the longest first: one may begin like another."""
    every = {tuple(word for word, _ in _words(unicodedata.normalize("NFC", text))) for text in texts}
    return tuple(sorted((words for words in every if words), key=len, reverse=True))


def _ours(texts: Iterable[str]) -> _Ours:
    lines = [
        " ".join(word for word, _ in _words(line))
        for text in texts
        for line in unicodedata.normalize("NFC", text).split("\n")
    ]
    return _Ours(f" {' '.join(lines)} ", frozenset(filter(None, lines)))


def _question(lines: Sequence[_Line], at: int, scan: _Scan) -> tuple[int, int, str] | None:
    """The question that stands here: its number, how many lines it takes, and what follows it on the last of them."""
    for number, texts in scan.asked.items():
        for words in texts:
            found = _stands(lines, at, number, words)
            if found is not None:
                return number, *found
    return None


def _stands(lines: Sequence[_Line], at: int, number: int, wanted: Sequence[str]) -> tuple[int, str] | None:
    """Whether a question stands here, perhaps behind its number and wrapped. A short one needs its number, or a sign behind it."""
    line, found = lines[at], 0
    numbered = bool(line.words) and line.words[0][0] == str(number)
    skip = 1 if numbered and wanted[0] != str(number) else 0
    for size in range(1, _WRAPPED + 1):
        if at + size > len(lines) or not line.words:
            return None
        line = lines[at + size - 1]
        if line.quoted is not lines[at].quoted:
            return None
        for index in range(skip, len(line.words)):
            word, end = line.words[index]
            if word != wanted[found]:
                return None
            found += 1
            if found == len(wanted):
                behind = line.core[end:]
                sure = numbered or len(wanted) >= _FEW or behind[:1] in tuple("?:.!？：")
                return (size, behind.lstrip(" \t?:.!…。？：！*_")) if sure else None
        skip = 0
    return None


def _begin(scan: _Scan, number: int, rest: str, *, inside: bool) -> None:
    """A question stands here. Words below several questions that stand together may be meant for any of them."""
    before = scan.answers.get(scan.current) if scan.current is not None else None
    together = before is not None and not any(line.strip() for line in before.lines)
    _end(scan)
    scan.current, scan.inside = number, inside
    scan.answers.setdefault(number, _Answer([], alone=not together)).lines.append(rest)


def _end(scan: _Scan) -> None:
    """More of our mail follows, so that words above it stand where they were meant to."""
    answer = scan.answers.get(scan.current) if scan.current is not None else None
    if answer is not None and any(line.strip() for line in answer.lines):
        answer.alone = True
    scan.current, scan.inside = None, False


def _numbered(scan: _Scan, line: _Line, *, single: bool, mixed: bool) -> bool:
    """Whether the line begins the answer to a question by its number; then it is kept."""
    found = None if line.quoted else _NUMBER.match(line.core)
    if found is None:
        return False
    number = _number(found)
    rest, indent = line.core[found.end() :], len(found["indent"].expandtabs())
    dated = found["plain"] is not None and not 0 < scan.last == number - 1 and _dated(rest)
    deeper = scan.last > 0 and indent >= scan.indent + 2
    if number not in scan.asked or (number <= scan.last and not mixed) or dated or deeper:
        return False
    if scan.last == 0:
        scan.indent = indent
    for one, said in _split(number, rest, scan) if single else ((number, rest),):
        scan.current = scan.last = one
        scan.inside = False
        scan.answers.setdefault(one, _Answer([])).lines.append(said)
    return True


def _dated(rest: str) -> bool:
    """Whether a month begins the text; of a short one, which may be a name, only with a number or nothing behind it."""
    words = [word for word, _ in _words(rest[:80])]
    if not words or not _MONTHS.fullmatch(words[0]):
        return False
    return (
        len(words[0]) > _SHORT or words[0] in ("may", "mai", "mei") or len(words) == 1 or words[1].isdigit()
    )


def _number(found: re.Match[str]) -> int:
    return int(next(filter(None, map(found.__getitem__, _GROUPS))))


def _starts(lines: Iterable[_Line], scan: _Scan) -> list[tuple[int, int, str]]:
    """The numbers that were asked and with which lines begin: each with its indent and what follows it."""
    found = (_NUMBER.match(line.core) for line in lines if not line.quoted)
    starts = (
        (_number(one), len(one["indent"].expandtabs()), one.string[one.end() :]) for one in found if one
    )
    return [start for start in starts if start[0] in scan.asked]


def _mixed(starts: Sequence[tuple[int, int, str]]) -> bool:
    """Whether the numbers are no list inside an answer, whatever their order: each stands once, at the start, with its answer behind it."""
    numbers = {number for number, _, _ in starts}
    plain = all(indent == starts[0][1] and _words(rest) and not rest.rstrip().endswith(":") for _, indent, rest in starts)  # fmt: skip
    return len(numbers) == len(starts) and plain


def _split(number: int, rest: str, scan: _Scan) -> list[tuple[int, str]]:
    """`printing 2. nothing` after 1 as the answers to 1 and 2."""
    found, start = [], 0
    for mark in _INSIDE.finditer(rest):
        following, before = int(mark[1]), rest[start : mark.start()].rstrip()
        counted = _COUNTED.fullmatch(fold(before).rpartition(" ")[2])
        if following <= number or following not in scan.asked or not _words(before) or counted:
            continue
        found.append((number, rest[start : mark.start()].rstrip(" ,;/")))
        number, start = following, mark.end()
    return [*found, (number, rest[start:].strip())]


def _told(scan: _Scan, names: Collection[str]) -> dict[int, str]:
    """The answers with words in them. One below several questions counts when others show that each is answered where it stands."""
    said = {number: _without_closing(answer.lines, names) for number, answer in scan.answers.items()}
    sure = any(said[number] and answer.alone for number, answer in scan.answers.items())
    return {
        number: said[number]
        for number, answer in sorted(scan.answers.items())
        if any(char.isalnum() for char in said[number]) and (answer.alone or sure)
    }


def _without_closing(lines: Sequence[str], names: Collection[str]) -> str:
    """The lines as one text without blank ones around, and without the greeting and the name that close a mail."""
    kept, known = list(lines), {word for name in names for word, _ in _words(name)}
    while kept and (not kept[-1].strip() or _named(kept[-1], known)):
        kept.pop()
    for at in range(max(0, len(kept) - _CLOSING_LINES), len(kept)):
        if _CLOSING.fullmatch(fold(kept[at]).strip(" ,.!")):
            kept = kept[:at]
            break
    return "\n".join(kept).strip()


def _named(line: str, known: Collection[str]) -> bool:
    words = _words(line)
    return bool(words) and all(word in known for word, _ in words)
