"""What is wrong between parts of the admin's files that are right by themselves: words that name nothing, people defined twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from maild.desk import escalation_sense, people_sense, shapes, staff_sense, week
from maild.desk.clocks import TARGETS
from maild.desk.rulebook import Identity, Rulebook
from maild.errors import Problem
from maild.reading import KeyPath, Places, unknown, unknown_word


def inconsistencies(document: shapes.Document, identity: Identity, places: Places) -> Iterator[Problem]:
    yield from _people(document, identity, places)
    yield from people_sense.inconsistencies(document, identity, places)
    yield from _customers(document, places)
    yield from _promises(document, places)
    yield from _views(document, places)
    yield from _rotas(document, places)
    yield from escalation_sense.inconsistencies(document, identity, places)
    customers = [customer.name for customer in document.organisations]
    for index, notice in enumerate(document.notices):
        path = ("notices", index, "organisation")
        yield from unknown_word("organisation", notice.organisation, customers, path, places)


def _views(document: shapes.Document, places: Places) -> Iterator[Problem]:
    agents = [agent.address for agent in document.agents]
    for name, view in document.desk.views.items():
        path = ("desk", "views", name)
        if view.team != "mine":
            yield from unknown_word("team", view.team, document.teams, (*path, "team"), places)
        if view.assignee not in ("me", "nobody"):
            yield from unknown_word("agent", view.assignee, agents, (*path, "assignee"), places)


def _twice(what: str, named: Iterable[tuple[str, KeyPath]], places: Places) -> Iterator[Problem]:
    """A complaint for each word that stands a second time, in whatever case, naming the first place."""
    first: dict[str, KeyPath] = {}
    for word, path in named:
        before = first.setdefault(word.lower(), path)
        if before != path:
            yield places.value(path).problem(f"{what} '{word}' stands twice; before: {places.value(before)}")


def _people(document: shapes.Document, identity: Identity, places: Places) -> Iterator[Problem]:
    if not document.agents:
        yield places.key(("agents",)).problem(
            "a desk needs somebody who answers: `agents: [{name: …, address: …, team: …}]`"
        )
    own = Rulebook(identity)
    for index, agent in enumerate(document.agents):
        yield from unknown_word("team", agent.team, document.teams, ("agents", index, "team"), places)
        if own.is_own(agent.address):
            yield places.value(("agents", index, "address")).problem(
                f"address: '{agent.address}' is the desk's own: an agent needs an address of his own"
            )
    addresses = [(agent.address, ("agents", index, "address")) for index, agent in enumerate(document.agents)]
    yield from _twice("agent", addresses, places)
    logins = [
        (agent.login, ("agents", at, "login")) for at, agent in enumerate(document.agents) if agent.login
    ]
    yield from _twice("login", logins, places)
    yield from staff_sense.inconsistencies(document, identity, places)


def _rotas(document: shapes.Document, places: Places) -> Iterator[Problem]:
    agents = [agent.address for agent in document.agents]
    for team, rota in document.oncall.items():
        path = ("oncall", team)
        if team not in document.teams:
            yield places.key(path).problem(unknown("team", team, document.teams))
        if not rota.agents:
            yield places.value((*path, "agents")).problem("agents: must not be empty")
        for index, address in enumerate(rota.agents):
            yield from unknown_word("agent", address, agents, (*path, "agents", index), places)


def _customers(document: shapes.Document, places: Places) -> Iterator[Problem]:
    organisations = list(enumerate(document.organisations))
    yield from _twice(
        "organisation", ((shape.name, ("organisations", at, "name")) for at, shape in organisations), places
    )
    named = [
        (word, ("organisations", at, key, index))
        for at, shape in organisations
        for key in ("domains", "members")
        for index, word in enumerate(getattr(shape, key))
    ]
    yield from _twice("domain", (one for one in named if "@" not in one[0]), places)
    yield from _twice("member", (one for one in named if "@" in one[0]), places)
    for at, shape in organisations:
        yield from unknown_word("SLA policy", shape.sla, document.sla, ("organisations", at, "sla"), places)
    for name, group in document.groups.items():
        yield from unknown_word("SLA policy", group.sla, document.sla, ("groups", name, "sla"), places)


def _promises(document: shapes.Document, places: Places) -> Iterator[Problem]:
    for key, calendar in document.calendars.items():
        spans, wrong = week.week(calendar.__pydantic_extra__)
        for days, message in wrong:
            yield places.key(("calendars", key, days)).problem(message)
        if not wrong and not any(spans):
            yield places.key(("calendars", key)).problem(
                f"calendar '{key}' has no working hours, so nothing would ever be due: add some, like mon-fri: \"09:00-17:00\""
            )
    for key, policy in document.sla.items():
        path = ("sla", key)
        yield from unknown_word("calendar", policy.calendar, document.calendars, (*path, "calendar"), places)
        yield from _targets(policy, path, document, places)
        yield from _conditions(policy.for_, (*path, "for"), document, places)


def _targets(
    policy: shapes.Policy, path: KeyPath, document: shapes.Document, places: Places
) -> Iterator[Problem]:
    promised = [name for name in TARGETS if getattr(policy, name) is not None]
    if not promised:
        yield places.key(path).problem(
            f"policy '{path[-1]}' promises nothing: it needs one of {', '.join(TARGETS)}"
        )
    for name in promised:
        target: shapes.Target = getattr(policy, name)
        if not target.model_fields_set - {"calendar", "met_by"}:
            yield places.key((*path, name)).problem(
                f"{name}: needs a span, like {name}: 4h or {name}: {{default: 4h}}"
            )
        yield from unknown_word(
            "calendar", target.calendar, document.calendars, (*path, name, "calendar"), places
        )
        if target.met_by is not None and name != "resolution":
            yield places.key((*path, name, "met_by")).problem(
                f"{name}: only a person's answer meets it; met_by is for the resolution"
            )
    yield from _without_effect(policy, path, promised, places)
    for index, name in enumerate(policy.tell or ()):
        yield from unknown_word("target of this policy", name, promised, (*path, "tell", index), places)


def _without_effect(
    policy: shapes.Policy, path: KeyPath, promised: list[str], places: Places
) -> Iterator[Problem]:
    """Words about targets that the policy does not have."""
    for key, target in (("met_by", "resolution"), ("update_limit", "update")):
        if key in policy.model_fields_set and target not in promised:
            yield places.key((*path, key)).problem(
                f"{key} is about {target}, which this policy does not promise"
            )


def _conditions(
    wanted: shapes.PolicyFor, path: KeyPath, document: shapes.Document, places: Places
) -> Iterator[Problem]:
    known = {
        "organisation": [customer.name for customer in document.organisations],
        "group": list(document.groups),
        "team": list(document.teams),
    }
    for name, names in known.items():
        for index, word in enumerate(getattr(wanted, name)):
            yield from unknown_word(name, word, names, (*path, name, index), places)
