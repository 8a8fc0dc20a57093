"""maild.toml: finding it, loading it with every mistake at its place, and describing it for a new desk."""

from __future__ import annotations

import base64
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from maild import reading
from maild.errors import ConfigError, Problem
from maild.reading import KeyPath, Place, Places, Shape
from maild.settings import Listen, Relay, Settings, Store, Webhooks, mailboxes, outgoing_sense, secrets
from maild.settings.secrets import first_line, is_missing
from maild.toml_places import locate, syntax_problem

SYSTEM_FILE = Path("/etc/maild/maild.toml")
TYPICAL_TOKEN = 45
SECRET_OCTETS = 24  # Standard Webhooks asks for 24 to 64
LOCAL_PART_MAX = 64  # RFC 5321 §4.5.3.1.1


@dataclass(frozen=True, slots=True)
class Checked:
    """What a configuration file came to. `settings` is None when there are problems; the folders are known even then."""

    settings: Settings | None
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    rules: Path
    templates: Path


def find(option: str | None, env: Mapping[str, str]) -> Path:
    """The configuration file: `--config`, else $MAILD_CONFIG, else ./maild.toml, else /etc/maild/maild.toml.

    Raises ConfigError when the one that is named, or any, does not exist.
    """
    for named, origin in ((option, "--config"), (env.get("MAILD_CONFIG"), "$MAILD_CONFIG")):
        if named:
            if Path(named).is_file():
                return Path(named)
            raise ConfigError([Problem(named, 0, 0, f"there is no such file, which {origin} names")])
    for path in (Path("maild.toml"), SYSTEM_FILE):
        if path.is_file():
            return path
    looked = f"--config and $MAILD_CONFIG are not given, and neither ./maild.toml nor {SYSTEM_FILE} exists"
    raise ConfigError(
        [Problem("maild.toml", 0, 0, f"no configuration: {looked}; `maild init` writes a new desk")]
    )


def load(path: Path) -> Settings:
    """The settings of a file. Raises ConfigError with all problems."""
    checked = check(path)
    if checked.settings is None:
        raise ConfigError(list(checked.problems))
    return checked.settings


def check(path: Path) -> Checked:
    """Reads and checks a file; never raises for what is wrong with it."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return _unusable(path, Place(str(path)).problem(f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return _unusable(path, Problem(str(path), line, 1, "this line is not UTF-8 text"))
    return parse(text, path)


def parse(text: str, path: Path) -> Checked:
    """Checks the text of a configuration file that stands, or would stand, at `path`."""
    file, folder = str(path), path.absolute().parent
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _unusable(path, syntax_problem(str(error), text, file))
    except RecursionError:
        return _unusable(path, Place(file).problem("is nested too deeply"))
    places = locate(text, file)
    for name in _SEVERAL & data.keys():
        if isinstance(data[name], dict):  # [relay] stands for one [[relay]]
            data[name] = [data[name]]
            places.number(name)
    settings, warnings = None, []
    try:
        settings = Settings.model_validate(data, context={"folder": folder})
    except ValidationError as error:
        found = reading.problems(error, Settings, places)
    else:
        found = list(_inconsistencies(settings, places))
        warnings = list(_doubts(settings, places))
    rules, templates = (
        Path(folder, named if isinstance(named := data.get(name), str) else name)
        for name in ("rules", "templates")
    )
    return Checked(None if found else settings, tuple(sorted(found)), tuple(warnings), rules, templates)


def _unusable(path: Path, problem: Problem) -> Checked:
    folder = path.absolute().parent
    return Checked(None, (problem,), (), folder / "rules", folder / "templates")


def _inconsistencies(settings: Settings, places: Places) -> Iterator[Problem]:
    """What is wrong between settings that are right by themselves."""
    desk = settings.desk
    local = desk.address.rpartition("@")[0]
    if desk.reply_address == "plus" and len(local) + 1 + TYPICAL_TOKEN > LOCAL_PART_MAX:
        room = LOCAL_PART_MAX - 1 - TYPICAL_TOKEN
        yield places.value(("desk", "address")).problem(
            f"address: '{local}' leaves no room for a reply token ({room} characters at most): "
            'use a shorter one or reply_address = "plain"'
        )
    if desk.reply_address == "plus" and desk.delimiter in local:
        yield places.value(("desk", "delimiter")).problem(
            f"delimiter: '{desk.delimiter}' is part of '{local}', so no token could be found behind it"
        )
    for name in ("arc_sealers", "resolvers"):
        if getattr(settings.trust, name) and not settings.trust.verify:
            yield places.key(("trust", name)).problem(f"{name}: goes with verify = true only")
    for index, listener in enumerate(settings.listen):
        yield from _listener_problems(listener, ("listen", index), places)
        twins = [other.address for other in settings.listen[:index]]
        if listener.address in twins and not listener.address.endswith(":0"):
            yield places.value(("listen", index, "address")).problem(
                "address: another [[listen]] has the same one"
            )
    yield from _s3_problems(settings.store, places)
    yield from mailboxes.problems(settings.imap, places)
    yield from outgoing_sense.problems(settings, places)
    webhooks = settings.webhooks
    yield from _secret_problems("webhooks", "secret_file", webhooks.secret_file, webhooks.credential, places)


def _listener_problems(listener: Listen, path: KeyPath, places: Places) -> Iterator[Problem]:
    if listener.tls == "none":
        for name in ("certificate", "key", "require_tls"):
            if getattr(listener, name):
                yield places.key((*path, name)).problem(f'{name}: needs tls = "starttls" or "implicit"')
        return
    if listener.require_tls and listener.tls == "implicit":
        yield places.key((*path, "require_tls")).problem('require_tls: goes with tls = "starttls" only')
    for name, file in (("certificate", listener.certificate), ("key", listener.key)):
        if file is None:
            yield places.value((*path, "tls")).problem(
                f"tls: '{listener.tls}' needs a {name}, which is missing"
            )
        elif is_missing(file):
            yield places.value((*path, name)).problem(f"{name}: there is no file {file}")


def _s3_problems(store: Store, places: Places) -> Iterator[Problem]:
    names = [name for name in type(store).model_fields if name.startswith("s3_") and getattr(store, name)]
    if isinstance(store.files, Path):
        for name in names:
            yield places.key(("store", name)).problem(f'{name}: goes with files = "s3://BUCKET/PREFIX" only')
        return
    secrets = [name for name in names if name in ("s3_secret_file", "s3_credential")]
    if store.s3_access_key and not secrets:
        yield places.value(("store", "s3_access_key")).problem(
            "s3_access_key: needs s3_secret_file or s3_credential"
        )
    if secrets and not store.s3_access_key:
        yield places.key(("store", secrets[0])).problem(
            f"{secrets[0]}: needs the s3_access_key it belongs to"
        )
    yield from _secret_problems(
        "store", "s3_secret_file", store.s3_secret_file, store.s3_credential, places, "s3_credential"
    )


def _secret_problems(
    table: str, key: str, file: Path | None, credential: str | None, places: Places, other: str = "credential"
) -> Iterator[Problem]:
    """What is wrong with where a secret is said to be."""
    return secrets.problems((table,), key, file, credential, places, other)


def _doubts(settings: Settings, places: Places) -> Iterator[str]:
    """What works but is hardly meant."""
    yield from mailboxes.doubts(settings.imap, places)
    yield from outgoing_sense.doubts(settings, places)
    if re.match(r"[a-z+]+://[^/@]*:[^/@]+@", settings.store.url):
        where = places.value(("store", "url"))
        yield f"{where}: the password stands in the file: put it in a file and add ?passfile=PATH to the URL"


def s3_secret(store: Store, env: Mapping[str, str]) -> str:
    """The secret of the S3 access key from its file or systemd credential; "" when none is named. Raises ConfigError."""
    return first_line("secret", store.s3_secret_file, store.s3_credential, env) or ""


def password(relay: Relay, env: Mapping[str, str]) -> str | None:
    """The relay's password from its file or systemd credential; None when it needs none. Raises ConfigError."""
    return first_line("password", relay.password_file, relay.credential, env)


def webhook_secret(webhooks: Webhooks, env: Mapping[str, str]) -> bytes:
    """What posts to webhooks are signed with: the first line of its file or systemd credential, as it stands or, after `whsec_`, in
    base64 (Standard Webhooks). Raises ConfigError when there is none, or when it is too short to be one."""
    text = (first_line("secret", webhooks.secret_file, webhooks.credential, env) or "").strip()
    try:
        prefix, found, rest = text.partition("whsec_")
        secret = base64.b64decode(rest, validate=True) if found and not prefix else text.encode()
    except ValueError:
        secret = b""
    if len(secret) < SECRET_OCTETS:
        named = str(webhooks.secret_file or f"credential '{webhooks.credential}'")
        says = f"holds no secret for webhooks: {SECRET_OCTETS} characters or more, or whsec_ and base64 of as many octets"
        raise ConfigError([Problem(named, 0, 0, says)])
    return secret


def describe(instead: Mapping[str, str] = MappingProxyType({})) -> str:
    """A complete maild.toml for a new desk: every setting with its sentence, its default in a comment.

    `instead`: values for "table.key" that are set and not the usual ones.
    """
    lines = [
        "# maild's configuration: sockets, storage, how mail leaves. Who works here and what is promised: rules/.",
        "# Relative paths are relative to this file. Lines that are commented out show the defaults.",
    ]
    sections = []
    for name, info in Settings.model_fields.items():
        shape = next(
            (part for part in (info.annotation, *get_args(info.annotation)) if _is_shape(part)), None
        )
        if shape is None:
            lines += ["", *_described(name, info)]
        else:
            header = f"[[{name}]]" if get_args(info.annotation) else f"[{name}]"
            held = [
                line
                for key, setting in shape.model_fields.items()
                for line in _described(key, setting, instead.get(f"{name}.{key}"))
            ]
            needed = not isinstance(info.json_schema_extra, dict) or info.json_schema_extra["needed"]
            lead = "" if needed else "#"
            sections += ["", f"# {info.description}", f"{lead}{header}"]
            sections += [line if line.startswith("#") else f"{lead}{line}" for line in held]
    return "\n".join([*lines, *sections]) + "\n"


def _is_shape(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, Shape)


_SEVERAL = frozenset(
    name for name, info in Settings.model_fields.items() if any(map(_is_shape, get_args(info.annotation)))
)
"""The tables of which there may be more than one."""


def _described(name: str, info: FieldInfo, instead: str | None = None) -> list[str]:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    example = extra["example"]
    active = example is not None and info.default is not None
    value = info.default if example is None else example
    if instead is not None:
        active, value = True, instead
    return [f"# {info.description}", f"{'' if active else '#'}{name} = {as_toml(value)}"]


def as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(as_toml(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {as_toml(item)}' for name, item in value.items())} }}"
    return str(value) if isinstance(value, int) else f'"{value}"'
