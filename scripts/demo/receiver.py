"""A small HTTP service that the sample's steps call: it honours idempotency keys and keeps a log of its own.

Every request is a line of the log. The first request with a key has the effect; a later one gets the first's answer
and is logged as a repetition, so that anybody can count effects per key afterwards. The first effect of an execution
is answered slowly, unless whoever asked hangs up: time enough to kill the worker that waits for the answer.
"""

import select
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click

from engine.jsonvalue import Json, dumps, loads
from scripts.embedded.ports import LOOPBACK

_LONGEST_BODY = 1 << 20
_HOLD_S = 5.0


class Effects:
    """Effects by key. Reads its log when it starts, so that a restart remembers what was done."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._answers: dict[str, int] = {}
        if log.exists():
            for line in log.read_bytes().splitlines():
                entry = loads(line)
                if isinstance(entry, dict) and entry.get("effect"):
                    self._answers[str(entry["key"])] = len(self._answers) + 1

    def receive(self, path: str, key: str, body: Json) -> tuple[int, bool]:
        """Number of the effect behind the key, and whether this request caused it. On disk before it is answered."""
        with self._lock:
            is_first = key not in self._answers
            if is_first:
                self._answers[key] = len(self._answers) + 1
            with self._log.open("a") as log:
                log.write(dumps({"path": path, "key": key, "effect": is_first, "body": body}) + "\n")
            return self._answers[key], is_first

    def is_first_of_its_execution(self, key: str) -> bool:
        """Whether no other key of the same execution had an effect yet; keys begin with the execution's id."""
        execution, _, _ = key.partition(":")
        with self._lock:
            return [known for known in self._answers if known.partition(":")[0] == execution] == [key]


class _Handler(BaseHTTPRequestHandler):
    effects: Effects
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a request with an `Idempotency-Key`."""
        length = int(self.headers.get("Content-Length") or 0)
        key = self.headers.get("Idempotency-Key")
        if key is None or length > _LONGEST_BODY:
            self._answer(400, {"error": "An Idempotency-Key and a body of at most 1 MiB are needed."})
            return
        try:
            body = loads(self.rfile.read(length)) if length else None
        except ValueError:
            self._answer(400, {"error": "The body is not JSON."})
            return
        number, is_first = self.effects.receive(self.path, key, body)
        if is_first and self.effects.is_first_of_its_execution(key):
            select.select([self.connection], [], [], _HOLD_S)  # it can be read from when nobody is there any more
        self._answer(201 if is_first else 200, {"reference": f"INC-{number:04d}", "repeated": not is_first})

    def _answer(self, status: int, content: dict[str, Json]) -> None:
        body = dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        try:
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # who asked was killed meanwhile; it will ask again with the same key

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Say nothing: the log file has every request."""
        del format, args


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--log", type=click.Path(path_type=Path), required=True)
def main(port: int, log: Path) -> None:
    """Serve on the loopback interface until killed."""
    handler = type("Handler", (_Handler,), {"effects": Effects(log)})
    ThreadingHTTPServer((LOOPBACK, port), handler).serve_forever()


if __name__ == "__main__":
    main()
