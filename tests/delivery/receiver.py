"""A receiver of webhooks on loopback: real HTTP, with the answers that the test chooses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

SECRET = "a secret of the webhooks, 32 chr."


@dataclass(frozen=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def verifies(self, secret: bytes = SECRET.encode()) -> bool:
        """As a receiver that follows Standard Webhooks checks it."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        proof = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        return self.headers["webhook-signature"] == f"v1,{proof}"


class Receiver:
    """`answers`: (status, body, headers) to give, the last one for ever; a status of 0 says nothing until `close`."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answers: list[tuple[int, bytes, dict[str, str]]] = [(204, b"", {})]
        self.silent = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version: ClassVar[str] = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append(Got(self.path, headers, body))
                status, said, more = receiver.answers[0]
                if len(receiver.answers) > 1:
                    receiver.answers.pop(0)
                if status == 0:
                    receiver.silent.wait(60)
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: Any) -> None:
                """The test reads `got`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/desk"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answering(self, status: int, body: bytes = b"", **headers: str) -> None:
        """This is the answer from now on."""
        self.answers = [(status, body, {name.replace("_", "-"): value for name, value in headers.items()})]

    def close(self) -> None:
        self.silent.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
