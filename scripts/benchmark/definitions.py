"""The workflows that are measured."""


def chain(steps: int, name: str = "chain") -> dict[str, object]:
    """`steps` no-op steps in a row, each its own durable checkpoint."""
    listed = []
    for number in range(steps):
        onwards = [{"targetStepId": f"s{number + 1}"}] if number + 1 < steps else []
        listed.append(_noop(f"s{number}", onwards))
    return {"name": f"{name} of {steps}", "steps": listed}


def fan_out(width: int) -> dict[str, object]:
    """`width` steps side by side between a start and a join."""
    branches = [{"targetStepId": f"b{number}"} for number in range(width)]
    middle = [_noop(f"b{number}", [{"targetStepId": "join"}]) for number in range(width)]
    join = {**_noop("join", []), "join": "all"}
    return {"name": f"fan-out of {width}", "steps": [_noop("start", branches), *middle, join]}


def waiting(delay_ms: int) -> dict[str, object]:
    """A step, a long delay, a step."""
    return {
        "name": "waiting",
        "steps": [
            _noop("before", [{"targetStepId": "pause"}]),
            {
                "id": "pause",
                "name": "pause",
                "type": "delay",
                "config": {"delayMs": delay_ms},
                "connections": [{"targetStepId": "after"}],
            },
            _noop("after", []),
        ],
    }


def _noop(step: str, connections: list[dict[str, str]]) -> dict[str, object]:
    return {
        "id": step,
        "name": step,
        "type": "action",
        "config": {"actionType": "noop"},
        "connections": connections,
    }
