"""What changed between two versions."""

import strawberry

from schema.enums import ExplainedEnum, enum
from schema.scalars import JSON


@enum("What a change means to callers and to the systems that the workflow touches.")
class ChangeClass(ExplainedEnum):
    breaking = "breaking", "Callers, or systems that the workflow touches, may have to change too."
    compatible = "compatible", "Nobody else has to change."
    cosmetic = "cosmetic", "Nothing runs differently."


@enum("Which part of a version grows.")
class Bump(ExplainedEnum):
    major = "major", "For breaking changes."
    minor = "minor", "For compatible changes."
    patch = "patch", "For cosmetic changes."


@strawberry.type(description="Hashes of what a step does; null on a side where it does not stand.")
class ConfigHash:
    from_: str | None = strawberry.field(name="from", description="In the older one.")
    to: str | None = strawberry.field(description="In the newer one.")


@strawberry.type(description="A step that was added, removed or changed.")
class StepDifference:
    step_id: str = strawberry.field(description="The step's id.")
    config_hash: ConfigHash = strawberry.field(description="Hashes of what it does.")
    paths: list[str] = strawberry.field(description="What changed, as JSON Pointers.")


@strawberry.type(description="Steps that differ.")
class StepDifferences:
    added: list[StepDifference] = strawberry.field(description="Only in the newer one.")
    removed: list[StepDifference] = strawberry.field(description="Only in the older one.")
    changed: list[StepDifference] = strawberry.field(description="In both, and not the same.")


@strawberry.type(description="A connection between steps that was added or removed.")
class ConnectionDifference:
    """A connection that was added or removed."""

    from_: str = strawberry.field(name="from", description="Step that it leaves.")
    to: str = strawberry.field(description="Step that it leads to.")
    condition: str = strawberry.field(description="When it is taken.")


@strawberry.type(description="Connections between steps that differ.")
class ConnectionDifferences:
    """Connections that differ."""

    added: list[ConnectionDifference] = strawberry.field(description="Only in the newer one.")
    removed: list[ConnectionDifference] = strawberry.field(description="Only in the older one.")


@strawberry.type(description="One place that differs.")
class DefinitionChange:
    path: str = strawberry.field(description="JSON Pointer; steps and triggers stand by their id.")
    before: JSON | None = strawberry.field(description="Null where the place is new.")
    after: JSON | None = strawberry.field(description="Null where the place is gone.")
    class_: ChangeClass = strawberry.field(name="class", description="What the change means.")


@strawberry.type(description="How many unfinished executions are pinned to a version.")
class AffectedExecutions:
    version: str = strawberry.field(description="The version.")
    count: int = strawberry.field(description="Unfinished executions.")


@strawberry.type(description="What changed from one version, or the draft, to another.")
class WorkflowVersionDiff:
    """What changed from one version to another."""

    from_: str = strawberry.field(name="from", description="The older side.")
    to: str = strawberry.field(description="The newer side: a version, or `draft`.")
    steps: StepDifferences = strawberry.field(description="Steps that differ.")
    connections: ConnectionDifferences = strawberry.field(description="Connections between steps that differ.")
    triggers: list[DefinitionChange] = strawberry.field(description="Changes of triggers.")
    settings: list[DefinitionChange] = strawberry.field(description="Changes of settings.")
    input_schema: list[DefinitionChange] = strawberry.field(description="Changes of the input schema.")
    changes: list[DefinitionChange] = strawberry.field(
        description="Every change; applied in this order to the older one they give the newer."
    )
    suggested_bump: Bump | None = strawberry.field(
        description="The smallest bump that all changes allow; null when nothing differs."
    )
    affected_executions: list[AffectedExecutions] = strawberry.field(
        description="Unfinished executions, per version that has any."
    )
