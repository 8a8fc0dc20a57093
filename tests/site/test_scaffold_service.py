"""`maild init --service`: a desk for the systemd unit."""

from __future__ import annotations

from pathlib import Path

from maild import config, scaffold


def test_a_desk_for_the_unit_has_its_places(tmp_path: Path) -> None:
    scaffold.write(tmp_path, service=True)
    settings = config.load(tmp_path / "maild.toml")
    assert settings.store.url == "sqlite:////var/lib/maild/maild.db"
    assert settings.store.files == Path("/var/lib/maild/files")
    assert [(one.protocol, one.address) for one in settings.listen] == [("lmtp", "unix:/run/maild/lmtp")]
    unit = (Path(__file__).parents[2] / "systemd" / "maild.service").read_text("utf-8")
    assert "StateDirectory=maild\n" in unit
    assert "RuntimeDirectory=maild\n" in unit
    socket = (Path(__file__).parents[2] / "systemd" / "maild-lmtp.socket").read_text("utf-8")
    assert "ListenStream=/run/maild/lmtp\n" in socket


def test_every_place_is_one_of_a_setting() -> None:
    plain, service = config.describe(), config.describe(scaffold.SERVICE)
    assert len(plain.splitlines()) == len(service.splitlines())
    changed = [line for line in service.splitlines() if line not in plain.splitlines()]
    assert len(changed) == len(scaffold.SERVICE)
