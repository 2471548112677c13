"""Mutations of workflows: one input each, one call of a service, one result."""

from typing import cast

import strawberry

from engine.definitions.semver import Bump
from engine.errors import Fault, ValidationFailed
from engine.jsonvalue import Json
from engine.services.requests import CreateFromTemplateRequest, PublishRequest
from resolvers import shapes
from resolvers.info import Info, identifier
from schema.fields import mutation
from schema.mutations.workflows import (
    ArchiveWorkflowInput,
    ArchiveWorkflowResult,
    ArchiveWorkflowSuccess,
    CreateWorkflowFromTemplateInput,
    CreateWorkflowFromTemplateResult,
    CreateWorkflowFromTemplateSuccess,
    CreateWorkflowInput,
    CreateWorkflowResult,
    CreateWorkflowSuccess,
    PublishWorkflowInput,
    PublishWorkflowResult,
    PublishWorkflowSuccess,
    UpdateWorkflowInput,
    UpdateWorkflowResult,
    UpdateWorkflowSuccess,
    ValidateWorkflowInput,
    ValidateWorkflowResult,
    ValidateWorkflowSuccess,
)


@strawberry.type
class WorkflowMutations:
    """Mutations of workflows."""

    @mutation("Store a new draft.")
    async def create_workflow(self, info: Info, input: CreateWorkflowInput) -> CreateWorkflowResult:
        definition = cast("Json", input.definition)
        created = await info.context.services.workflows.create(info.context.actor, definition, input.idempotency_key)
        return CreateWorkflowSuccess(workflow=shapes.workflow(created))

    @mutation("Replace the draft.")
    async def update_workflow(self, info: Info, input: UpdateWorkflowInput) -> UpdateWorkflowResult:
        key = identifier("workflow", input.workflow_id)
        definition = cast("Json", input.definition)
        updated = await info.context.services.workflows.update(
            info.context.actor, key, definition, input.expected_revision
        )
        return UpdateWorkflowSuccess(workflow=shapes.workflow(updated))

    @mutation("Take a workflow out of use; its versions and executions stay.")
    async def archive_workflow(self, info: Info, input: ArchiveWorkflowInput) -> ArchiveWorkflowResult:
        key = identifier("workflow", input.workflow_id)
        archived = await info.context.services.workflows.archive(info.context.actor, key)
        return ArchiveWorkflowSuccess(workflow=shapes.workflow(archived))

    @mutation("Make the draft an immutable version.")
    async def publish_workflow(self, info: Info, input: PublishWorkflowInput) -> PublishWorkflowResult:
        key = identifier("workflow", input.workflow_id)
        version = await info.context.services.workflows.publish(info.context.actor, key, _publish_request(input))
        workflow = await info.context.reads.workflow(key)
        return PublishWorkflowSuccess(workflow_version=shapes.version(version), workflow=workflow)

    @mutation("Check a document; all faults at once, nothing is stored.")
    async def validate_workflow(self, info: Info, input: ValidateWorkflowInput) -> ValidateWorkflowResult:
        definition = cast("Json", input.definition)
        faults = await info.context.services.workflows.validate(info.context.actor, definition)
        if faults:
            raise ValidationFailed(faults)
        return ValidateWorkflowSuccess(valid=True)

    @mutation("A new draft from a template, validated like any document.")
    async def create_workflow_from_template(
        self, info: Info, input: CreateWorkflowFromTemplateInput
    ) -> CreateWorkflowFromTemplateResult:
        request = _template_request(input)
        created = await info.context.services.templates.create_from(
            info.context.actor, input.template_id, request, input.idempotency_key
        )
        return CreateWorkflowFromTemplateSuccess(workflow=shapes.workflow(created))


def _publish_request(given: PublishWorkflowInput) -> PublishRequest:
    faults: tuple[Fault, ...] = ()
    if given.bump is not None and given.version is not None:
        message = "Both 'bump' and 'version' are given."
        faults = (Fault("request.wrong_value", "/version", message, "Give one of them."),)
    return PublishRequest(
        bump=None if given.bump is None else Bump(given.bump),
        version=given.version,
        change_summary=given.change_summary,
        allow_smaller_bump=given.allow_smaller_bump,
        expected_revision=given.expected_revision,
        faults=faults,
    )


def _template_request(given: CreateWorkflowFromTemplateInput) -> CreateFromTemplateRequest:
    members = cast("Json", given.customizations)
    if members is None:
        return CreateFromTemplateRequest(name=given.name)
    if isinstance(members, dict):
        return CreateFromTemplateRequest(name=given.name, customisations=members)
    fault = Fault("request.wrong_type", "/customizations", "This is not a JSON object.", "Give a JSON object.")
    return CreateFromTemplateRequest(name=given.name, faults=(fault,))
