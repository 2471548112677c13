"""What a running embedded server leaves on disk for the next start and for the operator: process id and port."""

import os
from dataclasses import dataclass
from pathlib import Path

from engine.jsonvalue import dumps, loads


@dataclass(frozen=True, slots=True)
class ServerState:
    """Process id and port of a server that was started."""

    pid: int
    port: int


def read_state(file: Path) -> ServerState | None:
    """The state of the last start; `None` if there was none or its file was cut short by a crash."""
    try:
        content = loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(content, dict):
        return None
    pid, port = content.get("pid"), content.get("port")
    if not isinstance(pid, int) or not isinstance(port, int):
        return None
    return ServerState(pid, port)


def write_state(file: Path, state: ServerState) -> None:
    """Replace the state in one step, so that a reader sees the old one or the new one."""
    draft = file.with_suffix(".new")
    draft.write_text(dumps({"pid": state.pid, "port": state.port}) + "\n")
    draft.replace(file)


def is_alive(state: ServerState) -> bool:
    """Whether a process with its id runs now, whoever's it is."""
    try:
        os.kill(state.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
