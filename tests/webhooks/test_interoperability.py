"""The official packages of PyPI and npm, both directions; and ten thousand sets of headers that nobody foresaw."""

import asyncio
import json
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from engine.errors import Unauthenticated
from engine.triggers.signatures import secret_from_bytes, sign, verify_github, verify_standard
from tests.clock import FakeClock
from tests.federation.edge import Edge
from tests.webhooks.senders import executions_of, open_sender

SETS = 10_000
THROUGH_THE_DOOR = 1_000
"""Of them, over the whole application and its database; `--all-headers` sends all."""
BODY = b'{"order": 7, "note": "na\xc3\xafve"}'
NPM = "standardwebhooks@1.1.1"


async def test_what_the_python_package_signs_is_accepted(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    at = clock.now()
    headers = {
        "webhook-id": "msg_official",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(sender.secret).sign("msg_official", at, BODY.decode()),
    }

    answer = await edge.client.post(sender.url(), content=BODY, headers=headers)

    assert answer.status_code == 200, answer.text
    assert (await executions_of(sender))[0]["triggerData"] == json.loads(BODY)


@pytest.fixture(scope="session")
def npm_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the npm package, installed through the ordinary client."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("npm standardwebhooks: Node is not installed")
    folder = tmp_path_factory.mktemp("standardwebhooks")
    installed = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), NPM],
        capture_output=True,
        check=False,
        timeout=120,
    )
    if installed.returncode != 0:
        pytest.skip("npm standardwebhooks: the package could not be installed here")
    return folder


def run_node(folder: Path, script: str, **given: str) -> Any:
    (folder / "script.cjs").write_text(
        "const {Webhook} = require('standardwebhooks');\nconst given = JSON.parse(process.argv[2]);\n" + script,
        "utf-8",
    )
    done = subprocess.run(
        ["node", "script.cjs", json.dumps(given)],
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


async def test_what_the_npm_package_signs_is_accepted(edge: Edge, clock: FakeClock, npm_package: Path) -> None:
    sender = await open_sender(edge)
    seconds = int(clock.now().timestamp())
    signature = run_node(
        npm_package,
        "const at = new Date(Number(given.seconds) * 1000);\n"
        "console.log(JSON.stringify(new Webhook(given.secret).sign('msg_npm', at, given.body)));",
        secret=sender.secret,
        seconds=str(seconds),
        body=BODY.decode(),
    )

    headers = {"webhook-id": "msg_npm", "webhook-timestamp": str(seconds), "webhook-signature": signature}
    answer = await edge.client.post(sender.url(), content=BODY, headers=headers)

    assert answer.status_code == 200, answer.text


def test_what_is_signed_here_the_npm_package_verifies(npm_package: Path) -> None:

    from engine.triggers.signatures import secret_from_bytes  # noqa: PLC0415 - only here

    secret, other, now = secret_from_bytes(bytes(range(32))), secret_from_bytes(bytes(32)), datetime.now(UTC)
    seconds = int(now.timestamp())
    both = " ".join(sign(one, "msg_ours", seconds, BODY) for one in (other, secret))

    verified = run_node(
        npm_package,
        "const headers = {'webhook-id': 'msg_ours', 'webhook-timestamp': given.seconds,"
        " 'webhook-signature': given.signature};\n"
        "console.log(JSON.stringify(new Webhook(given.secret).verify(given.body, headers)));",
        secret=secret,
        seconds=str(seconds),
        signature=both,
        body=BODY.decode(),
    )

    assert verified == json.loads(BODY)
    headers = {"webhook-id": "msg_ours", "webhook-timestamp": str(seconds), "webhook-signature": both}
    assert verify_standard(headers, BODY, [secret], seconds).message_id == "msg_ours"


NAMES = (
    b"webhook-id",
    b"webhook-timestamp",
    b"webhook-signature",
    b"x-hub-signature-256",
    b"x-github-delivery",
    b"content-type",
    b"content-length",
    b"content-encoding",
    b"x-forwarded-for",
    b"traceparent",
    b"x-request-id",
    b"idempotency-key",
    b"authorization",
)
PIECES = (
    b"v1,", b"v1", b"v2,", b"v1a,", b" ", b",", b".", b"=", b"==", b"sha256=", b"whsec_", b"0", b"-1", b"9" * 400,
    b"1e9",    b"\xff\xfe", b"\x80", b"\t", b"%00", b"\xc3\xa9", b"AAAA", b"a" * 300, b"A" * 43 + b"=", b"..",
    b"NaN", b"gzip", b"identity",    b"\xd9\xa1\xd9\xa2", b"0x10", b"1_000", b"+5", b'"', b"\\", b"{}",
    b"00-", b"f" * 64, b"g" * 64, b"127.0.0.1",
    b"::1",
)  # fmt: skip


def header_set(draw: random.Random, good: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Some right headers, some mangled, some doubled, some that nobody asked for."""
    found = [(name.encode(), value.encode()) for name, value in good.items() if draw.random() < 0.7]
    for _ in range(draw.randrange(1, 6)):
        value = b"".join(draw.choice(PIECES) for _ in range(draw.randrange(0, 5)))
        found.append((draw.choice(NAMES), value))
    draw.shuffle(found)
    return found


def outcome_of(verify: Callable[[dict[str, str]], object], headers: dict[str, str]) -> str:
    try:
        verify(headers)
    except Unauthenticated as error:
        return error.code
    return "held"


def test_ten_thousand_sets_of_headers_verify_or_are_refused() -> None:
    draw = random.Random(20261123)  # noqa: S311 - a seed that repeats, no secret
    secret, outcomes = secret_from_bytes(bytes(range(32))), Counter[str]()
    for number in range(SETS):
        signature = sign(secret, f"msg_{number}", 1_000, b"{}")
        good = {"webhook-id": f"msg_{number}", "webhook-timestamp": "1000", "webhook-signature": signature}
        headers = {name.decode(): value.decode("latin-1") for name, value in header_set(draw, good)}
        outcomes[outcome_of(lambda h: verify_standard(h, b"{}", [secret], 1_000), headers)] += 1
        outcomes[outcome_of(lambda h: verify_github(h, b"{}", [secret]), headers)] += 1

    assert set(outcomes) <= {"held", "webhook.signature_invalid", "webhook.timestamp_out_of_tolerance"}
    assert outcomes["held"] > SETS / 20


async def test_headers_that_nobody_foresaw_end_in_no_fault_of_ours(
    edge: Edge, clock: FakeClock, pytestconfig: pytest.Config
) -> None:
    sets = SETS if pytestconfig.getoption("--all-headers", default=False) else THROUGH_THE_DOOR
    sender = await open_sender(edge)
    draw = random.Random(20261123)  # noqa: S311 - a seed that repeats, no secret
    statuses: Counter[int] = Counter()

    async def send(count: int) -> None:
        for number in range(count):
            good = sender.headers(b"{}", clock.now(), f"msg_{number}")
            statuses[await raw_post(edge, sender.url(), header_set(draw, good))] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(send(sets // 8))

    assert sum(statuses.values()) == sets
    assert set(statuses) <= {200, 400, 401, 413, 415, 429}, statuses
    assert statuses[401] > sets / 2


async def raw_post(edge: Edge, path: str, headers: list[tuple[bytes, bytes]]) -> int:
    """One request past any client that would mend or refuse its headers. The status."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"maestro.test"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("maestro.test", 80),
    }
    statuses: list[int] = []
    parts = [{"type": "http.request", "body": b"{}", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return parts.pop() if parts else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await edge.app(scope, receive, send)
    return statuses[0]
