"""Commands about what a ticket is: its words, tags and fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from maild.desk.commands.run import No, Run, nearest, some, unquoted

_DECLARED = {"type": "types", "category": "categories", "severity": "severities"}
_SCALES = {"impact": "impacts", "urgency": "urgencies"}
_URL = re.compile(r"https?://[^\s<>\"\x00-\x1f\x7f]{3,1990}", re.IGNORECASE)
_WAYS = ("phone", "chat", "visit", "video", "sms", "letter")


def priority(run: Run, argument: str) -> str:
    """#priority 1, or the name that the dictionary gives it."""
    word = some(argument, "1 to 5").lower()
    names = {name.lower(): number for number, name in run.rulebook.words.priorities.items()}
    number = int(word) if word in ("1", "2", "3", "4", "5") else names.get(word)
    if number is None:
        raise No(f"{argument!r} is not 1 to 5 (1 is the most urgent){nearest(word, names)}")
    run.put("priority", number)
    return f"priority {number}"


def free_text(name: str) -> Callable[[Run, str], str]:
    """The command that sets this column to any words."""

    def command(run: Run, argument: str) -> str:
        run.put(name, " ".join(some(argument, "words").split())[:500])
        return f"{name} {run.values[name]}"

    return command


def declared(name: str) -> Callable[[Run, str], str]:
    """The command that sets this column to a word of the dictionary; any word where none is declared."""

    def command(run: Run, argument: str) -> str:
        known: Mapping[str, object] = getattr(run.rulebook.words, _DECLARED[name])
        word = " ".join(some(argument, "a word").split())[:500]
        if known:
            found = next((key for key in known if key.lower() == word.lower()), None)
            if found is None:
                raise No(f"{word!r} is not one of {', '.join(known)}{nearest(word, known)}")
            word = found
        run.put(name, word)
        return f"{name} {word}"

    return command


def scale(name: str) -> Callable[[Run, str], str]:
    """The command that sets impact or urgency: 1 (high) to 3, or the name that the dictionary gives it."""

    def command(run: Run, argument: str) -> str:
        names: Mapping[int, str] = getattr(run.rulebook.words, _SCALES[name])
        word = some(argument, "1 to 3").lower()
        by_name = {one.lower(): number for number, one in names.items()}
        number = int(word) if word in ("1", "2", "3") else by_name.get(word)
        if number is None:
            also = f" or {', '.join(by_name)}" if by_name else ""
            raise No(f"{argument!r} is not 1 to 3{also} (1 is the highest){nearest(word, by_name)}")
        run.put(name, str(number))
        return f"{name} {number}"

    return command


def _words_of(argument: str) -> tuple[str, ...]:
    words = (word.strip(",;").lower() for word in some(argument, "one tag or more").split())
    return tuple(dict.fromkeys(word for word in words if word))


def tag(run: Run, argument: str) -> str:
    """#tag a b."""
    words, known = _words_of(argument), run.rulebook.words.tags
    for word in words:
        if known and word not in (one.lower() for one in known):
            raise No(f"{word!r} is not one of {', '.join(known)}{nearest(word, known)}")
    run.put("tags", tuple(dict.fromkeys((*run.current("tags"), *words))))
    return "tagged " + ", ".join(words)


def untag(run: Run, argument: str) -> str:
    """#untag a."""
    words, tags = _words_of(argument), run.current("tags")
    missing = [word for word in words if word not in tags]
    if missing:
        raise No(f"the ticket has no tag {missing[0]!r}{nearest(missing[0], tags)}")
    run.put("tags", tuple(one for one in tags if one not in words))
    return "no longer tagged " + ", ".join(words)


def custom(run: Run, argument: str) -> str:
    """#field name=value; nothing behind = empties it."""
    name, equals, value = some(argument, "name=value").partition("=")
    key, value = name.strip().lower(), unquoted(value.strip())
    if not equals:
        raise No("needs name=value behind it")
    field = run.rulebook.fields.get(key)
    if field is None:
        raise No(f"there is no field {key!r}{nearest(key, run.rulebook.fields)}")
    if field.values and value:
        found = next((one for one in field.values if one.lower() == value.lower()), None)
        if found is None:
            raise No(f"{value!r} is not one of {', '.join(field.values)}{nearest(value, field.values)}")
        value = found
    run.put(f"field.{key}", value or None)
    return f"{field.label}: {value or 'emptied'}"


def organisation(run: Run, argument: str) -> str:
    """#organisation NAME, one that the files know."""
    word = some(argument, "a name").lower()
    known = run.rulebook.organisations
    found = next((name for name in known if name.lower() == word), None)
    if found is None:
        raise No(f"there is no organisation {argument!r}{nearest(word, known)}")
    run.put("organisation", found)
    return f"organisation {found}"


def _way(run: Run, argument: str, ways: tuple[str, ...]) -> str:
    word = some(argument, "a way such as phone").lower()
    if word not in ways:
        raise No(f"{argument!r} is not one of {', '.join(ways)}{nearest(word, ways)}")
    return word


def channel(run: Run, argument: str) -> str:
    """#channel phone: by which way the request came; the desk's channels and email, or if it declares none the usual ones."""
    named = tuple(name.lower() for name in run.rulebook.channels) or (*_WAYS, "web")
    way = _way(run, argument, tuple(dict.fromkeys(("email", *named))))
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
