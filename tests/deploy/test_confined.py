"""Every process works as the deployment files confine it: read-only file system, no capability, no way to gain one."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import pytest

from engine.settings import load_token_signing
from scripts.cli.token import Claims, signed_token
from scripts.embedded.ports import free_port
from tests.crash.servers import Servers, running_servers

ROOT: Final = Path(__file__).resolve().parents[2]
_PATIENCE_S: Final = 120.0
_ORDER: Final = ROOT / "docs" / "examples" / "order.json"
_CONFINED: Final = """
mount --make-rprivate / && mount --bind {data} {data} && mount -o remount,bind,ro / || exit 97
for place in $(findmnt -rno TARGET -t tmpfs,ext4,overlay,xfs,btrfs | grep -v -x -F -e / -e {data}); do
  mount -o remount,bind,ro "$place" 2>/dev/null
done
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs {command}
"""


def _obstacle() -> str | None:
    if not all(map(shutil.which, ("unshare", "setpriv", "findmnt"))):
        return "util-linux is not here: processes cannot be confined"
    probe = ["unshare", "--mount", "sh", "-c", "mount --make-rprivate / && mount -o remount,bind,ro /"]
    done = subprocess.run(probe, capture_output=True, check=False)
    return None if done.returncode == 0 else "this account may not make mount namespaces: processes cannot be confined"


_WHY_NOT: Final = _obstacle()
pytestmark = [
    pytest.mark.processes,
    pytest.mark.server,
    pytest.mark.skipif(_WHY_NOT is not None, reason=_WHY_NOT or ""),
]


def _confined(name: str, environment: dict[str, str]) -> list[str]:
    program = [str(Path(sys.executable).with_name("maestro")), name]
    told = {"data": shlex.quote(environment["MAESTRO_DATA_DIR"]), "command": shlex.join(program)}
    return ["unshare", "--mount", "sh", "-c", _CONFINED.format(**told)]


@contextmanager
def _serving(name: str, environment: dict[str, str], log: Path) -> Iterator[None]:
    with (
        log.open("ab") as said,
        subprocess.Popen(_confined(name, environment), env=environment, stdout=said, stderr=said, cwd=ROOT) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(_PATIENCE_S) == 0, log.read_text()


@pytest.fixture
def environment(servers_folder: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    with running_servers(servers_folder / "confined") as servers:
        yield _environment(servers, tmp_path)


def _environment(servers: Servers, tmp_path: Path) -> dict[str, str]:
    """As in a container: everything by settings, and one folder that may be written."""
    data = tmp_path / "data"
    data.mkdir()
    api, ledger = free_port(), free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAESTRO_")}
    return kept | {
        "PYTHONDONTWRITEBYTECODE": "1",
        "MAESTRO_DATABASE_URL": servers.database_url,
        "MAESTRO_REDIS_URL": servers.redis_url,
        "MAESTRO_JWT_SECRET": "s" * 40,
        "MAESTRO_ENCRYPTION_KEY": "k" * 43,
        "MAESTRO_DATA_DIR": str(data),
        "MAESTRO_PORT": str(api),
        "MAESTRO_LEDGER_PORT": str(ledger),
        "MAESTRO_LEDGER_URL": f"http://127.0.0.1:{ledger}",
        "MAESTRO_LEDGER_TOKEN": "t" * 40,
    }


def test_all_processes_work_confined(environment: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "processes.log"
    subprocess.run(_confined("migrate", environment), env=environment, cwd=ROOT, check=True)
    with ExitStack() as stack:
        for name in ("ledger", "api", "worker"):
            stack.enter_context(_serving(name, environment, log))
        token = signed_token(load_token_signing(environment), Claims("ops", "default", ("admin",)), datetime.now(UTC))
        with httpx.Client(
            base_url=f"http://127.0.0.1:{environment['MAESTRO_PORT']}",
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            timeout=_PATIENCE_S,
        ) as client:
            _until(lambda: client.get("/readyz").status_code == httpx.codes.OK, log)
            workflow = client.post("/api/workflows", content=_ORDER.read_bytes()).json()["id"]
            client.post(f"/api/workflows/{workflow}/publish", json={"bump": "major"}).raise_for_status()
            started = client.post(f"/api/workflows/{workflow}/execute", json={"triggerData": {"items": []}})
            place = f"/api/executions/{started.json()['id']}"
            _until(lambda: client.get(place).json()["status"] == "completed", log)
            _until(lambda: client.get(f"{place}/evidence").status_code == httpx.codes.OK, log)
    assert {path.name for path in Path(environment["MAESTRO_DATA_DIR"]).iterdir()} <= {"ledger", "trust"}


def test_the_confinement_confines(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for place, is_writable in ((data, True), (tmp_path, False), (ROOT, False)):
        told = {"data": shlex.quote(str(data)), "command": shlex.join(["touch", str(place / "x")])}
        done = subprocess.run(["unshare", "--mount", "sh", "-c", _CONFINED.format(**told)], check=False)
        assert (done.returncode == 0) is is_writable, place


def _until(done: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            if done():
                return
        except httpx.TransportError:
            pass  # it does not listen yet
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
