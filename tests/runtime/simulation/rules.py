"""What must hold of every history, in whatever order things happened."""

from engine.runtime.events import RetryAsked
from engine.runtime.fold import apply
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionState
from engine.runtime.states import EXECUTION_MOVES, FINAL_STEP, STEP_MOVES, ExecutionStatus, StepKey, StepStatus
from engine.runtime.transitions import StepTransition
from tests.runtime.simulation.digests import digest, ending
from tests.runtime.simulation.world import World

DONE = frozenset({StepStatus.COMPLETED, StepStatus.FAILED})


def check_records(world: World) -> None:
    """Gapless, only allowed moves, nothing finished runs again in its generation, one end, nothing left behind."""
    records = world.store.records
    assert [t.seq for t in records] == list(range(1, len(records) + 1))
    statuses: dict[StepKey, StepStatus] = {}
    by_generation: dict[tuple[StepKey, int], StepStatus] = {}
    status = ExecutionStatus.QUEUED
    for transition in records:
        if isinstance(transition, StepTransition):
            was = statuses.get(transition.key, StepStatus.PENDING)
            assert transition.status in STEP_MOVES[was]
            assert by_generation.get((transition.key, transition.generation)) not in DONE
            statuses[transition.key] = by_generation[(transition.key, transition.generation)] = transition.status
        else:
            assert transition.status in EXECUTION_MOVES[status]
            status = transition.status
    assert status.is_final
    assert all(found in FINAL_STEP for found in statuses.values())
    ends = [t for t in records if not isinstance(t, StepTransition) and t.status.is_final]
    assert len(world.store.finished) == len(ends)
    assert all(times == 1 for times in world.sent_once.values())
    left = (world.out, world.store.tasks, world.store.children, world.store.waits)
    assert not any(left), left
    check_replay(world)


def check_retry(world: World, *, restart: bool) -> None:
    """After an end by failure, a retry (nothing fails any more) completes, and keeps whatever had completed."""
    done = [step for step in world.state.steps.values() if step.status is StepStatus.COMPLETED]
    # A loop around a failure has its results made anew, while its finished iterations are kept.
    kept = {} if restart else {step.key: step.seq for step in done if step.node.body is None}
    world.retry(RetryAsked("ada", restart_successful=restart))
    check_records(world)
    assert world.state.status is ExecutionStatus.COMPLETED
    assert not world.state.failed_steps
    assert {key: world.state.steps[key].seq for key in kept} == kept


def check_retry_from(world: World, path: str) -> None:
    """A retry from a step of a completed execution runs it again, completes, and keeps all that is not behind it."""
    plan, steps = world.plan, world.state.steps
    ran = {k: s.generation for k, s in steps.items() if k.path == path and s.status in DONE}
    behind = _behind(plan, path.split("/", maxsplit=1)[0])
    kept = {k: s.seq for k, s in steps.items() if k.path.split("/")[0] not in behind}
    world.retry(RetryAsked("ada", from_step_id=path))
    check_records(world)
    assert world.state.status is ExecutionStatus.COMPLETED
    assert {k: steps[k].generation for k in ran} == {k: generation + 1 for k, generation in ran.items()}
    assert {k: steps[k].seq for k in kept} == kept


def _behind(plan: Plan, path: str) -> set[str]:
    found, stack = {path}, [plan.by_path[path]]
    while stack:
        targets = [edge.target for edge in stack.pop().out if edge.target.path not in found]
        found.update(node.path for node in targets)
        stack.extend(targets)
    return found


def check_replay(world: World) -> None:
    """Folding the records gives the state that the worker holds."""
    state = ExecutionState.new(world.header)
    for transition in world.store.records:
        apply(world.plan, state, transition)
    assert digest(world.plan, state) == digest(world.plan, world.state)


def check_ends_alike(one: World, other: World) -> None:
    """Same statuses, outputs, failures and context, whatever the order was."""
    assert ending(one.plan, one.state) == ending(other.plan, other.state)
    assert one.store.finished[-1].output == other.store.finished[-1].output
