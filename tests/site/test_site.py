"""A desk's folder as one value, and all that is wrong in it at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from maild import shipped, site
from maild.desk.facts import Trust
from maild.desk.rulebook import Identity, Limits
from maild.errors import ConfigError

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

CONFIG = """\
[desk]
name = "Acme"
address = "Support@acme.test"
aliases = ["support@acme.test", "help@acme.test"]
tag = "Acme"
language = "es"
timezone = "Europe/Madrid"
reply_address = "plain"
delimiter = "-"
lists = ["a.lists.test"]
forms = ["form@www.test"]
[trust]
authserv_ids = ["MX.acme.test"]
spam = ["X-Spam-Flag: YES", "X-Spam-Level: *****"]
[limits]
automatic_per_address_per_hour = 3
automatic_per_ticket_per_day = "off"
automatic_per_domain_per_hour = 4
automatic_per_hour = 5
notifications_per_agent_per_hour = 6
acknowledge_within = "2d"
notify_size = "1 MB"
participants = 7
references = 8
"""

RULES = """\
desk: {lists: [b.lists.test, a.lists.test]}
teams: {support: {}}
agents: [{name: Ana, address: ana@acme.test, team: support, role: admin}]
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "maild.toml").write_text(CONFIG)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "10-desk.yaml").write_text(RULES)
    return tmp_path


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        site.load(path, NOW)
    return [str(problem) for problem in caught.value.problems]


def test_what_the_rest_of_maild_is_told(desk):
    loaded = site.load(desk / "maild.toml", NOW)
    assert loaded.rulebook.identity == Identity(
        "Acme",
        "support@acme.test",
        "Acme",
        aliases=("help@acme.test",),
        language="es",
        timezone="Europe/Madrid",
        reply_address="plain",
        delimiter="-",
        lists=("a.lists.test", "b.lists.test"),
        forms=("form@www.test",),
        message_id_domain="acme.test",
    )
    assert loaded.rulebook.limits == Limits(3, None, 4, 5, 6, timedelta(days=2), 1_000_000, 7, 8)
    assert loaded.trust == Trust(
        ("mx.acme.test",),
        (("x-spam-flag", "yes"), ("x-spam-level", "*****")),
        ("a.lists.test", "b.lists.test"),
    )
    assert list(loaded.rulebook.agents) == ["ana@acme.test"]
    assert loaded.settings.store.files == desk / "var/files"
    assert loaded.warnings == ()
    assert "acknowledgement" in loaded.templates.names


def test_the_problems_of_every_file_at_once(desk, monkeypatch):
    (desk / "maild.toml").write_text(CONFIG.replace("tag =", "tga ="))
    (desk / "rules" / "20-more.yaml").write_text("team: {}\n")
    (desk / "rules" / "30-bytes.yaml").write_bytes(b"desk:\n  channels: {phone: \xff}\n")
    (desk / "templates" / "mail" / "en").mkdir(parents=True)
    (desk / "templates" / "mail" / "en" / "acknowledgement.txt").write_text("Hello\n{% if %}\n")
    monkeypatch.chdir(desk)
    found = problems(Path("maild.toml"))
    assert found[:3] == [
        "maild.toml:1:2: 'desk.tag' is missing",
        "maild.toml:5:1: unknown key 'tga' (did you mean 'tag'?)",
        "rules/30-bytes.yaml:2:1: this line is not UTF-8 text",
    ]
    assert "rules/20-more.yaml:1:1: unknown key 'team' (did you mean 'teams'?)" in found
    assert [problem for problem in found if problem.startswith("templates/mail/en/acknowledgement.txt:2")]
    assert len(found) == 5


def test_files_are_named_as_the_configuration_was(desk):
    (desk / "rules" / "10-desk.yaml").write_text(RULES + "x: 1\n")
    assert problems(desk / "maild.toml") == [f"{desk}/rules/10-desk.yaml:4:1: unknown key 'x'{_KEYS}"]


_KEYS = " (known: desk, dictionary, fields, teams, agents, organisations, groups, people, calendars, sla, escalations, oncall, notices, rules)"


def test_rules_elsewhere(desk, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("policy")
    (desk / "maild.toml").write_text(f'rules = "{elsewhere}"\n{CONFIG}')
    assert problems(desk / "maild.toml") == [f"{elsewhere}: holds no *.yaml file; `maild init` writes some"]
    (elsewhere / "a.yaml").write_text(RULES)
    (elsewhere / ".hidden.yaml").write_text("nonsense")
    assert site.load(desk / "maild.toml", NOW).rulebook.teams.keys() == {"support"}


def test_no_rules(desk, monkeypatch):
    monkeypatch.chdir(desk)
    (desk / "rules" / "10-desk.yaml").rename(desk / "10-desk.yml")
    (desk / "rules").rmdir()
    assert problems(Path("maild.toml")) == ["rules: there is no such folder; `maild init` writes one"]


def test_no_configuration(tmp_path):
    path = tmp_path / "maild.toml"
    assert problems(path)[0] == f"{path}: cannot be read: No such file or directory"


def test_warnings(desk, monkeypatch):
    monkeypatch.chdir(desk)
    (desk / "rules" / "20-more.yml").write_text("team: {}\n")
    (desk / "maild.toml").write_text(CONFIG + "[store]\nurl = 'postgresql+psycopg://u:pw@db.test/d'\n")
    assert site.load(Path("maild.toml"), NOW).warnings == (
        "maild.toml:26:7: the password stands in the file: put it in a file and add ?passfile=PATH to the URL",
        "rules/20-more.yml: is not read: rule files end in .yaml",
    )


def test_own_templates_go_before_shipped_ones(desk):
    folder = desk / "templates" / "mail" / "en"
    folder.mkdir(parents=True)
    (folder / "acknowledgement.txt").write_text("Ours\n")
    (folder / ".acknowledgement.txt.swp").write_bytes(b"\xff\xfe")
    (folder / "acknowledgement.txt~").write_bytes(b"\xff\xfe")
    templates = site.load(desk / "maild.toml", NOW).templates
    assert templates.own == {"mail/en/acknowledgement.txt": "Ours\n"}
    assert "mail/en/acknowledgement.html" in templates.shipped


def test_macros_stand_beside_the_configuration_or_among_the_templates(desk):
    assert "solved" in site.load(desk / "maild.toml", NOW).rulebook.macros
    for folder in ("macros", "templates/macros"):
        (desk / folder).mkdir(parents=True)
    (desk / "macros" / "late.md").write_text("#tag late\nSorry, {{requester.name}}.")
    (desk / "macros" / "README.md").write_text("#none of these is read")
    (desk / "templates" / "macros" / "thanks.md").write_text("Thank you.")
    loaded = site.load(desk / "maild.toml", NOW)
    assert set(loaded.rulebook.macros) == {"late", "thanks"}
    assert loaded.templates.own == {}
    (desk / "macros" / "late.md").write_text("#tga late\nSorry, {{requester.nam}}.")
    shown = problems(desk / "maild.toml")
    assert [one.split("macros/")[1].partition(" ")[0] for one in shown] == ["late.md:1:1:", "late.md:2:8:"]
    assert "did you mean tag" in shown[0]
    assert "did you mean requester.name" in shown[1]


@pytest.mark.parametrize("name", ["rules", "templates"])
def test_shipped_files_are_found(name):
    assert shipped.data_dir(name).is_dir()


def test_an_installed_package_brings_its_files(tmp_path, monkeypatch):
    (tmp_path / "_data" / "rules").mkdir(parents=True)
    monkeypatch.setattr(shipped, "files", lambda package: tmp_path if package == "maild" else None)
    assert shipped.data_dir("rules") == tmp_path / "_data" / "rules"
    assert shipped.data_dir("templates") == Path(shipped.__file__).parents[1] / "templates"


def test_days_without_work_out_of_a_file_beside_the_rules(desk: Path) -> None:
    rules = desk / "rules"
    (rules / "20.yaml").write_text(
        'calendars: {office: {mon-fri: "09:00-17:00", holidays: [days/closed.ics]}}\n'
    )
    with pytest.raises(ConfigError, match=r"there is no file 'days/closed\.ics'"):
        site.load(desk / "maild.toml", NOW)
    (rules / "days").mkdir()
    (rules / "days" / "closed.ics").write_text(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20261224\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    assert site.load(desk / "maild.toml", NOW).rulebook.calendars["office"].holidays == {date(2026, 12, 24)}
