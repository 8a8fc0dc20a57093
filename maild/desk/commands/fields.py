"""Commands about what a ticket is: its words, tags and fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from maild.desk import fieldvalues, glossary
from maild.desk.belonging import organisation_at
from maild.desk.commands.run import No, Run, nearest, some, unquoted
from maild.desk.rulebook import Word

AUTO: Final = "auto"
"""Gives a chosen impact or priority back to what it follows from."""
_DECLARED = {"type": "types", "category": "categories", "severity": "severities"}
_SCALES = {"impact": "impacts", "urgency": "urgencies"}
_URL = re.compile(r"https?://[^\s<>\"\x00-\x1f\x7f]{3,1990}", re.IGNORECASE)
_WAYS = ("phone", "chat", "visit", "video", "sms", "letter")


def priority(run: Run, argument: str) -> str:
    """#priority 1, or the name that the dictionary gives it; auto: as it follows from impact and urgency."""
    word = some(argument, "1 to 5").lower()
    if word == AUTO:
        run.give_back("priority")
        follows = run.rulebook.words.derived(run.current("impact"), run.current("urgency"))
        run.put("priority", run.rulebook.default_priority if follows is None else follows)
        return "priority follows from impact and urgency"
    names = run.rulebook.words.priorities
    number = int(word) if word in ("1", "2", "3", "4", "5") else glossary.number(names, word)
    if number is None:
        raise No(f"{argument!r} is not 1 to 5 (1 is the most urgent){_near(word, names.values())}")
    run.choose("priority", number)
    return f"priority {_called(number, names)}"


def _near(word: str, words: Iterable[Word]) -> str:
    """The nearest declared word as the end of a sentence, "" when none is near."""
    found = glossary.nearest(words, word)
    return f"; did you mean {found.key}?" if found else ""


def _called(number: int, names: Mapping[int, Word]) -> str:
    return f"{number} ({names[number].key})" if number in names else str(number)


def free_text(name: str) -> Callable[[Run, str], str]:
    """The command that sets this column to any words."""

    def command(run: Run, argument: str) -> str:
        run.put(name, " ".join(some(argument, "words").split())[:500])
        return f"{name} {run.values[name]}"

    return command


def declared(name: str) -> Callable[[Run, str], str]:
    """The command that sets this column to a word of the dictionary, said by key or label; to any word where none is declared."""

    def command(run: Run, argument: str) -> str:
        known: Mapping[str, Word] = getattr(run.rulebook.words, _DECLARED[name])
        word = " ".join(some(argument, "a word").split())[:500]
        if known:
            word = _known(word, known.values())
        run.put(name, word)
        return f"{name} {word}"

    return command


def _known(word: str, words: Iterable[Word]) -> str:
    """The key of the declared word that is said. Raises No with the nearest."""
    words = tuple(words)
    found = glossary.found(words, word)
    if found is None:
        raise No(f"{word!r} is not one of {', '.join(one.key for one in words)}{_near(word, words)}")
    return found.key


def scale(name: str) -> Callable[[Run, str], str]:
    """The command that sets impact or urgency: 1 (high) to 3, or the name that the dictionary gives it."""

    def command(run: Run, argument: str) -> str:
        names: Mapping[int, Word] = getattr(run.rulebook.words, _SCALES[name])
        word = some(argument, "1 to 3").lower()
        if word == AUTO and name == "impact":
            implied = run.rulebook.words.implied(run.current("severity"))
            run.give_back("impact")
            run.put("impact", None if implied is None else str(implied))
            return "impact follows from the severity"
        number = int(word) if word in ("1", "2", "3") else glossary.number(names, word)
        if number is None:
            also = f" or {', '.join(one.key for one in names.values())}" if names else ""
            raise No(f"{argument!r} is not 1 to 3{also} (1 is the highest){_near(word, names.values())}")
        (run.choose if name == "impact" else run.put)(name, str(number))
        return f"{name} {_called(number, names)}"

    return command


def _words_of(argument: str, known: Mapping[str, Word]) -> tuple[str, ...]:
    """The tags that are said: words, or where tags are declared also phrases, with commas between them."""
    said = some(argument, "one tag or more")
    words = [word.strip(",;").lower() for word in said.split()]
    if known:
        phrases = [part.strip() for part in re.split(r"[,;]", said)]
        if all(glossary.found(known.values(), phrase) for phrase in phrases if phrase):
            words = phrases
        words = [_known(word, known.values()) for word in words if word]
    return tuple(dict.fromkeys(word for word in words if word))


def tag(run: Run, argument: str) -> str:
    """#tag a b."""
    words = _words_of(argument, run.rulebook.words.tags)
    run.put("tags", tuple(dict.fromkeys((*run.current("tags"), *words))))
    return "tagged " + ", ".join(words)


def untag(run: Run, argument: str) -> str:
    """#untag a."""
    tags: tuple[str, ...] = run.current("tags")
    declared = run.rulebook.words.tags
    words = _words_of(argument, {key: declared.get(key, Word(key)) for key in tags}) if tags else ()
    if not words:
        raise No("the ticket has no tags")
    run.put("tags", tuple(one for one in tags if one not in words))
    return "no longer tagged " + ", ".join(words)


def custom(run: Run, argument: str) -> str:
    """#field name=value; nothing behind = empties it. The field is named by its key or label."""
    name, equals, said = some(argument, "name=value").partition("=")
    if not equals:
        raise No("needs name=value behind it")
    fields = {key: Word(key, {"": field.label, **field.labels}) for key, field in run.rulebook.fields.items()}
    found = glossary.found(fields.values(), name.strip())
    if found is None:
        raise No(f"there is no field {name.strip()!r}{_near(name, fields.values())}")
    field, said = run.rulebook.fields[found.key], unquoted(said.strip())
    try:
        value = fieldvalues.value(field, said, run.rulebook) if said else None
    except ValueError as wrong:
        raise No(str(wrong)) from None
    run.put(f"field.{field.key}", value)
    return f"{field.label}: {value or 'emptied'}"


def organisation(run: Run, argument: str) -> str:
    """#organisation NAME, one that the files know, for this ticket and for the requester's later ones; #organisation none takes it back."""
    word = some(argument, "a name").lower()
    known = run.rulebook.organisations
    if word == "none":
        theirs = organisation_at(run.requester_key, run.rulebook)
        run.put("organisation", theirs.name if theirs else None)
        run.note(belongs="")
        return f"organisation {theirs.name}, by the address" if theirs else "no organisation"
    found = next((name for name in known if name.lower() == word), None)
    if found is None:
        raise No(f"there is no organisation {argument!r}{nearest(word, known)}")
    run.put("organisation", found)
    run.note(belongs=found)
    return f"organisation {found}, for later tickets too"


def _way(run: Run, argument: str, ways: tuple[str, ...]) -> str:
    word = some(argument, "a way such as phone").lower()
    if word not in ways:
        raise No(f"{argument!r} is not one of {', '.join(ways)}{nearest(word, ways)}")
    return word


def channel(run: Run, argument: str) -> str:
    """#channel phone: by which way the request came; a declared channel or email, or if none is declared one of the usual."""
    declared = glossary.channels(run.rulebook) or {way: Word(way) for way in (*_WAYS, "web")}
    way = _known(some(argument, "a way such as phone"), (Word("email"), *declared.values()))
    run.put("channel", way)
    return f"channel {way}"


def contact(run: Run, argument: str) -> str:
    """#contact phone: the text sums up a talk outside mail, and counts as an answer."""
    named = tuple(name.lower() for name in run.rulebook.channels)
    way = _way(run, argument, tuple(dict.fromkeys((*_WAYS, *named))))
    run.inside("contact")
    run.note(contact=way)
    return f"spoken by {way}: the text stays inside"


def is_url(argument: str) -> bool:
    """Whether this is the address of a page."""
    return argument.lower().startswith(("http:", "https:"))


def page(run: Run, argument: str) -> str:
    """A page outside that belongs to the ticket."""
    url = argument.strip("<>").rstrip(".")
    if not _URL.fullmatch(url):
        raise No(f"{argument!r} is no address of a page")
    run.put("urls", tuple(dict.fromkeys((*run.current("urls"), url))))
    return f"linked to {url}"
