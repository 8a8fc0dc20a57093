"""Templates with values filled in: subject, text and HTML of a mail. Pure: the templates' sources come in as texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from jinja2 import Template, TemplateError
from markupsafe import Markup

from maild.delivery.checking import check, place
from maild.delivery.notice import Notice
from maild.delivery.sandbox import LAST_LANGUAGE, OUTPUT_MAX, Environment, Loader, as_html, look_up
from maild.delivery.values import values
from maild.desk.rulebook import Identity
from maild.errors import ConfigError, Problem

_PIECES = 256
# What mail programs put before the subject of an answer or a forwarded mail, in the languages of our users
_PREFIX = re.compile(
    r"(?:re|aw|antw|antwort|sv|vs|rv|res|rif|odp|ynt|fw|fwd|wg|tr|enc|doorst|vl|i|r|回复|回覆|答复|轉寄|转发|返信)"
    r"(?:\s?\[\d{1,3}\]|\s?\(\d{1,3}\)|\^\d{1,3}|\d{1,2})?\s?[:：]\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's content. `language` is that of the templates used. `problems`: an own template failed and the shipped one
    was used in its place; to be told to the admins."""

    subject: str
    text: str
    html: str
    language: str
    problems: tuple[Problem, ...] = ()


class Templates:
    """The admin's templates over the shipped ones, compiled once. Paths look like `mail/en/answer.html`."""

    def __init__(self, shipped: Mapping[str, str], own: Mapping[str, str] | None = None) -> None:
        self.shipped = dict(shipped)
        self.own = {path: text for path, text in (own or {}).items() if self.shipped.get(path) != text}
        self._sources = {**self.shipped, **self.own}
        self._environment = Environment(Loader(self.shipped, self.own))
        self._shipped_environment = Environment(Loader(self.shipped, {}))
        self._languages: dict[tuple[str, str, str], str | None] = {}

    def __reduce__(self) -> tuple[type[Templates], tuple[Mapping[str, str], Mapping[str, str]]]:
        """What is compiled cannot be pickled: it is made anew of the sources."""
        return Templates, (self.shipped, self.own)

    @property
    def names(self) -> frozenset[str]:
        """The names that `Notice.template` and the rules may use: those with a text template in some language."""
        found = (path.split("/") for path in self._sources if path.startswith("mail/"))
        return frozenset(
            parts[2].removesuffix(".txt")
            for parts in found
            if len(parts) == 3 and parts[2].endswith(".txt") and not parts[2].startswith(("_", "words."))
        )

    def words(self, language: str) -> Mapping[str, object]:
        """The words of a language, with English ones where it lacks some."""
        return self._environment.words(language)

    def problems(self, folder: str = "templates") -> list[Problem]:
        """Everything wrong with the templates, sorted; `folder` is put before the paths. An empty list: all is well."""
        return check(self._environment, self.shipped, self.own, folder)

    def render(self, notice: Notice) -> Rendered:
        """The mail. An own template that fails is replaced by the shipped one and reported.

        Raises ConfigError when there is no such template, or no way left to render it.
        """
        language = self._language(notice.template, notice.language, notice.rulebook.identity.language)
        if language is None:
            raise ConfigError(
                [Problem(f"mail/{LAST_LANGUAGE}/{notice.template}.txt", 0, 0, "there is no such template")]
            )
        try:
            return self._rendered(self._environment, self._sources, notice, language)
        except Exception as error:  # noqa: BLE001 - what an admin wrote may fail in any way, and the mail must still go
            problem = Problem(*place(error, f"mail/{language}/{notice.template}.txt"), str(error))
        if f"mail/{language}/{notice.template}.txt" not in self.shipped:
            language = LAST_LANGUAGE
        if f"mail/{language}/{notice.template}.txt" not in self.shipped:
            raise ConfigError([problem])
        rendered = self._rendered(self._shipped_environment, self.shipped, notice, language)
        return Rendered(rendered.subject, rendered.text, rendered.html, rendered.language, (problem,))

    def _language(self, name: str, wanted: str, desk: str) -> str | None:
        key = (name, wanted, desk)
        if key not in self._languages:
            folders = {
                path.split("/")[1].lower(): path.split("/")[1]
                for path in self._sources
                if path.startswith("mail/")
            }
            chain = (folders.get(tag) for tag in look_up((wanted, desk, LAST_LANGUAGE)))
            self._languages[key] = next(
                (folder for folder in chain if folder and f"mail/{folder}/{name}.txt" in self._sources), None
            )
        return self._languages[key]

    def _rendered(
        self, environment: Environment, sources: Mapping[str, str], notice: Notice, language: str
    ) -> Rendered:
        identity = notice.rulebook.identity
        plain_subject = untagged(notice.ticket.subject, identity.tag) if notice.ticket else ""
        told = values(notice, language, plain_subject, environment.words(language))
        path = f"mail/{language}/{notice.template}"
        text = _filled(environment.get_template(f"{path}.txt"), told).lstrip("\n")
        if f"{path}.html" in sources:
            html = _filled(environment.get_template(f"{path}.html"), told)
        else:
            html = str(Markup("<html><body>\n{}\n</body></html>\n").format(as_html(text)))
        if notice.ticket:
            subject = f"{tag_of(identity, notice.ticket.id)} {plain_subject}".rstrip()
        elif f"{path}.subject" in sources:
            subject = " ".join(_filled(environment.get_template(f"{path}.subject"), told).split())
        else:
            subject = identity.name
        return Rendered(subject, text, html, language)


def _filled(template: Template, told: Mapping[str, object]) -> str:
    made = ""
    pieces = template.generate(told)
    while some := [*islice(pieces, _PIECES)]:
        made += "".join(some)
        if len(made) > OUTPUT_MAX:
            raise TemplateError(f"{template.name} makes more than {OUTPUT_MAX} characters")
    return made


def tag_of(identity: Identity, number: int) -> str:
    return f"[{identity.tag} #{number}]"


def untagged(subject: str, tag: str) -> str:
    """The subject without this desk's tags and without the chain of Re:, AW:, RV: … before it."""
    subject = _own_tag(tag).sub(" ", " ".join(subject.split()))
    subject = " ".join(subject.split())
    while match := _PREFIX.match(subject):
        subject = subject[match.end() :]
    return subject


@lru_cache(maxsize=64)
def _own_tag(tag: str) -> re.Pattern[str]:
    return re.compile(rf"\[{re.escape(tag)} ?#\d{{1,12}}\]", re.IGNORECASE)
