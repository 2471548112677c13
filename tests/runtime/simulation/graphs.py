"""Random workflows from a seeded source: any step type, any connection, loops in loops."""

from random import Random

from engine.jsonvalue import JsonObject
from tests.runtime.documents import action, condition, edge, equals, loop, parallel, typed
from tests.runtime.driver import WORKFLOW
from tests.runtime.simulation.world import Script

LEAVES = (
    "action",
    "action",
    "action",
    "condition",
    "parallel",
    "delay",
    "signal",
    "event",
    "human",
    "subprocess",
    "loop",
)


class GraphSource:
    """Draws a workflow and the script of its far side."""

    def __init__(self, random: Random, *, may_fail: bool) -> None:
        self.random = random
        self.may_fail = may_fail
        self.script = Script(trigger_data={"go": True, "items": [[[1], [2]], [], [[3, 4]]]})

    def steps(self) -> list[JsonObject]:
        """Steps of a workflow, and in `script` how its far side behaves."""
        return self._graph("", depth=0, over="triggerData.items")

    def _graph(self, prefix: str, *, depth: int, over: str) -> list[JsonObject]:
        size = self.random.randint(1, 7 if depth == 0 else 3)
        ids = [f"{'nml'[depth]}{i}" for i in range(size)]
        return [self._step(prefix, ids, i, depth, over) for i in range(size)]

    def _step(self, prefix: str, ids: list[str], index: int, depth: int, over: str) -> JsonObject:
        step_id = ids[index]
        kind = self.random.choice(LEAVES if depth < 2 else LEAVES[:-1])
        to = tuple(self._edge(step_id, target) for target in ids[index + 1 :] if self.random.random() < 0.45)
        made = self._typed(kind, prefix, step_id, to, depth, over)
        if self.random.random() < 0.2:
            made["join"] = "all"
        if self.random.random() < 0.08:
            made["isEnabled"] = False
        return made

    def _edge(self, source: str, target: str) -> JsonObject:
        kind = self.random.choice(("success", "success", "success", "failure", "always", "custom"))
        status = self.random.choice(("completed", "failed"))
        return edge(target, kind, equals(f"steps.{source}.status", status) if kind == "custom" else None)

    def _typed(  # noqa: PLR0911 - one per kind of step
        self, kind: str, prefix: str, step_id: str, to: tuple[JsonObject, ...], depth: int, over: str
    ) -> JsonObject:
        match kind:
            case "action":
                return self._action(prefix, step_id, to)
            case "condition":
                return condition(step_id, equals("triggerData.go", self.random.random() < 0.5), *to)
            case "parallel":
                return parallel(step_id, *to)
            case "delay":
                return typed(step_id, "delay", {"delayMs": self.random.randint(0, 2_000)}, *to)
            case "signal":
                return typed(step_id, "wait", {"signal": f"{prefix}{step_id}"}, *to)
            case "event":
                return typed(step_id, "wait", {"eventType": "paid"}, *to)
            case "human":
                self._maybe_fails(prefix, step_id, 1)
                return typed(step_id, "human", {"title": "Look"}, *to)
            case "subprocess":
                self._maybe_fails(prefix, step_id, 2)
                retry: JsonObject = {"maxRetries": self.random.randint(0, 2)}
                return typed(step_id, "subprocess", {"subWorkflowId": str(WORKFLOW)}, *to, retryConfig=retry)
            case _:
                body = self._graph(f"{prefix}{step_id}/", depth=depth + 1, over="item")
                return loop(step_id, over, body, *to, concurrency=self.random.randint(1, 3))

    def _action(self, prefix: str, step_id: str, to: tuple[JsonObject, ...]) -> JsonObject:
        config: JsonObject = {}
        if self.random.random() < 0.15:
            # It never fails here: after a crash a person resolves it, and says what the far side would have said.
            config["delivery"] = "at_most_once"
            config["onInDoubt"] = "human"
        else:
            self._maybe_fails(prefix, step_id, 3)
        if self.random.random() < 0.2:
            config["inputMappings"] = {"go": "triggerData.go"}
        if self.random.random() < 0.2:
            config["outputMappings"] = {f"key_{step_id}": "at"}
        return action(step_id, *to, config=config, retryConfig={"maxRetries": self.random.randint(0, 3)})

    def _maybe_fails(self, prefix: str, step_id: str, most: int) -> None:
        if self.may_fail and self.random.random() < 0.35:
            self.script.failures[f"{prefix}{step_id}"] = self.random.randint(1, most)
