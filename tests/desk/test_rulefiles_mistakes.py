"""The sentence for each mistake in the admin's files, at its line and column."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.desk.test_rulefiles import DESK, PEOPLE, load


def complaints(*texts: str) -> list[str]:
    return [str(problem).removeprefix("rules/") for problem in load(*texts).problems]


# Each text is the second file behind DESK; complaints are shown without "rules/".
MISTAKES = [
    # YAML itself
    ("notices:\n\t- {send: off}\n", "2.yaml:2:1: a tab: indent with spaces"),
    ('sla: "gold\n', "2.yaml:1:6: this quote is never closed"),
    (
        "sla:\n  name: gold: x\n",
        "2.yaml:2:13: a ':' too many, or the line before lacks one (text with ': ' stands in quotes)",
    ),
    ("sla:\n  a: {}\n b: {}\n", "2.yaml:3:2: this line is indented otherwise than those it belongs to"),
    ("fields: {a: {label: 'it's'}}\n", "2.yaml:1:25: a '{' that began before is not closed with '}'"),
    ("fields:\n  a: {label: x\n  b: {}\n", "2.yaml:3:4: a '{' that began before is not closed with '}'"),
    ("notices: [{send: off}\nsla: {}\n", "2.yaml:2:1: a list that began before is not closed with ']'"),
    ("desk: {channels: {phone: @acme}}\n", "2.yaml:1:26: text that begins with this character stands in quotes"),
    ("desk: {channels: &x {phone: 1}}\n", "2.yaml:1:18: anchors and aliases (&x, *x) are not allowed: write it out"),
    ("desk: {channels: {phone: *x}}\n", "2.yaml:1:26: text that begins with * stands in quotes"),
    ("desk: {channels: {chat: !env x}}\n", "2.yaml:1:25: tags (!env) are not allowed; text that begins with ! stands in quotes"),
    ("sla: {}\n---\nsla: {}\n", "2.yaml:2:1: a second '---': one file holds one document"),
    ("- name: x\n", "2.yaml:1:1: a rule file holds keys, like `teams:`, not a list or a text alone"),
    ("sla: \x07\n", "2.yaml:1:6: a control character that does not belong in a text file"),
    ("sla: " + "[" * 5000, "2.yaml: is nested too deeply"),
    ("# " + "x" * 262_144, "2.yaml: is larger than 256 KiB"),
    ("teams:\n  a: {}\n  a: {}\n", "2.yaml:3:3: 'a' stands twice; before: rules/2.yaml:2:3"),
    ("teams:\n  support: {}\n", "2.yaml:2:3: 'support' stands twice; before: rules/1.yaml:6:3"),
    ("desk: {default_priority: 1}\n", "2.yaml:1:8: 'default_priority' stands twice; before: rules/1.yaml:1:39"),
    ("true: x\n", "2.yaml:1:1: a key must be text: put it in quotes"),
    ("teams: {2024: {}}\n", "2.yaml:1:9: key '2024': must be text: put it in quotes"),
    # words of the document
    ("agent: []\n", "2.yaml:1:1: unknown key 'agent' (did you mean 'agents'?)"),
    ("teams: support\n", "2.yaml:1:8: teams: must hold keys and values, as at rules/1.yaml:5:1"),
    ("groups: pilots\n", "2.yaml:1:9: groups: must hold keys and values"),
    ("organisations: {Globex: {}}\n", "2.yaml:1:16: organisations: must be a list, like [a, b]"),
    ("desk: {digest_t: 07:00}\n", "2.yaml:1:8: unknown key 'digest_t' (did you mean 'digest_at'?)"),
    ("desk: {digest: 07:00}\n", "2.yaml:1:16: digest: '07:00' is not one of on, off"),
    ("desk: {report_at: monday}\n", "2.yaml:1:19: report_at: 'monday' is no day and time of day, like mon 07:00, and not off"),
    ("desk: {report_at: mon 24:00}\n", "2.yaml:1:19: report_at: 'mon 24:00' is no day and time of day, like mon 07:00, and not off"),
    ("desk: {time: sometimes}\n", "2.yaml:1:14: time: 'sometimes' is not one of off, ask, required"),
    ("teams: {sales: {level: high}}\n", "2.yaml:1:24: level: must be a whole number"),
    ("teams: {sales: {responsible: eve@acme.test}}\n", "2.yaml:1:30: responsible: unknown agent 'eve@acme.test' (did you mean 'ben@acme.test'?)"),
    ("fields: {size: {values: [1, 2]}}\n", ["2.yaml:1:26: values: must be text: put it in quotes", "2.yaml:1:29: values: must be text: put it in quotes"]),
    # people
    ("agents:\n  - {name: Eve, team: support}\n", "2.yaml:2:5: 'address' is missing"),
    ("agents:\n  - {name: Eve, address: eve@x.test, team: suport}\n", "2.yaml:2:44: team: unknown team 'suport' (did you mean 'support'?)"),
    ("agents:\n  - {name: Eve, address: eve, team: support}\n", "2.yaml:2:26: address: 'eve' is no mail address, like name@example.org"),
    (
        "agents:\n  - {name: Eve, address: ANA@acme.test, team: support}\n",
        "2.yaml:2:26: agent 'ana@acme.test' stands twice; before: rules/1.yaml:9:31",
    ),
    (
        "agents:\n  - {name: Eve, address: help+eve@acme.test, team: support}\n",
        "2.yaml:2:26: address: 'help+eve@acme.test' is the desk's own: an agent needs an address of his own",
    ),
    (
        "agents:\n  - {name: E, address: e@x.test, team: support, role: administrator}\n",
        "2.yaml:2:55: role: 'administrator' is not one of agent, admin, light",
    ),
    (
        "agents:\n  - {name: E, address: e@x.test, team: support, timezone: Amsterdam}\n",
        "2.yaml:2:59: timezone: unknown time zone 'Amsterdam' (did you mean 'Europe/Amsterdam'?)",
    ),
    (
        "agents:\n  - {name: E, adress: e@x.test, team: support}\n",
        ["2.yaml:2:5: 'address' is missing", "2.yaml:2:15: unknown key 'adress' (did you mean 'address'?)"],
    ),
    ("organisations:\n  - {name: X, sla: gold}\n", "2.yaml:2:20: sla: unknown SLA policy 'gold': none is defined"),
    (
        "organisations: [{name: X, domains: [x.test]}, {name: X, domains: [y.test, x.test]}]\n",
        [
            "2.yaml:1:54: organisation 'X' stands twice; before: rules/2.yaml:1:24",
            "2.yaml:1:75: domain 'x.test' stands twice; before: rules/2.yaml:1:37",
        ],
    ),
    ("organisations: [{name: X, domains: ['@x.test']}]\n", "2.yaml:1:37: domains: '@x.test' must be a domain, without anything before the @"),
    # working hours
    ("calendars: {c: {monday: 09:00-17:00}}\n", "2.yaml:1:17: unknown key 'monday': days are written mon, mon-fri or mon,wed (did you mean 'mon'?)"),
    ("calendars: {c: {mon: 09:00-17:00, timezon: UTC}}\n", "2.yaml:1:35: unknown key 'timezon': days are written mon, mon-fri or mon,wed (did you mean 'timezone'?)"),
    ("calendars: {c: {mon: 9-17}}\n", "2.yaml:1:22: mon: '9-17' is no span of hours, like 09:00-17:00"),
    ("calendars: {c: {mon: 09:00-25:00}}\n", "2.yaml:1:22: mon: '09:00-25:00' is no span of hours: they run from 00:00 to 24:00"),
    (
        "calendars: {c: {mon: 22:00-06:00}}\n",
        "2.yaml:1:22: mon: '22:00-06:00' ends before it begins: a night is written as 22:00-24:00 and, the next day, 00:00-06:00",
    ),
    ("calendars: {c: {mon: '09:00-12:00, 11:00-17:00'}}\n", "2.yaml:1:22: mon: '09:00-12:00, 11:00-17:00' names some hours twice"),
    ("calendars: {c: {mon: 9}}\n", '2.yaml:1:22: mon: must be hours like "09:00-17:00", several with commas between, or closed'),
    ("calendars: {c: {mon-wed: 09:00-17:00, tue-thu: 09:00-17:00}}\n", [
        "2.yaml:1:39: 'tue-thu' and 'mon-wed' both say when tue is open",
        "2.yaml:1:39: 'tue-thu' and 'mon-wed' both say when wed is open",
    ]),
    (
        "calendars: {c: {timezone: UTC, sun: closed}}\n",
        "2.yaml:1:13: calendar 'c' has no working hours, so nothing would ever be due: add some, like mon-fri: \"09:00-17:00\"",
    ),
    ("calendars: {c: {mon: 09:00-17:00, holidays: Netherlands}}\n", "2.yaml:1:45: holidays: unknown country 'Netherlands' (did you mean 'NL'?)"),
    ("calendars: {c: {mon: 09:00-17:00, holidays: [NL, XX]}}\n", "2.yaml:1:50: holidays: unknown country 'XX': write its ISO 3166 code, like NL, or with a part, like DE-BY"),
    ("calendars: {c: {mon: 09:00-17:00, holidays: AT-X}}\n", "2.yaml:1:45: holidays: unknown part of a country 'AT-X' (known: AT-1, AT-2, AT-3, AT-4, AT-5, AT-6, AT-7, AT-8, AT-9)"),
    ("calendars: {c: {mon: 09:00-17:00, holidays: [2026-02-30]}}\n", "2.yaml:1:46: holidays: '2026-02-30' is no date, like 2026-12-24"),
    # promises
    ("sla: {gold: {update: 4h}}\n", "2.yaml:1:7: 'sla.gold.calendar' is missing"),
    ("sla: {gold: {calendar: office, update: 4h}}\n", "2.yaml:1:24: calendar: unknown calendar 'office': none is defined"),
    (
        "calendars: {office: {mon: 09:00-17:00}}\nsla: {gold: {calendar: ofice, update: 4h}}\n",
        "2.yaml:2:24: calendar: unknown calendar 'ofice' (did you mean 'office'?)",
    ),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla: {gold: {calendar: c, updates: 4h}}\n",
        "2.yaml:2:27: unknown key 'updates' (did you mean 'update'?)",
    ),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla: {gold: {calendar: c}}\n",
        "2.yaml:2:7: policy 'gold' promises nothing: it needs one of first_response, update, resolution, silence",
    ),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla:\n  gold:\n    calendar: c\n    update: 4 hours\n",
        "2.yaml:5:13: update: '4 hours' is no duration (did you mean '4h'?)",
    ),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla: {g: {calendar: c, update: {defualt: 4h}}}\n",
        "2.yaml:2:33: unknown key 'defualt' (did you mean 'default'?)",
    ),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla: {g: {calendar: c, update: {priority 1: 4x, calendar: d}}}\n",
        "2.yaml:2:45: priority 1: '4x' is no duration: write a number and a unit, like 30m, 4h, 5d or 1h30m",
    ),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla: {g: {calendar: c, update: {calendar: d}}}\n",
        [
            "2.yaml:2:24: update: needs a span, like update: 4h or update: {default: 4h}",
            "2.yaml:2:43: calendar: unknown calendar 'd' (known: c)",
        ],
    ),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla: {g: {calendar: c, update: 4h, pause: [waiting], tell: resolution}}\n",
        "2.yaml:2:44: pause: 'waiting' is not one of pending, on-hold",
    ),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla: {g: {calendar: c, update: 4h, tell: resolution}}\n",
        "2.yaml:2:42: tell: unknown target of this policy 'resolution' (known: update)",
    ),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla: {g: {calendar: c, update: 4h, for: {team: sales, priority: 6}}}\n",
        "2.yaml:2:65: priority: must be at most 5",
    ),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla: {g: {calendar: c, update: 4h, for: {team: sales, organisation: X}}}\n",
        [
            "2.yaml:2:48: team: unknown team 'sales' (known: support, engineering)",
            "2.yaml:2:69: organisation: unknown organisation 'X': none is defined",
        ],
    ),
    ("calendars: {c: {mon: 09:00-17:00}}\nsla: {g: {calendar: c, update: 4h, warn: 75}}\n", "2.yaml:2:42: warn: '75' is no part of a span, such as 75%, and no time before it ends, such as 30m"),
    ("calendars: {c: {mon: 09:00-17:00}}\nsla: {g: {calendar: c, update: 4h, warn: 100%}}\n", "2.yaml:2:42: warn: '100%' is no part of a span, from 1% to 99%"),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla: {g: {calendar: c, first_response: 4h, met_by: solved, update_limit: 2}}\n",
        [
            "2.yaml:2:44: met_by is about resolution, which this policy does not promise",
            "2.yaml:2:60: update_limit is about update, which this policy does not promise",
        ],
    ),
    (
        "calendars: {c: {mon: 09:00-17:00}}\nsla: {g: {calendar: c, update: {default: 4h, met_by: solved}, resolution: {met_by: [closd]}}}\n",
        "2.yaml:2:85: met_by: 'closd' is not one of solved, escalated",
    ),
    # notices
    ("notices: [{to: requester, event: created}]\n", "2.yaml:1:11: 'send' is missing"),
    (
        "notices: [{to: requestor, event: [created, answred], send: digest}]\n",
        [
            "2.yaml:1:16: to: 'requestor' is not one of requester, participant, responsible, new-responsible, team, team-copy, contact, watcher, admin (did you mean 'requester'?)",
            "2.yaml:1:44: event: 'answred' is not one of created, replied, answered, noted, state, assigned, changed, estimated, undeliverable, updated, warned, breached, supplied, rated, escalated (did you mean 'answered'?)",
        ],
    ),
    ("notices: [{organisation: Globx, send: off}]\norganisations: [{name: Globex}]\n", "2.yaml:1:26: organisation: unknown organisation 'Globx' (did you mean 'Globex'?)"),
    # what comes to life later
    ("rules:\n  - {name: x, wen: {}, then: {}}\n", "2.yaml:2:15: unknown key 'wen' (did you mean 'when'?)"),
    ("rules:\n  - {when: {}, then: {}}\n", "2.yaml:2:5: 'name' is missing"),
    ("rules:\n  - {name: x, when: {subjct: y}, then: {}}\n", "2.yaml:2:22: unknown condition 'subjct' (did you mean 'subject'?)"),
    (
        "rules:\n  - {name: x, when: {any: [{subject: y}, {not: {form: z}}]}, then: {}}\n",
        "2.yaml:2:49: unknown condition 'form' (did you mean 'from'?)",
    ),
    ("rules:\n  - {name: x, when: {any: [a]}, then: {}}\n", "2.yaml:2:28: any: must hold conditions, like {subject: invoice}"),
    ("rules:\n  - {name: x, when: {subject: [a, '/(/']}, then: {}}\n", "2.yaml:2:35: subject: bad pattern: missing ): ("),
    (
        "rules:\n  - {name: x, when: {subject: /(?=a)/}, then: {}}\n",
        "2.yaml:2:31: subject: bad pattern: invalid perl operator: (?= (look-around and back-references are not supported)",
    ),
    ("rules:\n  - {name: x, when: {idle: 5 days}, then: {}}\n", "2.yaml:2:28: idle: '5 days' is no duration (did you mean '5d'?)"),
    ("rules:\n  - {name: x, when: {header: {X-A: [{}]}, body: {a: b}}, then: {}}\n", [
        "2.yaml:2:37: X-A: must be a text or a number, or a list of them",
        "2.yaml:2:49: body: must be a text or a number, or a list of them",
    ]),
    ("rules:\n  - {name: x, then: {prority: 1, field.: x}}\n", [
        "2.yaml:2:22: unknown action 'prority' (did you mean 'priority'?)",
        "2.yaml:2:34: unknown action 'field.' (did you mean 'field.NAME'?)",
    ]),
    ("rules:\n  - {name: x, then: {}, on: tickets}\n", "2.yaml:2:29: on: 'tickets' is not one of ticket, reply, change, time (did you mean 'ticket'?)"),
    ("rules:\n  - {name: x, then: {}, stop: yes}\n", "2.yaml:2:31: stop: must be true or false"),
    ("rules:\n  - {name: x, then: {}, tests: [{given: {subjet: a}, the: no match}]}\n", [
        "2.yaml:2:33: 'then' is missing",
        "2.yaml:2:42: unknown word of a mail 'subjet' (did you mean 'subject'?)",
        "2.yaml:2:54: unknown key 'the' (did you mean 'then'?)",
    ]),
    ("rules:\n  - {name: x, then: {}, tests: [{given: a, then: none}]}\n", [
        "2.yaml:2:41: given: must hold what a mail says, like {subject: invoice}",
        "2.yaml:2:50: then: must hold actions, or be 'no match'",
    ]),
    ("escalations: [{notfy: team}, {priority: rise}, {after: soon}]\n", [
        "2.yaml:1:16: unknown key 'notfy' (did you mean 'notify'?)",
        "2.yaml:1:41: priority: 'rise' is no priority from 1 to 5 and not 'raise'",
        "2.yaml:1:56: after: 'soon' is no duration: write a number and a unit, like 30m, 4h, 5d or 1h30m",
    ]),
    ("oncall: {support: {agents: [ana@acme.test], every: 7d, since: monday}}\n", "2.yaml:1:63: since: 'monday' is no date, like 2026-12-24"),
    ("dictionary: {type: {}}\n", "2.yaml:1:14: unknown key 'type' (did you mean 'types'?)"),
    ("dictionary: {types: {bug: {labl: x}}}\n", "2.yaml:1:28: unknown key 'labl' (did you mean 'label'?)"),
    ("dictionary: {impacts: {4: nobody}}\n", "2.yaml:1:24: key '4': must be at most 3"),
    ("dictionary: {priority: [[1, 2], [1, 2, 3], [1, 2, 3]]}\n", "2.yaml:1:24: priority: must be three rows (impact 1 to 3) of three priorities (urgency 1 to 3)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes(text, expected):
    assert complaints(DESK, text) == ([expected] if isinstance(expected, str) else expected)


@pytest.mark.parametrize(
    ("view", "says"),
    [
        ("{team: suport}", "team: unknown team 'suport' (did you mean 'support'?)"),
        ("{assignee: nemo@x.test}", "assignee: unknown agent 'nemo@x.test'"),
        ("{state: opn}", "'opn' is not one of"),
        ("{priority: 6}", "at most 5"),
        ("{idle: soon}", "idle: "),
        ("{subject: x}", "unknown key 'subject'"),
    ],
)
def test_mistakes_in_a_view(view, says):
    [found] = complaints(DESK, f"desk: {{views: {{late: {view}}}}}\n")
    assert says in found


def test_nobody_who_answers():
    assert complaints("teams: {support: {}}") == [
        "rules: a desk needs somebody who answers: `agents: [{name: …, address: …, team: …}]`"
    ]
    assert complaints("agents: []\n")[0].startswith("1.yaml:1:1: a desk needs somebody who answers")
    assert complaints("agents:\n - {name: A, address: a@b.test, team: support}\n") == [
        "1.yaml:2:39: team: unknown team 'support': none is defined"
    ]


def test_all_mistakes_of_all_files_at_once():
    assert complaints("teams: {a: {levl: 1}}\n", "fields: [\n", DESK, "desk: {digest_at: noon}\n") == [
        "1.yaml:1:13: unknown key 'levl' (did you mean 'level'?)",
        "2.yaml:2:1: something is missing before this: a value, or a closing bracket",
        "4.yaml:1:8: 'digest_at' stands twice; before: rules/3.yaml:1:60",
    ]


def test_an_unknown_key_hides_no_unknown_word():
    people = "agents: [{name: Dia, address: dia@acme.test, team: suport}]\nfields: {a: {labl: A}}\n"
    assert complaints(DESK, people) == [
        "2.yaml:1:52: team: unknown team 'suport' (did you mean 'support'?)",
        "2.yaml:2:14: unknown key 'labl' (did you mean 'label'?)",
    ]


def test_items_of_joined_lists_keep_their_places():
    more = "\nagents:\n  - {name: Eve, address: eve@acme.test, team: nobody}\n"
    assert complaints(DESK, more, more.replace("eve", "fay")) == [
        "2.yaml:3:47: team: unknown team 'nobody' (known: support, engineering)",
        "3.yaml:3:47: team: unknown team 'nobody' (known: support, engineering)",
    ]


def test_a_file_that_cannot_be_read_does_not_make_right_words_look_wrong():
    assert complaints(DESK + "x: [\n", PEOPLE) == [
        "1.yaml:12:1: something is missing before this: a value, or a closing bracket"
    ]


broken = st.tuples(
    st.integers(0, len(DESK + PEOPLE)),
    st.integers(0, 3),
    st.text("{}[]:,-'\"#&*!|>%@`?\n\t 1a~\x00é", max_size=3),
)


@settings(max_examples=70, deadline=None)
@given(st.lists(broken, min_size=1, max_size=3))
def test_whatever_is_written_is_answered_with_places(changes):
    text = DESK + PEOPLE
    for at, length, inserted in changes:
        text = text[:at] + inserted + text[at + length :]
    loaded = load(text)
    assert (loaded.rulebook is None) == bool(loaded.problems)
    lines = text.split("\n")
    assert all(problem.line <= len(lines) for problem in loaded.problems)
    assert all(
        problem.column <= len(lines[problem.line - 1]) + 1 for problem in loaded.problems if problem.line
    )
