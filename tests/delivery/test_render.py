from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maild.delivery.notice import Notice
from maild.delivery.render import Templates, untagged
from maild.delivery.samples import INSIDE, RULEBOOK, samples
from maild.delivery.values import Clock, values
from maild.desk.effects import Change
from maild.desk.people import Message, Person
from maild.desk.rulebook import Organisation, Policy
from maild.desk.words import Happening, Role, Scope, State
from maild.errors import ConfigError

FOLDER = Path(__file__).resolve().parents[2] / "templates"
SHIPPED = {
    str(file.relative_to(FOLDER)): file.read_text("utf-8") for file in FOLDER.rglob("*") if file.is_file()
}
TEMPLATES = Templates(SHIPPED)
NOW = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)
WHOLE = ("en", "es")
"""Languages in which agents are written to as well."""
LANGUAGES = (*WHOLE, "de", "fr", "it", "nl", "pt")
OUTSIDE = TEMPLATES.names - INSIDE


def fullest(name: str, **more: Any) -> Notice:
    """The sample with everything in it."""
    return replace(max(samples(name), key=lambda notice: len(repr(notice))), **more)


def every_sample() -> list[Notice]:
    return [
        replace(notice, language=language)
        for name in sorted(TEMPLATES.names)
        for notice in samples(name)
        for language in LANGUAGES
        if name in OUTSIDE or language in WHOLE
    ]


# --- the shipped templates


def test_the_shipped_templates_are_those_promised_in_both_languages() -> None:
    assert TEMPLATES.names == {
        "acknowledgement",
        "answer",
        "notice",
        "merged",
        "split",
        "update",
        "notification",
        "escalated",
        "assigned",
        "transcript",
        "list",
        "show",
        "report",
        "morning",
        "questions",
        "supplied",
        "status",
        "help",
        "refused",
        "digest",
        "alert",
        "solved",
        "closed",
        "reopened",
        "reminder",
        "runbook",
        "glossary",
    }
    english, spanish = (
        {path.split("/")[2] for path in SHIPPED if path.startswith(f"mail/{lang}/")} for lang in WHOLE
    )
    assert english == spanish
    assert all(f"{name}.html" in english for name in TEMPLATES.names)


def test_the_shipped_templates_have_no_problems() -> None:
    assert Templates({}, SHIPPED).problems() == []


def test_every_sample_renders_in_every_language() -> None:
    for notice in every_sample():
        rendered = TEMPLATES.render(notice)
        assert rendered.problems == ()
        assert rendered.language == notice.language
        assert rendered.subject
        assert rendered.text.strip()
        assert "None" not in rendered.text.replace("None is declared", "")
        assert "built-in" not in rendered.text + rendered.html
        assert "\n\n\n\n" not in rendered.text


class Page(HTMLParser):
    """Collects what a page is made of, and that each element is closed."""

    VOID = frozenset(("meta", "br"))

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.shown = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.loaded += [
            name for name, value in attrs if name in ("src", "background") or "url(" in (value or "")
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown += data


QUIET = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "div",
    "p",
    "b",
    "br",
    "span",
    "a",
    "ul",
    "li",
    "table",
    "tr",
    "td",
}
GUIDE = {"ol", "code", "h1", "h2", "h3", "pre", "blockquote", "strong", "em", "hr"}
"""What else the Markdown of a runbook becomes, in mails to agents."""


def test_pages_are_well_formed_quiet_and_load_nothing() -> None:
    for notice in every_sample():
        html = TEMPLATES.render(notice).html
        page = Page(html)
        assert page.tags <= (QUIET if notice.role.outside else QUIET | GUIDE)
        assert page.loaded == []
        assert 'name="color-scheme" content="light dark"' in html
        assert "max-width:600px" in html


def test_mails_to_agents_say_first_whom_an_answer_reaches() -> None:
    said = {
        ("notification", Scope.PUBLIC): "Your answer goes to Carla Ruiz (the requester) from Acme Support.",
        (
            "notification",
            Scope.INTERNAL,
        ): "Your answer is an internal note; begin it with #public to write to the requester.",
        ("assigned", Scope.PUBLIC): "Your answer goes to Carla Ruiz (the requester) from Acme Support.",
        ("transcript", Scope.INTERNAL): "Your answer is an internal note",
        ("digest", None): "This mail is not about one ticket",
        ("alert", None): "This mail is not about one ticket",
    }
    for (name, scope), sentence in said.items():
        rendered = TEMPLATES.render(fullest(name, scope=scope))
        mark, nothing, first = rendered.text.split("\n")[:3]
        assert mark == "##- answer above this line -##"
        assert nothing == ""
        assert first.startswith(sentence)
        shown = " ".join(Page(rendered.html).shown.split())
        assert shown.partition("-## ")[2].startswith(sentence)


def test_the_marks_stand_around_the_message_and_only_in_mails_to_agents() -> None:
    for notice in every_sample():
        rendered = TEMPLATES.render(notice)
        marks = [line for line in rendered.text.split("\n") if re.fullmatch(r"##([-+=]) .+ \1##", line)]
        marks = [mark for mark in marks if "runbook" not in mark and "guía" not in mark]
        if notice.role.outside:
            assert marks == []
            assert "##-" not in rendered.html
        else:
            shows_it = notice.template in ("notification", "assigned") and notice.message is not None
            assert len(marks) == (3 if shows_it else 1)
            assert all(len(mark) <= 60 for mark in marks)
            if shows_it:
                between = rendered.text.partition(f"{marks[1]}\n")[2].partition(f"\n{marks[2]}")[0]
                assert notice.message is not None
                assert between.strip() == notice.message.text.strip()


def test_an_acknowledgement_says_what_one_wants_to_know_and_repeats_only_the_subject() -> None:
    text = TEMPLATES.render(fullest("acknowledgement", role=Role.REQUESTER)).text
    for part in (
        "Hello Carla Ruiz,",
        "its number is 12",
        "Printer on fire",
        "Received: Monday 23 November 2026, 14:05 (CET)",
        "Ana Ruiz (First line)",
        "at the latest on Monday 23 November 2026, 15:05 (CET)",
        "one request, one mail",
        "Just answer this mail",
        "- Phone: +31 20 555 0100",
    ):
        assert part in text
    for notice in every_sample():
        if notice.template == "acknowledgement":
            rendered = TEMPLATES.render(notice)
            assert "Smoke" not in rendered.text + rendered.html
            assert "our printer is" not in rendered.text + rendered.html


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Carla Ruiz", "Hello Carla Ruiz,"),
        ("", "Hello,"),
        ("Win at https://evil.test", "Hello,"),
        ("call +44 99 1", "Hello,"),
        ("x@evil.test", "Hello,"),
        ("www.evil", "Hello,"),
        ("A" * 61, "Hello,"),
    ],
)
def test_a_name_that_is_an_advertisement_is_not_repeated(name: str, greeting: str) -> None:
    notice = fullest("acknowledgement")
    assert notice.ticket is not None
    person = replace(notice.ticket.requester, name=name)
    rendered = TEMPLATES.render(
        replace(notice, recipient=person, ticket=replace(notice.ticket, requester=person))
    )
    assert rendered.text.startswith(greeting)


def test_an_answer_is_the_agents_words_with_name_but_no_address() -> None:
    notice = fullest("answer")
    assert notice.message is not None
    answer = replace(
        notice.message,
        direction="out",
        from_name="Ana Ruiz",
        from_address="ana@acme.test",
        text="Please try again.\n\nWords\n\n\n\nfar apart.",
    )
    rendered = TEMPLATES.render(replace(notice, message=answer))
    assert rendered.text.startswith("Please try again.\n\nWords\n\n\n\nfar apart.\n")
    assert "This is our solution to your request." in rendered.text
    assert rendered.text.endswith("\n-- \nAna Ruiz, Acme Support [Acme #12]\n")
    assert "now looks after" not in rendered.text, "he knows that already: it is who writes"


# --- who may know what

SECRETS = ("ana@acme.test", "token", "gold", "dust", "Cleaned", "critical", "outage", "dan@globex.test")


@pytest.mark.parametrize("name", sorted(OUTSIDE))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_requesters_side_sees_no_agents_address_and_nothing_internal(name: str, language: str) -> None:
    for notice in samples(name):
        rendered = TEMPLATES.render(replace(notice, language=language))
        for secret in SECRETS:
            assert secret not in rendered.subject + rendered.text + rendered.html


def test_not_even_an_own_template_can_show_them() -> None:
    for name in OUTSIDE:
        for notice in samples(name):
            told = values(replace(notice, actor="ana@acme.test"), "en", "x", {})
            assert not [secret for secret in SECRETS if secret in repr(told)]
            assert "earlier" not in told
            assert "tables" not in told


def test_an_unknown_responsible_is_no_address_either() -> None:
    notice = fullest("notice", rulebook=replace(RULEBOOK, agents={}))
    told = repr(values(notice, "en", "x", {}))
    assert "ana@acme.test" not in told


def test_a_note_never_reaches_the_requesters_side() -> None:
    notice = fullest("answer")
    assert notice.message is not None
    note = replace(notice.message, public=False)
    with pytest.raises(ValueError, match="note"):
        values(replace(notice, message=note), "en", "x", {})
    with pytest.raises(ValueError, match="note"):
        values(replace(notice, history=(notice.message, note)), "en", "x", {})
    assert "Smoke" in repr(values(replace(notice, role=Role.TEAM, message=note), "en", "x", {}))


def test_only_the_promises_that_the_policy_tells_and_that_lie_ahead() -> None:
    notice = fullest("acknowledgement")
    assert notice.ticket is not None

    def due(**more: Any) -> set[str]:
        told: Any = values(replace(notice, **more), "en", "x", {})
        return {name for name, at in told["ticket"]["due"].items() if at}

    assert due() == {"first_response", "update", "resolution"}
    notice = replace(notice, happenings=(Happening.CREATED,))
    silent = replace(RULEBOOK, policies={"gold": Policy("gold", "always", {}, tell=())})
    assert due(rulebook=silent) == set()
    assert due(rulebook=silent, happenings=(Happening.UPDATED,)) == {"update"}
    assert due(rulebook=replace(RULEBOOK, policies={})) == {"first_response"}
    assert due(now=NOW + timedelta(hours=2)) == {"update", "resolution"}
    assert due(ticket=replace(notice.ticket, first_response_at=NOW)) == {"update", "resolution"}


# --- hostile values

_hostile = st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=1>',
        "{{ 7*7 }}{% raw %}",
        "javascript:alert(1)",
        "&lt;b&gt;",
        "a\u202eb",
    ]
) | st.text(max_size=40)


@settings(max_examples=40, deadline=None)
@given(one=_hostile, two=_hostile, name=st.sampled_from(sorted(TEMPLATES.names)))
def test_nothing_in_the_values_becomes_markup(one: str, two: str, name: str) -> None:
    notice = fullest(name)
    ticket = notice.ticket and replace(
        notice.ticket,
        subject=one,
        requester=replace(notice.ticket.requester, name=two),
        tags=(one,),
        fields={"product": two},
        type=one,
        organisation=two,
    )
    message = notice.message and replace(
        notice.message, text=f"{one}\n> {two}\nhttps://x.test/{one}", from_name=two
    )
    channels = {one: two}
    rendered = TEMPLATES.render(
        replace(
            notice,
            ticket=ticket,
            message=message,
            actor=one,
            lines=(one, two),
            omitted=(one,),
            changes=(Change("tags", (one,), (two,)),),
            rulebook=replace(RULEBOOK, channels=channels),
        )
    )
    assert rendered.problems == ()
    page = Page(rendered.html)
    assert page.tags <= (QUIET if notice.role.outside else QUIET | GUIDE)
    assert all(link.lower().startswith(("https://", "http://", "mailto:")) for link in page.links)
    assert "\n" not in rendered.subject.replace(one, "")


def test_a_plain_text_as_a_page() -> None:
    text = "Hi <b>\n\n  indented\n> quoted & more\n> still\nsee (https://x.test/a?b=1&c=2), mailto:a@x.test. javascript:x\n"
    notice = fullest("answer")
    assert notice.message is not None
    html = TEMPLATES.render(replace(notice, message=replace(notice.message, text=text))).html
    assert "Hi &lt;b&gt;<br>\n<br>\n&nbsp; indented\n<div style=" in html
    assert "&gt; quoted &amp; more<br>\n&gt; still</div>" in html
    page = Page(html)
    assert page.links[:2] == ["https://x.test/a?b=1&c=2", "mailto:a@x.test"]
    assert all(link.startswith("mailto:support+") for link in page.links[2:])


# --- subject, language, time


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("Printer", "Printer"),
        ("Re: Printer", "Printer"),
        ("RE: AW: Rv: Fwd: Printer", "Printer"),
        ("Re[2]: Printer", "Printer"),
        ("回复：Printer", "Printer"),
        ("[Acme #12] Printer", "Printer"),
        ("Re: [acme #12] Re: [Acme #7] Printer", "Printer"),
        ("[Other #12] Printer", "[Other #12] Printer"),
        ("Printer [Acme #12] again", "Printer again"),
        ("Ref: INV-1", "Ref: INV-1"),
        ("Reset: no", "Reset: no"),
        (" two\r\n lines ", "two lines"),
        ("Re:", ""),
        ("", ""),
    ],
)
def test_subjects_carry_the_tag_once(subject: str, shown: str) -> None:
    assert untagged(subject, "Acme") == shown
    notice = fullest("notice")
    assert notice.ticket is not None
    rendered = TEMPLATES.render(replace(notice, ticket=replace(notice.ticket, subject=subject)))
    assert rendered.subject == f"[Acme #12] {shown}".strip()


def test_mails_without_a_ticket_have_a_subject_of_their_own() -> None:
    subjects = {
        name: TEMPLATES.render(fullest(name, ticket=None, scope=None)).subject
        for name in ("digest", "alert", "transcript")
    }
    assert subjects == {
        "digest": "Acme Support: 2 things happened",
        "alert": "Acme Support: please look after this",
        "transcript": "What became of your message to Acme Support",
    }


@pytest.mark.parametrize(
    ("wanted", "desk", "used"),
    [
        ("es", "en", "es"),
        ("es-MX", "en", "es"),
        ("ES_mx", "en", "es"),
        ("fr", "es", "fr"),
        ("pl", "es", "es"),
        ("pl-PL", "es-AR", "es"),
        ("pl", "cs", "en"),
        ("", "en", "en"),
        ("pt-BR", "en", "pt-BR"),
        ("pt", "en", "pt"),
        ("pt-PT", "en", "pt"),
    ],
)
def test_languages_fall_back(wanted: str, desk: str, used: str) -> None:
    templates = Templates(
        SHIPPED, {"mail/pt-BR/notice.txt": "Oi, {{ recipient.name }} {{ w.labels.subject }}\n"}
    )
    rulebook = replace(RULEBOOK, identity=replace(RULEBOOK.identity, language=desk))
    assert templates.render(fullest("notice", language=wanted, rulebook=rulebook)).language == used


def test_a_language_may_begin_with_one_text() -> None:
    templates = Templates(
        SHIPPED, {"mail/pl/notice.txt": "Witaj {{ recipient.name }} <{{ w.labels.subject }}>\n"}
    )
    rendered = templates.render(fullest("notice", language="pl"))
    assert rendered.text == "Witaj Carla Ruiz <Subject>\n"
    assert "Witaj Carla Ruiz &lt;Subject&gt;" in rendered.html, "made of the text, not in another language"
    assert templates.render(fullest("answer", language="pl")).language == "en"


@pytest.mark.parametrize(
    ("zone", "locale", "written"),
    [
        ("Europe/Amsterdam", "en", "Monday 23 November 2026, 14:05 (CET)"),
        ("Europe/Amsterdam", "es", "lunes 23 de noviembre de 2026, 14:05 (CET)"),
        ("America/New_York", "en_US", "Monday 23 November 2026, 8:05\u202fAM (EST)"),
        ("Asia/Kathmandu", "en", "Monday 23 November 2026, 18:50 (UTC+0545)"),
        ("Europe/Amsterdam", "fr", "lundi 23 novembre 2026, 14:05 (CET)"),
        ("Europe/Amsterdam", "pt", "segunda-feira, 23 de novembro de 2026, 14:05 (CET)"),
        ("Europe/Amsterdam", "nl", "maandag 23 november 2026, 14:05 (CET)"),
        ("Europe/Amsterdam", "it", "lunedì 23 novembre 2026, 14:05 (CET)"),
        ("Asia/Tokyo", "de", "Montag, 23. November 2026, 22:05 (JST)"),
        ("Pacific/Auckland", "en", "Tuesday 24 November 2026, 02:05 (NZDT)"),
        ("UTC", "en", "Monday 23 November 2026, 13:05 (UTC)"),
    ],
)
def test_times(zone: str, locale: str, written: str) -> None:
    assert Clock(ZoneInfo(zone), locale)(NOW) == written


@pytest.mark.parametrize(
    ("locale", "short", "period"),
    [
        ("en", "Mon 23 Nov, 14:05", "Mon 23 Nov 2026 – Tue 24 Nov 2026"),
        ("es", "lun 23 nov, 14:05", "lun 23 nov 2026 – mar 24 nov 2026"),
        ("de", "Mo., 23. Nov., 14:05", "Mo., 23. Nov. 2026 – Di., 24. Nov. 2026"),
        ("fr", "lun. 23 nov., 14:05", "lun. 23 nov. 2026 – mar. 24 nov. 2026"),
        ("pt", "seg., 23 de nov., 14:05", "seg., 23 de nov. de 2026 – ter., 24 de nov. de 2026"),
        ("nl", "ma 23 nov, 14:05", "ma 23 nov 2026 – di 24 nov 2026"),
        ("it", "lun 23 nov, 14:05", "lun 23 nov 2026 – mar 24 nov 2026"),
    ],
)
def test_short_times(locale: str, short: str, period: str) -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    assert Clock(zone, locale).short(NOW) == short
    first = datetime(2026, 11, 23, tzinfo=zone)
    assert Clock(zone, locale).period(first, first + timedelta(days=2)) == period


@pytest.mark.parametrize(
    ("own", "organisation", "written"),
    [
        ("Asia/Tokyo", "Europe/Madrid", "(JST)"),
        (None, "Europe/London", "(GMT)"),
        (None, None, "(EST)"),
        ("No/Where", None, "(EST)"),
    ],
)
def test_the_zone_is_the_readers(own: str | None, organisation: str | None, written: str) -> None:
    rulebook = replace(
        RULEBOOK,
        identity=replace(RULEBOOK.identity, timezone="America/New_York"),
        organisations={"Globex": Organisation("Globex", ("globex.test",), zone=organisation)},
    )
    recipient = Person(2, "Carla", "carla@globex.test", zone=own)
    told = values(fullest("notice", rulebook=rulebook, recipient=recipient), "en", "x", {})
    assert str(told["now"]).endswith(written)


# --- changes and long texts


def test_changes_are_told_once_from_first_to_last() -> None:
    changes = (
        Change("state", State.NEW, State.OPEN),
        Change("state", State.OPEN, State.PENDING),
        Change("priority", 3, 2),
        Change("priority", 2, 3),
        Change("assignee", None, "ana@acme.test"),
        Change("assignee", "ana@acme.test", "gone@acme.test"),
    )
    inside: Any = values(fullest("notification", changes=changes), "en", "x", {})
    assert [(change["name"], change["old"], change["new"]) for change in inside["changes"]] == [
        ("state", "new", "pending"),
        ("assignee", "", "gone@acme.test"),
    ]
    outside: Any = values(fullest("notice", changes=changes), "en", "x", {})
    assert (outside["new_state"], outside["new_assignee"]) == ("pending", "")


def long(message: Message | None, text: str) -> Message:
    assert message is not None
    return replace(message, text=text, reply=text)


def test_long_messages_are_cut_for_agents_but_never_in_an_answer() -> None:
    text = "word " * 50_000
    notification = fullest("notification")
    rendered = TEMPLATES.render(replace(notification, message=long(notification.message, text)))
    assert len(rendered.text) < 110_000
    assert "(This is only the beginning" in rendered.text
    answer = fullest("answer")
    assert text.strip() in TEMPLATES.render(replace(answer, message=long(answer.message, text))).text


# --- the admin's own


def test_own_templates_go_before_shipped_ones_and_may_extend_them() -> None:
    own = {
        "mail/layout.html": '{% extends "shipped/mail/layout.html" %}{% block footer %}<p>OURS</p>{% endblock %}',
        "mail/en/notice.txt": "Ours: {{ ticket.subject }}\n",
    }
    templates = Templates(SHIPPED, own)
    assert templates.problems() == []
    rendered = templates.render(fullest("notice"))
    assert rendered.text == "Ours: Printer on fire\n"
    assert "<p>OURS</p>" in rendered.html
    assert "there is news of your request" in rendered.html


def test_an_own_mail_has_a_new_name() -> None:
    templates = Templates(SHIPPED, {"mail/en/vip.txt": "Dear {{ ticket.requester.name }}\n"})
    assert "vip" in templates.names
    assert templates.problems() == []
    assert templates.render(fullest("vip")).text == "Dear Carla Ruiz\n"


@pytest.mark.parametrize(
    "source",
    [
        "{{ ticket.nothing.at.all }}",
        "{% if %}",
        "{{ 1 / 0 }}",
        '{% include "mail/none.txt" %}',
        "{{ 'x' * 10 ** 9 }}",
    ],
)
def test_a_failing_own_template_gives_way_to_the_shipped_one(source: str) -> None:
    templates = Templates(SHIPPED, {"mail/en/notice.txt": f"Hello\n{source}\n", "mail/xx/notice.txt": source})
    rendered = templates.render(fullest("notice"))
    assert "there is news of your request" in rendered.text
    (problem,) = rendered.problems
    assert (problem.file, problem.line) == ("mail/en/notice.txt", 2)
    assert templates.render(fullest("notice", language="xx")).language == "en"


def test_an_unknown_template_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"mail/en/nothing\.txt: there is no such template"):
        TEMPLATES.render(fullest("notice", template="nothing"))
    alone = Templates(SHIPPED, {"mail/en/vip.txt": "{{ nothing }}"})
    with pytest.raises(ConfigError, match="nothing"):
        alone.render(fullest("vip"))
