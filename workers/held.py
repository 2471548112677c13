"""One execution in this worker's hands: its state, what is out, and what the next commit will hold."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from engine.runtime.advance import Advance
from engine.runtime.effects import Finish, OpenTask, Probe, RunAction, StopAction
from engine.runtime.events import ChildFinished, Event
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionState
from engine.runtime.states import ExecutionStatus, StepKey
from engine.runtime.transitions import Failure, Transition
from engine.services.task_openings import Origin, opening_of
from engine.store.checkpoints import Commit
from engine.store.claims import Claimed, ExecutionRef
from engine.store.durable_effects import DurableEffect, DurableEffects, OpenedTask
from engine.store.outbox import Announcement
from engine.store.task_rows import NewTask
from engine.tasks.states import TaskOperation
from engine.telemetry.metrics import HUMAN_TASK_OPERATIONS
from workers.endings import ending_of
from workers.notices import STARTED, notice_of
from workers.tracing import ExecutionTrace

AttemptId = tuple[StepKey, int, int]
"""step, generation, attempt"""
OutsideEffect = RunAction | StopAction | Probe
NewId = Callable[[], UUID]
_OPENED = HUMAN_TASK_OPERATIONS.labels(TaskOperation.CREATE.value)


class Held:
    """What the worker knows of an execution that it holds.

    Between two commits, transitions and effects gather here; at most one commit is out at a time.

    Attributes:
        out: attempts whose outcome has not come back, and what stops each.
        known_mail: rows that were folded in and are not known to be deleted yet.
        is_committing: a commit is out.
        is_releasing: that commit gives the lease back; nothing may be folded in until it is known.
        was_rung: somebody rang while it was being given back.
        is_suspended: effects wait until the lease is trusted again. Nothing is committed meanwhile: it would look as if
            it waited for somebody else, and be given back with nobody to take it up again.
        is_lost: the lease is gone, or was given back; nothing more is done for it.
        is_proven: it has made progress in this worker's hands.
        fault: it cannot be advanced; it ends as soon as no commit is out.
        trace: its spans; None: nothing is recorded.
    """

    __slots__ = (
        "_asked",
        "_base_seq",
        "_finish",
        "_has_rows",
        "_latest",
        "_mail",
        "_outside",
        "_postponed",
        "_transitions",
        "claimed",
        "fault",
        "is_committing",
        "is_lost",
        "is_proven",
        "is_releasing",
        "is_suspended",
        "known_mail",
        "out",
        "plan",
        "ref",
        "state",
        "trace",
        "was_rung",
    )

    def __init__(self, claimed: Claimed, plan: Plan, state: ExecutionState, latest: datetime) -> None:
        self.claimed = claimed
        self.ref = ExecutionRef(claimed.tenant, claimed.id)
        self.plan = plan
        self.state = state
        self.out: dict[AttemptId, Callable[[], object]] = {}
        self.known_mail: set[UUID] = set()
        self.is_committing = False
        self.is_releasing = False
        self.was_rung = False
        self.is_suspended = False
        self.is_lost = False
        self.is_proven = False
        self.fault: Failure | None = None
        self.trace: ExecutionTrace | None = None
        self._base_seq = claimed.last_seq
        self._transitions: list[Transition] = []
        self._outside: list[OutsideEffect] = []
        self._asked: list[DurableEffect | OpenTask] = []
        self._mail: list[UUID] = []
        self._postponed: list[Event] = []
        self._finish: Finish | None = None
        self._has_rows = claimed.last_seq > 0
        self._latest = latest

    @property
    def base_seq(self) -> int:
        """Newest checkpoint that is known to be durable."""
        return self._base_seq

    @property
    def pending(self) -> int:
        """Transitions that wait for the next commit."""
        return len(self._transitions)

    @property
    def has_something(self) -> bool:
        """True when something waits to be written, or to start after what was written."""
        return bool(self._transitions or self._outside or self._asked or self._mail or self._postponed)

    @property
    def is_idle(self) -> bool:
        """True when nothing is out and nothing waits to be written."""
        return not (self.out or self.is_committing or self.has_something)

    @property
    def latest(self) -> datetime:
        """The instant of its newest transition."""
        return self._latest

    def later_of(self, now: datetime) -> datetime:
        """The instant to stamp with: never before that of an earlier transition, whatever the clock was set to."""
        self._latest = max(self._latest, now)
        return self._latest

    def gather(self, advanced: Advance) -> list[RunAction]:
        """Take in what the core decided. Returns the actions to run, which the caller sorts: now, or after commit."""
        self._transitions.extend(advanced.transitions)
        runs: list[RunAction] = []
        for effect in advanced.effects:
            if isinstance(effect, RunAction):
                runs.append(effect)
            elif isinstance(effect, StopAction | Probe):
                self._outside.append(effect)
            elif isinstance(effect, Finish):
                self._finish = effect
            else:
                self._asked.append(effect)
        return runs

    def after_commit(self, effect: OutsideEffect) -> None:
        """Start this when the transitions that it belongs to are durable."""
        self._outside.append(effect)

    def failed(self, failure: Failure) -> None:
        """It cannot be advanced any more."""
        if self.trace is not None:
            self.trace.failed(failure.code)

    def consumed(self, row_id: UUID) -> None:
        """A row of the inbox was folded in; it is deleted in the commit of what came of it."""
        self.known_mail.add(row_id)
        self._mail.append(row_id)

    def postpone(self, outcome: Event) -> None:
        """Leave an outcome to the next holder, as mail: this worker is stopping and starts nothing new."""
        self._postponed.append(outcome)

    def take_commit(self, new_id: NewId, *, announces: bool) -> tuple[Commit, list[OutsideEffect]]:
        """All that has gathered, as one commit, and what to start after it. `announces`: its end goes to the ledger."""
        state, claimed = self.state, self.claimed
        is_final = state.status.is_final
        outside, self._outside = self._outside, []
        effects = self._durable_effects(new_id)
        commit = Commit(
            tenant=claimed.tenant,
            execution_id=claimed.id,
            epoch=claimed.epoch,
            base_seq=self._base_seq,
            transitions=self._transitions,
            status=state.status,
            current_step=state.current_step,
            finished_at=state.finished_at if is_final else None,
            failure=state.failure,
            failed_steps=tuple(state.failed_steps),
            release=is_final or self._only_waits(outside),
            announcements=self._announcements(new_id, announces=announces),
            effects=effects,
            new_id=new_id,
        )
        self._transitions = []
        self._finish = None
        self.is_committing = True
        self.is_releasing = commit.release
        return commit, outside

    def committed(self, commit: Commit) -> None:
        """The commit is durable."""
        self._base_seq = commit.last_seq
        self.is_committing = self.is_releasing = False
        self.is_proven = self.is_proven or commit.is_progress
        if commit.effects is not None:
            self.known_mail.difference_update(commit.effects.mail)

    def _only_waits(self, outside: list[OutsideEffect]) -> bool:
        """True when nothing will be out once these effects have started."""
        stopped: set[AttemptId] = set()
        for effect in outside:
            if not isinstance(effect, StopAction):
                return False
            stopped.add(attempt_id(effect))
        return self.out.keys() <= stopped

    def _durable_effects(self, new_id: NewId) -> DurableEffects | None:
        finish = self._finish
        asked = self._written(new_id)
        ends_with_rows = finish is not None and (self._has_rows or bool(asked))
        parent = self.claimed.parent if finish is not None else None
        if not (asked or self._mail or self._postponed or parent or ends_with_rows):
            return None
        self._has_rows = True
        found = DurableEffects(
            tenant=self.claimed.tenant,
            execution_id=self.claimed.id,
            new_id=new_id,
            asked=asked,
            mail=self._mail,
            postponed=self._postponed,
            is_final=ends_with_rows,
        )
        if finish is not None and parent is not None:
            news = ChildFinished(
                key=parent.key,
                generation=parent.generation,
                child_id=self.claimed.id,
                status=finish.status,
                output=finish.output,
                failure=finish.failure,
            )
            found.finished = (parent.execution_id, news)
        self._asked, self._mail, self._postponed = [], [], []
        return found

    def _written(self, new_id: NewId) -> list[DurableEffect]:
        """Effects as rows; a task that cannot be opened becomes news of its failure, for the step to fold."""
        rows: list[DurableEffect] = []
        for effect in self._asked:
            if not isinstance(effect, OpenTask):
                rows.append(effect)
                continue
            task_id = new_id()
            origin = Origin(self.claimed.id, self.claimed.workflow_id, self.claimed.started_by)
            opened = opening_of(effect, origin, task_id, self._latest)
            if isinstance(opened, NewTask):
                rows.append(OpenedTask(task_id, opened))
                _OPENED.inc()
            else:
                self._postponed.append(opened)
        return rows

    def _announcements(self, new_id: NewId, *, announces: bool) -> list[Announcement]:
        state, found = self.state, []
        if self._base_seq == 0 and self._transitions:
            found.append(self._notice(STARTED, ExecutionStatus.RUNNING, new_id))
        if self._finish is None:
            return found
        found.append(self._notice(f"execution.{state.status.value}", state.status, new_id))
        if announces:
            found.append(ending_of(self.claimed, state.status, state.seq, new_id))
        return found

    def _notice(self, event_type: str, status: ExecutionStatus, new_id: NewId) -> Announcement:
        failure = self.state.failure if status is ExecutionStatus.FAILED else None
        return notice_of(self.claimed, event_type, self._latest, status, failure, new_id, notifies=self.plan.notifies)


def attempt_id(effect: RunAction | StopAction | Probe) -> AttemptId:
    """Which attempt an effect speaks of."""
    return (effect.key, effect.generation, effect.attempt)
