"""Named places where a test may have the process die. Nobody arms them in production: each is one look-up there.

A plan names points and, for each, at which visit the process dies: `after_commit:3,before_ack:1`.
"""

import os
import signal
from typing import Final

NAMES: Final = frozenset(
    {
        "after_claim",
        "before_commit",
        "after_commit",
        "before_effect",
        "after_effect",
        "before_ack",
        "after_ack",
        "timers_fired",
        "swept",
        "heartbeat",
        "draining",
        "relayed",
    }
)

_visits_left: dict[str, int] = {}


class UnknownCrashPointError(ValueError):
    """A plan names a point that does not exist, or is malformed."""


def arm(plan: str) -> None:
    """Arm the points of a plan; an empty plan disarms all.

    Raises:
        UnknownCrashPointError: see there.
    """
    _visits_left.clear()
    for item in filter(None, plan.split(",")):
        name, _, visit = item.partition(":")
        if name not in NAMES or not visit.isdigit() or int(visit) < 1:
            raise UnknownCrashPointError(f"{item!r} is no crash point with the number of a visit.")
        _visits_left[name] = int(visit)


def reach(name: str) -> None:
    """Pass a named point: nothing, or the end of the process as by kill -9."""
    if name not in _visits_left:
        return
    _visits_left[name] -= 1
    if not _visits_left[name]:
        os.kill(os.getpid(), signal.SIGKILL)
