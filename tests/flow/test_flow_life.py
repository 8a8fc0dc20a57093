"""A ticket's life under random mails, commands, rules and time: what must never be untrue, looked at after every step."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from structlog.testing import capture_logs

from maild.desk import tokens
from maild.desk.people import Ticket
from maild.desk.words import State
from maild.settling import Outbound
from store import Store
from store.rows import Filter
from tests.flow import stage as s

CUSTOMERS = ("carla@globex.test", "pia@else.test", "eve@evil.test")
AGENTS = ("ana@acme.test", "ben@acme.test", "chen@acme.test")
NAMES = {"ana@acme.test": "Ana Ruiz", "ben@acme.test": "Ben Okoro", "chen@acme.test": "Chen Li"}
RULES = (
    s.RULES
    + """\
rules:
  - {name: Outage, when: {text: outage}, then: {priority: 1, team: engineering, tags: [outage], note: Call the host at once. SECRETRULE}}
  - {name: Rest, when: {team: null}, then: {team: support, assignee: round-robin}}
  - {name: Urgent, on: change, when: {priority: 1, team: support}, then: {team: engineering}}
  - {name: Thanks, on: reply, when: {body: thanks}, then: {tags: [thanked]}}
  - {name: Silent, on: time, when: {state: solved, idle: 5d}, then: {state: closed}}
"""
)
DECLARED = (
    RULES
    + """\
  - {name: Crash, when: {text: crash}, then: {type: bug, category: broken, severity: significant}}
  - {name: Vip, on: change, when: {severity: critical}, then: {tags: [vip]}}
desk: {time: required}
dictionary:
  types:
    question: {}
    bug:
      ask: wait
      required_on_solve: [category]
      needs:
        - {field: doing, ask: {en: "What were you doing?", es: "¿Qué estaba haciendo?"}}
        - {field: version, ask: {en: "Which version do you use?", es: "¿Qué versión usa?"}, met_by: /(?i)\\bversion \\d/}
        - {ask: {en: "Please send a screenshot."}, met_by: attachment}
  categories: {broken: {}, billing: {}}
  severities: {critical: {impact: 1}, significant: {impact: 2}, low: {impact: 3}}
  impacts: {1: everybody, 2: a group, 3: one person}
  urgencies: {1: now, 2: today, 3: whenever}
  tags: {outage: {}, thanked: {}, vip: {}, a: {}, b: {}}
  priority: [[1, 1, 2], [1, 3, 4], [3, 4, 5]]
people:
  - {name: Jan Jansen, address: jan@home.test, phone: "+31 20 555 0199"}
escalations:
  - {notify: assignee}
  - {after: 1h, notify: team, priority: raise}
  - {notify: chen@acme.test, team: engineering}
"""
).replace("fields:\n", "fields:\n  doing: {}\n  version: {type: number}\n  due: {type: date}\n", 1)
TYPES, CATEGORIES, SEVERITIES = (
    (None, "question", "bug"), (None, "broken", "billing"), (None, "critical", "significant", "low"),
)  # fmt: skip
TABLE = ((1, 1, 2), (1, 3, 4), (3, 4, 5))
WORDS = (
    "outage",
    "a crash of version 3 on my desk",
    "1. I was printing\n2. 4,5",
    "yes, thanks",
    "5",
    "thanks",
    "the printer is on fire",
    "please help me with the green one",
    "no funciona nada",
)
COMMANDS = (
    "#solve", "#pending", "#state pending", "#priority 1", "#priority 9", "#tag a b", "#assign me", "#assign ben@acme.test", "#assign nobody",
    "#team engineering", "#close", "#reopen", "#solvd", "#time 5m", "#undo", "#subject Something else", "#field product=flow", "#spam", "#watch me",
    "#merge 1", "#merge 1 together", "#split Another thing", "#link 1", "#requester pia@else.test", "#ack", "#ask ben@acme.test", "#due 2026-12-01",
    "#type bug", "#type question", "#type bgu", "#category broken", "#severity critical", "#severity low", "#urgency 1", "#impact 3", "#impact auto", "#priority auto",
    "#field version=4.2", "#field version=old", "#field due=2026-12-24", "#cause dust", "#requester Jan Jansen", "#requester +31 20 555 7777", "#contact phone",
    "#escalate", "#solve anyway", "#organisation Globex",
)  # fmt: skip
HOUR = timedelta(hours=1)
_TOKEN = re.compile(rb"support\+([a-z0-9]+)@acme\.test")


@dataclass(frozen=True)
class Got:
    """A mail of ours in somebody's mailbox."""

    reader: str
    mail: EmailMessage
    at: datetime
    outbound: Outbound


def standing(one: Ticket) -> tuple[object, ...]:
    """What automatic mail may not change."""
    return (one.state, one.assignee, one.team, one.priority, one.tags, one.first_response_at, one.first_response_due, one.requester)  # fmt: skip


class Life(RuleBasedStateMachine):
    """`secrets`: words of notes. `mine`: for each mail of ours, by Message-ID, what was told to whom."""

    got = Bundle("got")
    files = RULES

    def __init__(self) -> None:
        super().__init__()
        self.closing = contextlib.ExitStack()
        self.closing.enter_context(capture_logs())
        self.folder = Path(tempfile.mkdtemp())
        self.number = 0
        self.secrets = ["SECRETRULE"]
        self.all: list[Got] = []
        self.looked = 0

    @initialize()
    def open(self) -> None:
        self.store = Store.open(f"sqlite:///{self.folder}/maild.db", self.folder / "files")
        self.desk = s.stage(self.folder, self.store, rules=self.files)

    def teardown(self) -> None:
        with self.closing:
            if hasattr(self, "store"):
                assert self.store.check() == []
                self.store.close()
            shutil.rmtree(self.folder)

    # -- what people do ------------------------------------------------------------------------------------------------------

    def arrive(self, raw: bytes, *to: str, sender: str) -> None:
        self.desk.pass_time(timedelta(seconds=1))  # the same words twice are two mails, but not at one moment
        self.desk.take(raw, *to, sender=sender)
        self.desk.work()

    def fresh(self) -> int:
        self.number += 1
        return self.number

    def tickets(self) -> list[Ticket]:
        with self.store.read() as work:
            return work.tickets(Filter())

    def delivered(self) -> list[Got]:
        out = self.desk.sent()
        mails = [
            Got(outbound.row.recipient.lower(), mail, self.desk.now[0], outbound) for outbound, mail in out
        ]
        self.all += mails
        return mails

    @rule(target=got, who=st.sampled_from(CUSTOMERS), words=st.sampled_from(WORDS))
    def a_customer_writes(self, who: str, words: str) -> Got | None:
        number, before = self.fresh(), len(self.tickets())
        self.arrive(
            s.mail(who, f"Request {number}", f"Hello, {words}. This is number {number}.", number), sender=who
        )
        assert len(self.tickets()) == before + 1
        return self.first(self.delivered())

    def first(self, mails: list[Got]) -> Got | None:
        """One of them to answer; a customer's first."""
        return next(iter(sorted(mails, key=lambda one: one.reader in AGENTS)), None)

    @rule(target=got, mail=got, words=st.sampled_from(WORDS))
    def its_reader_answers(self, mail: Got | None, words: str) -> Got | None:
        if mail is None or mail.reader not in CUSTOMERS:
            return None
        raw, to = s.answer(mail.mail, mail.reader, f"Well, {words}.", self.fresh())
        self.arrive(raw, to, sender=mail.reader)
        agents = [one for one in self.delivered() if one.reader in AGENTS]
        return agents[0] if agents else None

    @rule(
        target=got,
        mail=got,
        commands=st.lists(st.sampled_from(COMMANDS), max_size=2, unique=True),
        inside=st.booleans(),
        words=st.sampled_from(("", *WORDS)),
    )
    def an_agent_answers(self, mail: Got | None, commands: list[str], inside: bool, words: str) -> Got | None:
        if mail is None or mail.reader not in AGENTS:
            return None
        number = self.fresh()
        text = words
        if inside:
            self.secrets.append(f"SECRET{number}X")
            commands, text = ["#note", *commands], f"{words} SECRET{number}X"
        lines = "\n".join([*commands, text])
        raw, to = s.answer(mail.mail, f"{NAMES[mail.reader]} <{mail.reader}>", lines, number)
        self.arrive(raw, to, sender=mail.reader)
        out = self.delivered()
        refused = any(
            one.outbound.row.kind == "transcript" and "REFUSED" in s.text_of(one.mail) for one in out
        )
        assert not (refused and any(one.outbound.row.answer for one in out)), "refused, and sent all the same"
        return self.first(out)

    @rule(mail=got, who=st.sampled_from((*CUSTOMERS, *AGENTS)))
    def something_automatic_comes_back(self, mail: Got | None, who: str) -> None:
        if mail is None:
            return
        before = {one.id: standing(one) for one in self.tickets()}
        headers = ["Auto-Submitted: auto-replied", f"In-Reply-To: {mail.mail['Message-ID']}"]
        address = mail.mail["Reply-To"].addresses[0].addr_spec
        self.arrive(
            s.mail(who, "Out of office", "I am away.", self.fresh(), address, headers), address, sender=""
        )
        after = {one.id: standing(one) for one in self.tickets()}
        assert after == before, "automatic mail changed a ticket, or opened one"
        assert not [one for one in self.delivered() if one.outbound.row.role.outside], (
            "automatic mail was answered"
        )

    @rule(who=st.sampled_from(AGENTS), words=st.sampled_from(WORDS), command=st.sampled_from(COMMANDS))
    def somebody_pretends_to_be_an_agent(self, who: str, words: str, command: str) -> None:
        before = [one for one in self.tickets() if one.requester.key in CUSTOMERS]
        if not before:
            return
        number, target = self.fresh(), before[-1]
        raw = s.mail(f"{NAMES[who]} <{who}>", f"Re: [Acme #{target.id}] hello", f"{command}\n{words}", number)
        self.arrive(raw, sender="eve@evil.test")
        with self.store.read() as work:
            now = work.ticket(target.id)
        assert now is not None
        assert standing(now) == standing(target), "a From alone had power"
        assert not any(one.outbound.row.answer for one in self.delivered()), "an impostor's words went out"

    @rule(words=st.sampled_from(WORDS))
    def a_stranger_guesses_a_number(self, words: str) -> None:
        before = self.tickets()
        if not before:
            return
        with self.store.read() as work:
            had = len(work.messages(1))
        self.arrive(
            s.mail("mallory@far.test", "Re: [Acme #1] hello", words, self.fresh()), sender="mallory@far.test"
        )
        with self.store.read() as work:
            assert len(work.messages(1)) == had
        assert len(self.tickets()) == len(before) + 1
        self.delivered()

    @rule(hours=st.sampled_from((1, 5, 30, 150)))
    def time_passes(self, hours: int) -> None:
        self.desk.pass_time(timedelta(hours=hours))
        for _ in range(100):
            if not self.desk.flow.tick():
                break
        else:
            pytest.fail("time never comes to rest")
        self.delivered()

    # -- what must never be untrue ---------------------------------------------------------------------------------------------

    @invariant()
    def nothing_inside_reaches_outside(self) -> None:
        fresh, self.looked = self.all[self.looked :], len(self.all)
        for one in fresh:
            raw = one.outbound.row.raw
            self._holds_no_token_of_others(one, raw)
            if one.reader in AGENTS or not one.outbound.row.role.outside:
                continue
            whole = s.text_of(one.mail) + str(one.mail["Subject"]) + raw.decode("utf-8", "replace")
            html = one.mail.get_body(("html",))
            whole += str(html.get_content()) if html else ""
            for secret in (*AGENTS, *self.secrets):
                assert secret not in whole, f"{secret} reached {one.reader}"

    def _holds_no_token_of_others(self, one: Got, raw: bytes) -> None:
        with self.store.read() as work:
            keys, owner = work.keys(), one.outbound.row.person
        for found in _TOKEN.findall(raw):
            verified = tokens.verify(found.decode(), keys, self.desk.now[0])
            assert verified is None or verified[0].number == owner, f"{one.reader} holds another's token"

    @invariant()
    def everything_is_told_once(self) -> None:
        mids = Counter(one.mail["Message-ID"] for one in self.all)
        assert all(count == 1 for count in mids.values())
        said = Counter((one.reader, one.outbound.row.ticket, s.text_of(one.mail), one.at) for one in self.all)
        assert [key for key, count in said.items() if count > 1] == []

    @invariant()
    def automatic_mail_is_bounded(self) -> None:
        outside = [one for one in self.all if one.outbound.row.automatic and one.outbound.row.role.outside]
        for one in outside:
            near = [other for other in outside if other.reader == one.reader and timedelta(0) <= other.at - one.at < HOUR]  # fmt: skip
            assert len(near) <= 10, f"{one.reader} got {len(near)} automatic mails within an hour"


class DeclaredLife(Life):
    """The same on a desk that declares its words, asks for what is missing, wants time logged, and escalates."""

    files = DECLARED

    @invariant()
    def words_are_the_declared_ones(self) -> None:
        for one in self.tickets():
            assert one.type in TYPES
            assert one.category in CATEGORIES
            assert one.severity in SEVERITIES
            assert all(
                key in ("doing", "version") or key.startswith("ask ") for key in (*one.met, *one.asked)
            )
            version = one.fields.get("version")
            assert version is None or re.fullmatch(r"-?\d+(\.\d+)?", version)

    @invariant()
    def priority_follows_unless_it_was_chosen(self) -> None:
        for one in self.tickets():
            if one.impact is not None and "priority" not in one.chosen:
                assert one.priority == TABLE[int(one.impact) - 1][int(one.urgency or "2") - 1]

    @invariant()
    def nothing_is_solved_without_time(self) -> None:
        for one in self.tickets():
            with self.store.read() as work:
                anyway = any(line.event == "solved anyway" for line in work.events(one.id))
            assert one.state is not State.SOLVED or one.minutes_spent or anyway

    @invariant()
    def steps_are_taken_in_order_and_once(self) -> None:
        for one in self.tickets():
            with self.store.read() as work:
                taken = [
                    line.detail.get("step")
                    for line in work.events(one.id)
                    if line.event == "escalated" and line.detail.get("step")
                ]
            assert taken == list(range(1, len(taken) + 1))
            assert one.step == len(taken) <= 3


Life.TestCase.settings = settings(
    max_examples=10, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLife = Life.TestCase
DeclaredLife.TestCase.settings = Life.TestCase.settings
TestDeclaredLife = DeclaredLife.TestCase
