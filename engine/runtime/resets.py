"""What a person's retry resets.

Without a named step: what failed unhandled, what was cancelled, and what is behind those, keeping what completed; with
`restartSuccessful` every step. With a named step: it and all that is behind it, completed or not (what was computed
from it is out of date), and, so that the execution can end, what failed unhandled or was cancelled elsewhere. Completed
work that does not depend on the named step is kept in either case. A loop around a reset step is taken up again: its
iterations that are done stay done.
"""

from engine.definitions.model import StepType
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionState, StepState
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus


class Reset:
    """The instances that a retry resets, each with whether it is a loop to be taken up again rather than restarted."""

    def __init__(self, plan: Plan, state: ExecutionState) -> None:
        self._plan = plan
        self._state = state
        self.found: dict[StepKey, bool] = {}

    def all_steps(self) -> None:
        """Every instance, from the beginning."""
        for step in self._state.steps.values():
            self.found[step.key] = False

    def unfinished(self) -> None:
        """What was cancelled or failed without anybody handling it, with what is behind it and did not complete."""
        for step in tuple(self._state.steps.values()):
            failed = step.status is StepStatus.FAILED and step.key.path in self._state.failed_steps
            if (failed or step.status is StepStatus.CANCELLED) and not self._is_settled(step):
                self._add(step, resume=step.loop is not None)
                self._behind(step, through_completed=False)
                self._around(step, through_completed=False)

    def _is_settled(self, step: StepState) -> bool:
        """Whether what a loop left behind stays so: its failure was handled, or it ended without this iteration."""
        owner = step.scope.owner
        while owner is not None:
            if owner.status is StepStatus.FAILED and owner.key.path not in self._state.failed_steps:
                return True
            ended = owner.status in (StepStatus.COMPLETED, StepStatus.SKIPPED)
            if ended and step.status is StepStatus.CANCELLED:
                return True
            owner = owner.scope.owner
        return False

    def from_step(self, name: str) -> None:
        """The step of this path or id, in all iterations, with all that is behind it."""
        named = self._plan.by_path.get(name)
        paths = {named.path} if named is not None else {node.path for node in self._plan.by_id.get(name, ())}
        for step in tuple(self._state.steps.values()):
            if step.key.path in paths and step.status.is_final:
                self._restart(step)
                self._behind(step, through_completed=True)
                self._around(step, through_completed=True)

    def _add(self, step: StepState, *, resume: bool) -> None:
        # A restart outweighs taking up again: who restarts the loop restarts its iterations.
        self.found[step.key] = resume and self.found.get(step.key, True)

    def _restart(self, step: StepState) -> None:
        self._add(step, resume=False)
        if step.node.type is StepType.LOOP:
            prefix = f"{step.key.path}/"
            for inner in self._state.steps.values():
                same = not step.key.iteration or inner.key.iteration.startswith(f"{step.key.iteration}.")
                if inner.key.path.startswith(prefix) and same:
                    self._add(inner, resume=False)

    def _behind(self, start: StepState, *, through_completed: bool) -> None:
        stack = [start]
        seen = {start.key}
        while stack:
            step = stack.pop()
            for edge in step.node.out:
                target = self._state.steps.get(StepKey(edge.target.path, step.key.iteration))
                if target is None or target.key in seen:
                    continue
                if target.status is StepStatus.COMPLETED and not through_completed:
                    continue
                seen.add(target.key)
                self._restart(target)
                stack.append(target)

    def _around(self, step: StepState, *, through_completed: bool) -> None:
        owner = step.scope.owner
        while owner is not None:
            self._add(owner, resume=True)
            self._behind(owner, through_completed=through_completed)
            owner = owner.scope.owner


def reset_of(plan: Plan, state: ExecutionState, name: str | None, *, restart_successful: bool) -> dict[StepKey, bool]:
    """Keys to reset with whether each is a loop to be taken up again; empty: there is nothing to retry."""
    reset = Reset(plan, state)
    if name is not None:
        reset.from_step(name)
        if not reset.found:
            return {}
    if state.status is not ExecutionStatus.COMPLETED:
        reset.unfinished()
    if name is None and restart_successful:
        reset.all_steps()
    return {key: resume for key, resume in reset.found.items() if state.steps[key].status.is_final}


def next_generation(step: StepState) -> int:
    """Generation of a reset instance: a new one for what was finished, so that its effects get new keys.

    A cancelled attempt of an action keeps its generation: nobody knows whether its effect happened, and the same key
    lets the receiver tell. What else was cancelled after it began (a task, a child, a wait) needs a new identity.
    """
    if step.status in (StepStatus.COMPLETED, StepStatus.FAILED):
        return step.generation + 1
    begun = step.status is StepStatus.CANCELLED and step.attempt > 0
    return step.generation + 1 if begun and step.node.type is not StepType.ACTION else step.generation
