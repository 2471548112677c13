"""Bodies of what changed between two versions."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass

from engine.definitions.changes import Change, ChangeClass, ConnectionDifference, StepDifference
from engine.definitions.paths import MISSING
from engine.definitions.semver import Bump
from engine.jsonvalue import Json
from engine.services.values import AffectedExecutions
from engine.services.version_reads import VersionComparison
from rest_shim.models.workflows import VersionBody
from rest_shim.shapes import Rule, wire

CONFIG_HASH = Rule(
    "Hash of what the step does; `{from, to}` where it changed.",
    schema={
        "oneOf": [
            {"type": ["string", "null"]},
            {
                "type": "object",
                "properties": {"from": {"type": ["string", "null"]}, "to": {"type": ["string", "null"]}},
                "required": ["from", "to"],
                "additionalProperties": False,
            },
        ]
    },
)


@dataclass(frozen=True, slots=True)
class StepDifferenceBody:
    """A step that was added, removed or changed."""

    step_id: str = wire("The step's id.")
    config_hash: Json = wire(CONFIG_HASH)
    paths: tuple[str, ...] = wire("What changed, as JSON Pointers.")

    @classmethod
    def of(cls, step: StepDifference) -> "StepDifferenceBody":
        """Body of a difference."""
        if step.hash_before is not None and step.hash_after is not None:
            return cls(step.step_id, {"from": step.hash_before, "to": step.hash_after}, step.paths)
        return cls(step.step_id, step.hash_before or step.hash_after, step.paths)


@dataclass(frozen=True, slots=True)
class StepsDifferenceBody:
    """Steps that differ."""

    added: tuple[StepDifferenceBody, ...] = wire("Only in the newer one.")
    removed: tuple[StepDifferenceBody, ...] = wire("Only in the older one.")
    changed: tuple[StepDifferenceBody, ...] = wire("In both, and not the same.")


@dataclass(frozen=True, slots=True)
class ConnectionDifferenceBody:
    """A connection that was added or removed."""

    from_: str = wire("Step that it leaves.")
    to: str = wire("Step that it leads to.")
    condition: str = wire("When it is taken.")

    @classmethod
    def of(cls, connection: ConnectionDifference) -> "ConnectionDifferenceBody":
        """Body of a difference."""
        return cls(connection.source, connection.target, connection.condition)


@dataclass(frozen=True, slots=True)
class ConnectionsDifferenceBody:
    """Connections that differ."""

    added: tuple[ConnectionDifferenceBody, ...] = wire("Only in the newer one.")
    removed: tuple[ConnectionDifferenceBody, ...] = wire("Only in the older one.")


@dataclass(frozen=True, slots=True)
class ChangeBody:
    """One place that differs."""

    path: str = wire("JSON Pointer; steps and triggers stand by their id.")
    before: Json = wire("Null where the place is new.")
    after: Json = wire("Null where the place is gone.")
    class_: ChangeClass = wire("What the change means to callers.")

    @classmethod
    def of(cls, change: Change) -> "ChangeBody":
        """Body of a change."""
        before = None if change.before is MISSING else change.before
        after = None if change.after is MISSING else change.after
        return cls(change.path, before, after, change.change_class)


@dataclass(frozen=True, slots=True)
class AffectedBody:
    """How many unfinished executions are pinned to a version."""

    version: str = wire("The version.")
    count: int = wire("Unfinished executions.")

    @classmethod
    def of(cls, affected: AffectedExecutions) -> "AffectedBody":
        """Body of a count."""
        return cls(affected.version, affected.count)


@dataclass(frozen=True, slots=True)
class DiffBody:
    """What changed from one version to another."""

    from_: str = wire("The older side.")
    to: str = wire("The newer side.")
    steps: StepsDifferenceBody = wire("Steps that differ.")
    connections: ConnectionsDifferenceBody = wire("Connections that differ.")
    triggers: tuple[ChangeBody, ...] = wire("Changes of triggers.")
    settings: tuple[ChangeBody, ...] = wire("Changes of settings.")
    input_schema: tuple[ChangeBody, ...] = wire("Changes of the input schema.")
    changes: tuple[ChangeBody, ...] = wire("Every change; applied in this order to the older one they give the newer.")
    suggested_bump: Bump | None = wire("The smallest bump that all changes allow; null when nothing differs.")
    affected_executions: tuple[AffectedBody, ...] = wire("Unfinished executions, per version that has any.")

    @classmethod
    def of(cls, found: VersionComparison) -> "DiffBody":
        """Body of a comparison."""
        changes = found.changes
        return cls(
            from_=found.from_version,
            to=found.to_version,
            steps=StepsDifferenceBody(
                tuple(StepDifferenceBody.of(step) for step in changes.added),
                tuple(StepDifferenceBody.of(step) for step in changes.removed),
                tuple(StepDifferenceBody.of(step) for step in changes.changed),
            ),
            connections=ConnectionsDifferenceBody(
                tuple(ConnectionDifferenceBody.of(one) for one in changes.connections_added),
                tuple(ConnectionDifferenceBody.of(one) for one in changes.connections_removed),
            ),
            triggers=tuple(ChangeBody.of(change) for change in changes.below("triggers")),
            settings=tuple(ChangeBody.of(change) for change in changes.below("settings")),
            input_schema=tuple(ChangeBody.of(change) for change in changes.below("inputSchema")),
            changes=tuple(ChangeBody.of(change) for change in changes.changes),
            suggested_bump=changes.suggested_bump,
            affected_executions=tuple(AffectedBody.of(one) for one in found.affected),
        )


@dataclass(frozen=True, slots=True)
class VersionsBody:
    """Published versions, newest first, and what changed between two of them."""

    versions: tuple[VersionBody, ...] = wire("One page.")
    diff: DiffBody | None = wire("Null where there are not two to compare.")
