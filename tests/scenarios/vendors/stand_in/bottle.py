"""What a customer's server asks of the library bottle, and no more: its decorators, ``request.json``, ``run``.

As there, ``request.json`` is None unless the request says ``application/json``, a text is answered as ``text/html``,
and an exception is a 500. It serves one request at a time, on a listening socket that it inherits (environment variable
``LISTENER``: its file descriptor) whatever port it is told; and says on standard output what came, with the header
``webhook-id``, and how it was answered, a line each.
"""

from __future__ import annotations

import json
import os
import socket
import traceback
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, TypeAlias

Answers: TypeAlias = Callable[[], Any]


class HTTPResponse:
    """A body, and headers that it has; an object is JSON."""

    def __init__(self, body: Any = "", status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.body, self.status, self.headers = body, status, dict(headers or {})


class Request:
    """The one that is being answered."""

    json: Any = None


class Bottle:
    """Routes by method and path."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], Answers] = {}

    def route(self, path: str, method: str = "GET") -> Callable[[Answers], Answers]:
        def add(answers: Answers) -> Answers:
            self.routes[method, path] = answers
            return answers

        return add

    def post(self, path: str) -> Callable[[Answers], Answers]:
        return self.route(path, "POST")

    def get(self, path: str) -> Callable[[Answers], Answers]:
        return self.route(path)


request = Request()
_default = Bottle()
route, post, get = _default.route, _default.post, _default.get


class _Visit(BaseHTTPRequestHandler):
    app = _default

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self._answer(body)
        text = json.dumps(answer.body) if isinstance(answer.body, dict) else answer.body
        said = text.encode() if isinstance(text, str) else text or b""
        # Told first: who has the answer may ask what came.
        visit = {"path": self.path, "id": self.headers.get("webhook-id"), "said": body.decode()}
        print(json.dumps(visit | {"status": answer.status, "answer": said.decode()}))
        self.send_response(answer.status)
        for name, value in ({"Content-Type": "text/html; charset=UTF-8"} | answer.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _answer(self, body: bytes) -> HTTPResponse:
        kind = self.headers.get("Content-Type", "").split(";")[0]
        try:
            request.json = json.loads(body) if kind == "application/json" and body else None
            answer = self.app.routes[self.command, self.path]()
        except Exception:
            traceback.print_exc()
            return HTTPResponse("Internal Server Error", 500)
        return answer if isinstance(answer, HTTPResponse) else HTTPResponse(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parameter's name is inherited
        pass


def run(app: Bottle | None = None, host: str = "localhost", port: int | str = 8080, **_: Any) -> None:
    """Serve for ever."""
    del host, port
    _Visit.app = app or _default
    with HTTPServer(("127.0.0.1", 0), _Visit, bind_and_activate=False) as server:
        server.socket.close()
        server.socket = socket.socket(fileno=int(os.environ["LISTENER"]))
        server.serve_forever()
