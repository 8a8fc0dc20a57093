from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import TemplateError

from maild.delivery.render import Templates
from maild.delivery.samples import samples
from maild.delivery.sandbox import Environment, Loader
from maild.delivery.values import values
from maild.delivery.variables import VARIABLES
from maild.message.phrases import REPLY_ABOVE

FOLDER = Path(__file__).resolve().parents[2] / "templates"
SHIPPED = {
    str(file.relative_to(FOLDER)): file.read_text("utf-8") for file in FOLDER.rglob("*") if file.is_file()
}


def problems(own: dict[str, str]) -> list[str]:
    return [str(problem) for problem in Templates(SHIPPED, own).problems("etc/templates")]


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        (
            "mail/en/notice.txt",
            "Hello\n{% if x\n",
            "etc/templates/mail/en/notice.txt:2:1: unexpected end of template",
        ),
        ("mail/en/notice.txt", "{{ recipient.name|upcase }}", "notice.txt:1:1: No filter named 'upcase'"),
        (
            "mail/en/notice.txt",
            "Hello\n\n  {{ tickt.number }}",
            "etc/templates/mail/en/notice.txt:3:6: there is no variable tickt, did you mean ticket?",
        ),
        (
            "mail/en/notice.txt",
            "Hello\n{% if false %}{{ ticket.numbr }}{% endif %}",
            "notice.txt:2:25: there is no variable ticket.numbr, did you mean ticket.number?",
        ),
        (
            "mail/en/notification.txt",
            "{% for row in history %}\n{{ row.autor }}{% endfor %}",
            "notification.txt:2:8: there is no variable history[].autor, did you mean history[].author?",
        ),
        (
            "mail/en/notice.txt",
            "{{ ticket.priority }}",
            "notice.txt:1:11: ticket.priority is only for mails to agents",
        ),
        ("mail/en/notice.txt", "{{ earlier|length }}", "notice.txt:1:4: there is no variable earlier"),
        (
            "mail/en/notice.txt",
            "x\n{{ 1 / 0 }}",
            "notice.txt:2:1: division by zero (in a mail to the requester",
        ),
        (
            "mail/en/notice.txt",
            "{{ w.lables.subject }}",
            "notice.txt:1:1: 'dict object' has no attribute 'lables'",
        ),
        ("mail/en/answer.txt", '{% include "mail/nix.txt" %}', "answer.txt:1:1: mail/nix.txt"),
        (
            "mail/layout.html",
            "{% block body %}{{ nix }}{% endblock %}",
            "mail/layout.html:1:20: there is no variable nix",
        ),
        ("mail/en/words.txt", '{% set labels = {"note": nix} %}', "words.txt:1:26: there is no variable nix"),
        ("mail/en/anwser.txt", "x", "mail/en/anwser.txt: no mail is called anwser, did you mean answer?"),
        ("mail/layuot.html", "x", "mail/layuot.html: no mail is called layuot, did you mean layout?"),
        ("mails/en/answer.txt", "x", "nothing is read from mails/, did you mean mail/?"),
        ("mail/en/answer.md", "x", "nothing reads this file"),
        ("mail/en/old/answer.txt", "x", "nothing reads this file"),
        ("mail/English/answer.txt", "x", "'English' is no language"),
        ("mail/pl/answer.html", "x", "it is never used: there is no answer.txt beside it"),
        ("mail/en/vip.txt", "{{ ticket.sla }}", "ticket.sla is only for mails to agents"),
    ],
)
def test_mistakes_are_told_with_their_place(path: str, source: str, expected: str) -> None:
    found = problems({path: source})
    assert [problem for problem in found if expected in problem], found


def test_all_mistakes_are_told_each_once() -> None:
    found = problems(
        {
            "mail/en/notice.txt": "{{ a }}\n{{ b }}",
            "mail/en/answer.html": "{{ c }}{% extends 'mail/layout.html' %}{{ message.tixt }}",
            "mail/es/notice.txt": "{% endif %}",
        }
    )
    assert [problem.partition(": ")[0] for problem in found] == [
        "etc/templates/mail/en/answer.html:1:4",
        "etc/templates/mail/en/answer.html:1:51",
        "etc/templates/mail/en/notice.txt:1:4",
        "etc/templates/mail/en/notice.txt:2:4",
        "etc/templates/mail/es/notice.txt:1:1",
    ]


@pytest.mark.parametrize(
    "own",
    [
        {},
        {
            "mail/en/notice.txt": "{% set mine = 1 %}{{ mine }}{% for a in lines %}{{ loop.index }}{{ a }}{% endfor %}"
        },
        {
            "mail/en/notice.txt": "{{ ticket.subject.upper() }} {{ ticket.due.get('update') }} {{ range(3)|list }}"
        },
        {
            "mail/en/notification.txt": "{{ ticket.priority }}{% for f in ticket.fields %}{{ f.label }}{% endfor %}"
        },
        {"mail/fr/notice.txt": "Bonjour"},
        {"mail/en/_mine.txt": "x", "mail/en/notice.txt": '{% include "mail/en/_mine.txt" %}'},
        {"README.md": "{{ x", "runbooks/outage.md": "{{ y", "portal/page.html": "{{ z"},
        {"mail/en/notice.html": SHIPPED["mail/en/notice.html"]},
    ],
)
def test_what_is_right_is_not_complained_about(own: dict[str, str]) -> None:
    assert problems(own) == []


# --- what a template cannot do


def run(source: str) -> str:
    environment = Environment(Loader({"mail/x.txt": source, "mail/x.html": source}, {}))
    return environment.get_template("mail/x.txt").render(text="abc", numbers=[1, 2])


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'x' * 10000000 }}",
        "{{ 10000000 * 'x' }}",
        "{{ [1] * 10000000 }}",
        "{{ 10 ** 100000 }}",
        "{{ 9 ** 9999 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%1000000000d'|format(1) }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ text.ljust(1000000000) }}",
        "{{ text|center(1000000000) }}",
        "{{ text|indent(1000000000) }}",
        "{{ numbers|batch(1000000000, 'x')|list }}",
        "{{ lipsum(n=1000) }}",
        "{% for i in range(10 ** 9) %}x{% endfor %}",
        "{% set ns = namespace(x='x') %}",
        "{{ text.__class__.__mro__ }}",
        "{{ numbers.append(1) }}{{ numbers.__class__ }}",
    ],
)
def test_giants_and_ways_out_are_refused(source: str) -> None:
    with pytest.raises((TemplateError, OverflowError)):
        run(source)


def test_endless_output_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maild.delivery.render.OUTPUT_MAX", 10_000)
    loops = "{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxxxx{% endfor %}{% endfor %}"
    templates = Templates(SHIPPED, {"mail/en/notice.txt": loops})
    rendered = templates.render(next(iter(samples("notice"))))
    assert "makes more than" in rendered.problems[0].message
    assert "there is news" in rendered.text


def test_an_entry_is_found_before_a_method_of_that_name() -> None:
    environment = Environment(Loader({"mail/x.txt": "{{ d.update }} {{ d.get('items') }} {{ d.items }}"}, {}))
    assert environment.get_template("mail/x.txt").render(d={"update": "u", "items": "i"}) == "u i i"


def test_a_macro_among_the_words_is_no_way_around_escaping() -> None:
    words = "{% macro bold(x) %}<b>{{ x }}</b>{% endmacro %}{% set plain = 'a' %}"
    environment = Environment(Loader({"mail/en/words.txt": words}, {}))
    assert environment.words("en") == {"plain": "a"}


# --- what is written about them


def test_the_readme_lists_every_variable_and_no_other() -> None:
    rows = re.findall(r"(?m)^\| `([^`]+)` \| (.+) \| (agents|all) \|$", SHIPPED["README.md"])
    assert {name: (says, mails) for name, says, mails in rows} == {
        name: (variable.says, "agents" if variable.inside else "all") for name, variable in VARIABLES.items()
    }
    assert len(rows) == len(VARIABLES)


def names_of(value: object, prefix: str = "") -> set[str]:
    if isinstance(value, dict):
        return {
            name
            for key, part in value.items()
            for name in names_of(part, f"{prefix}.{key}" if prefix else key)
        }
    if isinstance(value, list):
        return {name for part in value for name in names_of(part, f"{prefix}[]")} or {f"{prefix}[]?"}
    return {f"{prefix}?" if value is None else prefix}


@pytest.mark.parametrize("name", ["notice", "answer", "assigned", "notification", "digest"])
def test_what_templates_are_given_is_what_is_documented(name: str) -> None:
    inside = name not in ("notice", "answer")
    given: set[str] = set()
    for notice in samples(name):
        if notice.ticket and notice.message:
            given |= names_of({**values(notice, "en", "x", {}), "w": "words"})
    given = {one for one in given if not one.endswith("?")}
    documented = {one for one, variable in VARIABLES.items() if inside or not variable.inside}
    assert given <= documented
    assert documented <= given | {one for one in documented if one.startswith("history[]")}


def test_the_mark_is_known_where_answers_are_read() -> None:
    environment = Environment(Loader(SHIPPED, {}))
    for language in ("en", "es"):
        assert re.search(REPLY_ABOVE, str(environment.words(language)["mark"]))
