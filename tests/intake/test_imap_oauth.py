"""Access by OAuth 2: tokens of a local server, the two mechanisms, renewal, and what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import stat
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from maild.daemon import fetching
from maild.errors import NotNow
from maild.intake.imap import oauth
from maild.intake.imap.connection import opened
from maild.intake.imap.credentials import Credentials
from maild.intake.imap.login import Token
from maild.intake.imap.rotated import Rotated, Waiting
from maild.intake.imap.wire import LoginRefused, Lost
from maild.settings import Imap, OAuth
from tests.intake.imap_servers import Rotating, Scripted, TokenServer, coded, uncoded
from tests.intake.mailboxes import SECONDS, Box, away, box, until

__all__ = ["box"]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def access(token: str, **more: object) -> tuple[int, dict[str, object]]:
    return 200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer", **more}


def settings(folder: Path, endpoint: str, port: int = 1, **oauth: Any) -> Imap:
    for name, text in (("client", "client-secret\n"), ("refresh", "refresh-1\n")):
        (folder / name).write_text(text)
    values = {"provider": "custom", "token_endpoint": endpoint, "client_id": "desk", "client_secret_file": "client",
              "refresh_token_file": "refresh", "scope": "imap"} | oauth  # fmt: skip
    table = {key: one for key, one in values.items() if one is not None}
    imap = {"name": "support", "host": "127.0.0.1", "port": port, "tls": "none", "user": "carla@acme.test", "timeout": "2s", "oauth": table}  # fmt: skip
    return Imap.model_validate(imap, context={"folder": folder})


def speaking(
    mechanism: str, said: list[str], accepts: tuple[str, ...], error: str = '{"status":"401"}'
) -> Any:
    """AUTHENTICATE as Google and Microsoft do it: the first message with or after the command, an error as a challenge."""

    async def speak(server: Scripted, tag: str, verb: str, arguments: str) -> bool:
        if verb != "AUTHENTICATE":
            return False
        name, _, first = arguments.partition(" ")
        assert name == mechanism
        if not first:
            await server.say("+ ")
            first = await server.line()
        said.append(uncoded(first))
        if any(token in said[-1] for token in accepts):
            await server.say(f"{tag} OK welcome")
            return True
        await server.say(f"+ {coded(error)}")
        said.append(await server.line())
        await server.say(f"{tag} NO [AUTHENTICATIONFAILED] no")
        return True

    return speak


@pytest.mark.parametrize("initial", ["SASL-IR", ""])
@pytest.mark.parametrize(
    ("mechanism", "first", "end"),
    [
        ("XOAUTH2", "user=carla@acme.test\x01auth=Bearer good\x01\x01", ""),
        (
            "OAUTHBEARER",
            "n,a=carla@acme.test,\x01host=127.0.0.1\x01port={port}\x01auth=Bearer good\x01\x01",
            coded("\x01"),
        ),
    ],
)
async def test_log_in_with_a_token(
    tmp_path: Path, mechanism: str, first: str, end: str, initial: str
) -> None:
    said: list[str] = []
    server = Scripted(
        speak=speaking(mechanism, said, ("good",)), capability=f"IMAP4rev1 {initial} AUTH={mechanism}"
    )
    async with server.serving() as port:
        imap = settings(tmp_path, "https://token.test/", port)
        await (await opened(imap, Token("good"))).close()
        assert said.pop() == first.format(port=port)
        with pytest.raises(LoginRefused, match=r'who|no.*"status":"401"'):
            await opened(imap, Token("bad"))
        assert said[-1] == end, "a refusal is answered, else the server waits for it"


def async_of(act: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    async def acted() -> None:
        act()

    return acted


def make(imap: Imap, box: Box, now: list[datetime]) -> Credentials:
    return Credentials(imap, box.store, lambda: now[0])


async def test_a_token_is_renewed_and_a_new_refresh_token_is_kept(box: Box) -> None:
    server = TokenServer([access("one", refresh_token="refresh-2"), access("two"), access("three")])
    async with server.serving() as url:
        imap, now = settings(box.folder, url), [NOW]
        credentials = make(imap, box, now)
        assert await credentials.proof() == Token("one")
        assert await credentials.proof() == Token("one"), "it is good for an hour"
        now[0] += timedelta(minutes=59)
        assert await credentials.proof() == Token("two")
        assert await make(imap, box, now).proof() == Token("three")
        assert server.asked[0] == {"grant_type": "refresh_token", "client_id": "desk", "client_secret": "client-secret",
                                   "refresh_token": "refresh-1", "scope": "imap"}  # fmt: skip
        assert [form["refresh_token"] for form in server.asked] == ["refresh-1", "refresh-2", "refresh-2"]
        (box.folder / "refresh").write_text("refresh-of-the-admin\n")
        before = credentials.fingerprint()
        await make(imap, box, now).proof()
        assert server.asked[-1]["refresh_token"] == "refresh-of-the-admin", "what the admin gives anew counts"
        (box.folder / "client").write_text("other")
        assert credentials.fingerprint() != before


async def test_a_new_refresh_token_outlives_a_store_that_is_away(box: Box) -> None:
    """It is the only one that is good from then on."""
    server, now = Rotating(), [NOW]
    async with server.serving() as url:
        imap = settings(box.folder, url)
        credentials = make(imap, box, now)
        assert await credentials.proof() == Token("access-1")
        now[0] += timedelta(hours=1)
        with contextlib.ExitStack() as gone:
            server.hold = async_of(lambda: gone.enter_context(away(box.store)))
            with pytest.raises(NotNow):
                await credentials.proof()
            server.hold = None
            with pytest.raises(NotNow):
                await credentials.proof()
        assert await credentials.proof() == Token("access-2"), "nobody is asked again"
        assert await make(imap, box, now).proof() == Token("access-3"), "another node has it too"
        assert [form["refresh_token"] for form in server.asked] == ["refresh-1", "refresh-2", "refresh-3"]


async def test_a_renewal_that_is_called_off_is_not_lost(box: Box) -> None:
    """As when the lease on the mailbox is lost meanwhile: the server has taken the old token all the same."""
    server, asked, answers = Rotating(), asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        asked.set()
        await answers.wait()

    server.hold = hold
    async with server.serving() as url:
        credentials = make(settings(box.folder, url), box, [NOW])
        reading = asyncio.create_task(credentials.proof())
        await asked.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        answers.set()
        await credentials.settled()
        assert await credentials.proof() == Token("access-1")
        assert await make(settings(box.folder, url), box, [NOW]).proof() == Token("access-2")


@pytest.mark.parametrize("answers", [True, False])
async def test_a_token_that_is_renewed_while_the_desk_stops(
    box: Box, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    """`answers`: in the end; else the mailbox is not given to another node, who would ask with a token that may be used up."""
    monkeypatch.setattr(fetching, "GRACE", 0.1)
    monkeypatch.setattr(fetching, "SETTLE", SECONDS if answers else 0.1, raising=False)
    monkeypatch.setattr(fetching, "LEASE", timedelta(seconds=0.5))
    server, asked, later, free = Rotating(), asyncio.Event(), asyncio.Event(), list[bool]()

    def take() -> None:
        now = datetime.now(UTC)
        with box.store.work() as work:
            free.append(work.take_lease("imap:support", "two", now, now + timedelta(seconds=0.1)))

    async def hold() -> None:
        asked.set()
        await (asyncio.sleep(1) if answers else later.wait())
        await asyncio.to_thread(take)

    server.hold = hold
    async with server.serving() as url:
        imap = settings(box.folder, url)
        table = {"provider": "custom", "token_endpoint": url, "client_id": "desk", "client_secret_file": "client", "refresh_token_file": "refresh"}  # fmt: skip
        box.set_up(1, user="carla", password_file=None, oauth=table)
        async with box.reading():
            await asked.wait()
        with box.store.read() as work:
            left = list(work.leases())
        later.set()
        await until(lambda: free, "the token server answers")
        await box.fetching._loops["support"].reader.credentials.settled()
        server.hold = None
        if answers:
            assert (left, free) == ([], [False]), "the lease is held meanwhile, and given up then"
        else:
            assert left == ["imap:support"]
        assert await make(imap, box, [NOW]).proof() == Token("access-2")


async def test_of_two_that_renew_at_once_the_first_one_counts(box: Box) -> None:
    """As the daemon and `maild doctor` may, where the server takes a token twice; of two mailboxes of one account, too."""
    server, both = TokenServer([access("one", refresh_token="refresh-one"), access("two", refresh_token="refresh-two"), access("three")]), asyncio.Barrier(2)  # fmt: skip
    server.hold = both.wait
    async with server.serving() as url:
        imap = settings(box.folder, url)
        other = imap.model_copy(update={"name": "sales", "mailbox": "Sales"})
        await asyncio.gather(*(make(one, box, [NOW]).proof() for one in (imap, other)))
        server.hold = None
        assert await make(imap, box, [NOW]).proof() == Token("three")
        assert server.asked[-1]["refresh_token"] in ("refresh-one", "refresh-two")
        with box.store.read() as work:
            kept = work.refresh_token(hashlib.sha256(b"refresh-1").hexdigest())
        assert kept == server.asked[-1]["refresh_token"]


async def test_a_mailbox_is_read_on_when_a_token_was_renewed_while_the_store_was_away(box: Box) -> None:
    server = Scripted(
        capability="IMAP4rev1 SASL-IR AUTH=XOAUTH2", speak=speaking("XOAUTH2", [], ("access-",))
    )
    tokens, gone = Rotating(), contextlib.ExitStack()
    async with server.serving() as port, tokens.serving() as url:
        for name in ("client", "refresh"):
            (box.folder / name).write_text("refresh-1")
        table = {"provider": "custom", "token_endpoint": url, "client_id": "desk", "client_secret_file": "client", "refresh_token_file": "refresh"}  # fmt: skip
        with gone:
            box.set_up(port, user="carla", password_file=None, oauth=table, often=True)
            async with box.reading():
                await box.quiet()
                box.ahead = timedelta(hours=2)
                tokens.hold = async_of(lambda: gone.enter_context(away(box.store)))
                server.writer.transport.abort()
                await until(
                    lambda: "store is not reachable" in (box.state.error or ""), "the new one cannot be kept"
                )
                tokens.hold = None
                gone.close()
                await until(lambda: box.state.state == "idle" and box.state.error is None, "it is read")
        assert (len(tokens.asked), box.told()) == (2, [])


async def test_a_token_that_was_renewed_when_the_desk_stopped_without_its_store_outlives_that(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Nobody has to log in by hand again: it lies on the disk for the next start, and no longer than that."""
    monkeypatch.setattr(fetching, "GRACE", 0.1)
    server = Scripted(
        capability="IMAP4rev1 SASL-IR AUTH=XOAUTH2", speak=speaking("XOAUTH2", [], ("access-",))
    )
    tokens, gone = Rotating(), contextlib.ExitStack()
    assert box.store.lock_file is not None
    folder = box.store.lock_file.parent

    def lying() -> list[Path]:
        return list(folder.glob("refresh-token-*"))

    async with server.serving() as port, tokens.serving() as url:
        for name in ("client", "refresh"):
            (box.folder / name).write_text("refresh-1")
        table = {"provider": "custom", "token_endpoint": url, "client_id": "desk", "client_secret_file": "client", "refresh_token_file": "refresh"}  # fmt: skip
        with gone:
            box.set_up(port, user="carla", password_file=None, oauth=table)
            tokens.hold = async_of(lambda: gone.enter_context(away(box.store)))
            async with box.reading():
                await until(lambda: "store is not reachable" in (box.state.error or ""), "it cannot be kept")
            tokens.hold = None
            [file] = lying()
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        box.new_node("one")
        async with box.reading():
            await box.quiet()
        assert lying() == []
        assert [form["refresh_token"] for form in tokens.asked] == ["refresh-1", "refresh-2"]
        assert box.told() == []


async def test_a_token_on_the_disk_that_cannot_be_read_or_written_is_not_in_the_way(box: Box) -> None:
    async with Rotating().serving() as url:
        imap, folder = settings(box.folder, url), box.folder / "state"
        Waiting(folder, imap.route).put(Rotated("origin", None, "token"))
        [file] = folder.iterdir()
        file.write_text('{"origin": "cut')
        made = Credentials(imap, box.store, lambda: NOW, folder)
        assert await made.proof() == Token("access-1")
        assert list(folder.iterdir()) == []
        folder.rmdir()
        folder.write_text("no folder")
        assert await Credentials(imap, box.store, lambda: NOW, folder).proof() == Token("access-2")


async def test_an_application_by_its_own_rights(box: Box) -> None:
    server = TokenServer([access("mine")])
    async with server.serving() as url:
        imap = settings(box.folder, url, refresh_token_file=None, scope=None)
        assert await make(imap, box, [NOW]).proof() == Token("mine")
        assert server.asked == [{"grant_type": "client_credentials", "client_id": "desk", "client_secret": "client-secret"}]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "said", "error", "words"),
    [
        (
            400,
            {"error": "invalid_grant", "error_description": "Token has been revoked."},
            LoginRefused,
            "invalid_grant Token has been revoked",
        ),
        (401, {}, LoginRefused, "it gives no reason"),
        (200, {"token_type": "Bearer"}, LoginRefused, "gives no access"),
        (503, {}, Lost, "503"),
        (429, {"error": "slow"}, Lost, "429"),
        (400, {"error": "temporarily_unavailable"}, Lost, "temporarily_unavailable"),
    ],
)
async def test_a_token_server_that_gives_none(box: Box, status: int, said: dict[str, object], error: type[Exception], words: str) -> None:  # fmt: skip
    async with TokenServer([(status, said)]).serving() as url:
        with pytest.raises(error, match=words):
            await make(settings(box.folder, url), box, [NOW]).proof()


async def test_a_token_server_that_never_ends(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "SECONDS", 0.2)
    server = TokenServer([access("one")], hold=asyncio.Event().wait)
    async with server.serving() as url:
        with pytest.raises(Lost, match="cannot be asked"):
            await make(settings(box.folder, url), box, [NOW]).proof()


async def test_a_token_server_that_is_not_there(box: Box) -> None:
    with pytest.raises(Lost, match=r"127\.0\.0\.1:1/token cannot be asked"):
        await make(settings(box.folder, "http://127.0.0.1:1/token"), box, [NOW]).proof()


async def test_a_revoked_token_is_replaced_at_once_and_a_refused_one_is_not_tried_again(box: Box) -> None:
    said: list[str] = []
    accepted: list[str] = ["one"]
    server = Scripted(capability="IMAP4rev1 SASL-IR AUTH=XOAUTH2")

    async def speak(server: Scripted, tag: str, verb: str, arguments: str) -> bool:
        return bool(await speaking("XOAUTH2", said, tuple(accepted))(server, tag, verb, arguments))

    server.speak = speak
    tokens = TokenServer([access("one"), access("two"), access("three")])
    async with server.serving() as port, tokens.serving() as url:
        for name, text in (("client", "s"), ("refresh", "r")):
            (box.folder / name).write_text(text)
        oauth = {"provider": "custom", "token_endpoint": url, "client_id": "desk", "client_secret_file": "client", "refresh_token_file": "refresh"}  # fmt: skip
        box.set_up(port, user="carla", password_file=None, oauth=oauth, often=True)
        async with box.reading():
            await until(lambda: box.state.last_success, "it is read")
            accepted[:] = ["two"]
            first = box.state.last_success
            server.writer.transport.abort()
            await until(lambda: (box.state.last_success or first) != first and len(tokens.asked) == 2, "with another token")  # fmt: skip
            assert box.told() == []
            accepted[:] = []
            server.writer.transport.abort()
            [told] = await until(box.told, "the admins are told when that is refused too")
            assert '"status":"401"' in told
            asked = len(tokens.asked)
            assert asked <= 4
        assert len(tokens.asked) == asked


def test_endpoints_and_scopes() -> None:
    google = OAuth.model_validate({"provider": "google", "client_id": "x", "refresh_token_file": "r"})
    assert (google.endpoint, google.asked_scope) == (
        "https://oauth2.googleapis.com/token",
        "https://mail.google.com/",
    )
    microsoft = OAuth.model_validate({"provider": "microsoft", "client_id": "x", "tenant": "acme.test", "refresh_token_file": "r"})  # fmt: skip
    assert microsoft.endpoint == "https://login.microsoftonline.com/acme.test/oauth2/v2.0/token"
    assert "IMAP.AccessAsUser.All" in microsoft.asked_scope
    alone = OAuth.model_validate({"provider": "microsoft", "client_id": "x", "client_secret_file": "s"})
    assert alone.asked_scope == "https://outlook.office365.com/.default"
