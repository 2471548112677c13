"""Inputs and results of what changes workflows."""

from typing import Annotated, TypeAlias

import strawberry

from schema.diffs import Bump
from schema.failures import Conflict, NotFound, PolicyDenied, RateLimited, ValidationFailed
from schema.scalars import JSON, SemVer
from schema.workflows import Workflow, WorkflowVersion


@strawberry.input(description="A new draft.")
class CreateWorkflowInput:
    definition: JSON = strawberry.field(description="The document; all of its faults are answered at once.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes the call repeatable for 24 hours: same key and input, same workflow."
    )


@strawberry.input(description="A changed draft.")
class UpdateWorkflowInput:
    workflow_id: strawberry.ID = strawberry.field(description="Of the workflow.")
    definition: JSON = strawberry.field(description="The whole document; it replaces the draft.")
    expected_revision: int | None = strawberry.field(
        default=None, description="Revision that the change was made against; another one is a `Conflict`."
    )


@strawberry.input(description="A workflow to take out of use.")
class ArchiveWorkflowInput:
    workflow_id: strawberry.ID = strawberry.field(description="Of the workflow.")


@strawberry.input(description="How the draft becomes a version: by `bump`, or as `version`.")
class PublishWorkflowInput:
    workflow_id: strawberry.ID = strawberry.field(description="Of the workflow.")
    bump: Bump | None = strawberry.field(default=None, description="Which part of the version grows.")
    version: SemVer | None = strawberry.field(default=None, description="The version itself, instead of `bump`.")
    change_summary: str = strawberry.field(default="", description="What changed, for people.")
    allow_smaller_bump: bool = strawberry.field(
        default=False,
        description="Publish although the change asks for a larger bump; an action of its own for policy.",
    )
    expected_revision: int | None = strawberry.field(default=None, description="Revision of the draft that is meant.")


@strawberry.input(description="A document to check.")
class ValidateWorkflowInput:
    definition: JSON = strawberry.field(description="The document; nothing is stored.")


@strawberry.input(description="A new workflow from a template.")
class CreateWorkflowFromTemplateInput:
    template_id: strawberry.ID = strawberry.field(description="Of the template.")
    name: str = strawberry.field(default="", description="Name of the new workflow; the template's by default.")
    customizations: JSON | None = strawberry.field(
        default=None, description="Members that replace those of the template's document."
    )
    idempotency_key: str | None = strawberry.field(default=None, description="Makes the call repeatable for 24 hours.")


@strawberry.type(description="The draft is stored.")
class CreateWorkflowSuccess:
    workflow: Workflow = strawberry.field(description="The new workflow.")


@strawberry.type(description="The draft is replaced.")
class UpdateWorkflowSuccess:
    workflow: Workflow = strawberry.field(description="The workflow with its new draft.")


@strawberry.type(description="The workflow is out of use.")
class ArchiveWorkflowSuccess:
    workflow: Workflow = strawberry.field(description="The archived workflow.")


@strawberry.type(description="The draft is a version now.")
class PublishWorkflowSuccess:
    workflow_version: WorkflowVersion = strawberry.field(description="The snapshot.")
    workflow: Workflow | None = strawberry.field(description="The workflow that it is of.")


@strawberry.type(description="The document is valid.")
class ValidateWorkflowSuccess:
    valid: bool = strawberry.field(description="Always true; faults come as `ValidationFailed`.")


@strawberry.type(description="The draft is stored.")
class CreateWorkflowFromTemplateSuccess:
    workflow: Workflow = strawberry.field(description="The new workflow.")


Failure: TypeAlias = ValidationFailed | PolicyDenied | Conflict | NotFound | RateLimited

CreateWorkflowResult = Annotated[
    CreateWorkflowSuccess | Failure, strawberry.union("CreateWorkflowResult", description="Outcome of createWorkflow.")
]
UpdateWorkflowResult = Annotated[
    UpdateWorkflowSuccess | Failure, strawberry.union("UpdateWorkflowResult", description="Outcome of updateWorkflow.")
]
ArchiveWorkflowResult = Annotated[
    ArchiveWorkflowSuccess | Failure,
    strawberry.union("ArchiveWorkflowResult", description="Outcome of archiveWorkflow."),
]
PublishWorkflowResult = Annotated[
    PublishWorkflowSuccess | Failure,
    strawberry.union("PublishWorkflowResult", description="Outcome of publishWorkflow."),
]
ValidateWorkflowResult = Annotated[
    ValidateWorkflowSuccess | Failure,
    strawberry.union("ValidateWorkflowResult", description="Outcome of validateWorkflow."),
]
CreateWorkflowFromTemplateResult = Annotated[
    CreateWorkflowFromTemplateSuccess | Failure,
    strawberry.union("CreateWorkflowFromTemplateResult", description="Outcome of createWorkflowFromTemplate."),
]
