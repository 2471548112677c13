"""Comparisons of versions as types of the graph."""

from collections.abc import Iterable

from engine.definitions import changes
from engine.definitions.paths import MISSING
from engine.services.version_reads import VersionComparison
from schema import diffs
from schema.scalars import JSON


def diff(found: VersionComparison) -> diffs.WorkflowVersionDiff:
    """Comparison of the graph."""
    result = found.changes
    bump = result.suggested_bump
    return diffs.WorkflowVersionDiff(
        from_=found.from_version,
        to=found.to_version,
        steps=diffs.StepDifferences(
            added=_steps(result.added), removed=_steps(result.removed), changed=_steps(result.changed)
        ),
        connections=diffs.ConnectionDifferences(
            added=_connections(result.connections_added), removed=_connections(result.connections_removed)
        ),
        triggers=_changes(result.below("triggers")),
        settings=_changes(result.below("settings")),
        input_schema=_changes(result.below("inputSchema")),
        changes=_changes(result.changes),
        suggested_bump=None if bump is None else diffs.Bump(bump),
        affected_executions=[diffs.AffectedExecutions(version=a.version, count=a.count) for a in found.affected],
    )


def _steps(found: Iterable[changes.StepDifference]) -> list[diffs.StepDifference]:
    return [
        diffs.StepDifference(
            step_id=step.step_id,
            config_hash=diffs.ConfigHash(from_=step.hash_before, to=step.hash_after),
            paths=list(step.paths),
        )
        for step in found
    ]


def _connections(found: Iterable[changes.ConnectionDifference]) -> list[diffs.ConnectionDifference]:
    return [diffs.ConnectionDifference(from_=one.source, to=one.target, condition=one.condition) for one in found]


def _changes(found: Iterable[changes.Change]) -> list[diffs.DefinitionChange]:
    return [
        diffs.DefinitionChange(
            path=change.path,
            before=None if change.before is MISSING else JSON(change.before),
            after=None if change.after is MISSING else JSON(change.after),
            class_=diffs.ChangeClass(change.change_class),
        )
        for change in found
    ]
