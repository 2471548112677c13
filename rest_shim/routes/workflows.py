"""`/api/workflows`: drafts, publishing, versions."""

from dataclasses import replace

from engine.errors import Conflict, IdempotencyMismatch, NotFound, StaleRevision, ValidationFailed
from engine.services.requests import PublishRequest
from engine.services.values import WorkflowFilter
from rest_shim.call import Call
from rest_shim.conditions import is_unchanged, revision_tag
from rest_shim.models.diffs import DiffBody, VersionsBody
from rest_shim.models.documents import DEFINITION
from rest_shim.models.paging import LIST_HEADERS, list_headers, page_request
from rest_shim.models.workflows import (
    FaultBody,
    PublishBody,
    ValidationBody,
    VersionBody,
    VersionsQuery,
    WorkflowBody,
    WorkflowQuery,
)
from rest_shim.nouns import Noun
from rest_shim.table import Answer, Method, Reply, Route

LARGE_BODY = 10 << 20
ETAG = {"ETag": "Revision of the draft."}
IDEMPOTENCY = {"Idempotency-Key": "Makes the call repeatable: same key and body, same answer, for 24 hours."}


async def create(call: Call) -> Answer:
    """Store a new draft."""
    workflow = await call.services.workflows.create(call.actor, await call.definition(), call.idempotency_key())
    location = f"/api/workflows/{workflow.id}"
    return Answer(WorkflowBody.of(workflow), 201, {"etag": revision_tag(workflow.revision), "location": location})


async def validate(call: Call) -> Answer:
    """Check a document; nothing is stored."""
    faults = await call.services.workflows.validate(call.actor, await call.definition())
    if faults:
        raise ValidationFailed(faults)
    return Answer(ValidationBody(valid=True, errors=tuple(FaultBody.of(fault) for fault in faults)))


async def find(call: Call) -> Answer:
    """Workflows, newest first."""
    query = call.query(WorkflowQuery)
    page = page_request(query.page, query.limit, query.cursor)
    wanted = WorkflowFilter(query.search, query.is_active, query.status)
    found = await call.services.workflows.list(call.actor, wanted, page)
    headers = list_headers(call.path, call.request.query_params, found)
    return Answer([WorkflowBody.of(workflow) for workflow in found.items], headers=headers)


async def get(call: Call) -> Answer:
    """One workflow with its draft."""
    workflow = await call.services.workflows.get(call.actor, call.id(Noun.WORKFLOW))
    tag = revision_tag(workflow.revision)
    if is_unchanged(call.request.headers.get("if-none-match"), tag):
        return Answer(status=304, headers={"etag": tag})
    return Answer(WorkflowBody.of(workflow), headers={"etag": tag})


async def update(call: Call) -> Answer:
    """Replace the draft."""
    workflow_id = call.id(Noun.WORKFLOW)
    expected = call.expected_revision()
    workflow = await call.services.workflows.update(call.actor, workflow_id, await call.definition(), expected)
    return Answer(WorkflowBody.of(workflow), headers={"etag": revision_tag(workflow.revision)})


async def archive(call: Call) -> Answer:
    """Take a workflow out of use."""
    workflow = await call.services.workflows.archive(call.actor, call.id(Noun.WORKFLOW), call.expected_revision())
    return Answer(WorkflowBody.of(workflow), headers={"etag": revision_tag(workflow.revision)})


async def publish(call: Call) -> Answer:
    """Make the draft an immutable version."""
    workflow_id = call.id(Noun.WORKFLOW)
    request = await call.body(PublishBody, lambda faults: PublishRequest(faults=faults))
    expected = call.expected_revision()
    if expected is not None and request.expected_revision in {None, expected}:
        request = replace(request, expected_revision=expected)
    version = await call.services.workflows.publish(call.actor, workflow_id, request)
    location = f"/api/workflows/{workflow_id}/versions/{version.version}"
    return Answer(VersionBody.of(version), 201, {"location": location})


async def version(call: Call) -> Answer:
    """One published version."""
    found = await call.services.workflows.version(call.actor, call.id(Noun.WORKFLOW), call.text("version"))
    tag = f'"{found.content_hash}"'
    if is_unchanged(call.request.headers.get("if-none-match"), tag):
        return Answer(status=304, headers={"etag": tag})
    return Answer(VersionBody.of(found), headers={"etag": tag})


async def versions(call: Call) -> Answer:
    """Published versions, newest first, and what changed between two of them."""
    workflow_id, query = call.id(Noun.WORKFLOW), call.query(VersionsQuery)
    page = page_request(query.page, query.limit, query.cursor)
    found, compared = await call.services.workflows.overview(call.actor, workflow_id, page, query.from_, query.to)
    headers = list_headers(call.request.url.path, call.request.query_params, found)
    body = VersionsBody(
        tuple(VersionBody.of(one) for one in found.items), None if compared is None else DiffBody.of(compared)
    )
    return Answer(body, headers=headers)


_UNCHANGED = Reply("The caller has it already.")
_WORKFLOW = Reply("The workflow.", WorkflowBody, ETAG)

_CREATE = Route(
    Method.POST,
    "/api/workflows",
    "createWorkflow",
    "Store a new draft.",
    create,
    {201: Reply("The new workflow.", WorkflowBody, {**ETAG, "Location": "Of the workflow."})},
    "workflows",
    body=DEFINITION,
    refusals=(ValidationFailed, IdempotencyMismatch, Conflict),
    headers=IDEMPOTENCY,
    action="workflow.create",
    body_limit=LARGE_BODY,
)

ROUTES = (
    _CREATE,
    replace(
        _CREATE,
        path="/api/workflow-builder",
        name="buildWorkflow",
        summary="Store what the older builder sends, as a new draft: the same as `createWorkflow`.",
    ),
    Route(
        Method.POST,
        "/api/workflows/validate",
        "validateWorkflow",
        "Check a document; all faults at once, nothing is stored.",
        validate,
        {200: Reply("It is valid.", ValidationBody)},
        "workflows",
        body=DEFINITION,
        refusals=(ValidationFailed,),
        action="workflow.validate",
        body_limit=LARGE_BODY,
    ),
    Route(
        Method.GET,
        "/api/workflows",
        "listWorkflows",
        "Workflows, newest first.",
        find,
        {200: Reply("One page.", tuple[WorkflowBody, ...], LIST_HEADERS)},
        "workflows",
        query=WorkflowQuery,
        action="workflow.read",
    ),
    Route(
        Method.GET,
        "/api/workflows/{id}",
        "getWorkflow",
        "One workflow with its draft, archived ones too.",
        get,
        {200: _WORKFLOW, 304: _UNCHANGED},
        "workflows",
        refusals=(NotFound,),
        headers={"If-None-Match": "A revision that the caller has."},
        action="workflow.read",
    ),
    Route(
        Method.PUT,
        "/api/workflows/{id}",
        "updateWorkflow",
        "Replace the draft.",
        update,
        {200: _WORKFLOW},
        "workflows",
        body=DEFINITION,
        refusals=(NotFound, ValidationFailed, StaleRevision, Conflict),
        headers={"If-Match": "Revision that the change was made against."},
        action="workflow.update",
        body_limit=LARGE_BODY,
    ),
    Route(
        Method.DELETE,
        "/api/workflows/{id}",
        "archiveWorkflow",
        "Take a workflow out of use; its versions and executions stay.",
        archive,
        {200: _WORKFLOW},
        "workflows",
        refusals=(NotFound, StaleRevision, Conflict),
        headers={"If-Match": "Revision of the draft that is meant."},
        action="workflow.archive",
    ),
    Route(
        Method.POST,
        "/api/workflows/{id}/publish",
        "publishWorkflow",
        "Make the draft an immutable version.",
        publish,
        {201: Reply("The snapshot.", VersionBody, {"Location": "Of the version."})},
        "workflows",
        body=PublishBody,
        body_required=False,
        refusals=(NotFound, ValidationFailed, StaleRevision, Conflict),
        headers={"If-Match": "Revision of the draft that is meant."},
        action="workflow.publish",
    ),
    Route(
        Method.GET,
        "/api/workflows/{id}/versions",
        "listWorkflowVersions",
        "Published versions, newest first, and what changed between two of them: the newest, or those asked for.",
        versions,
        {200: Reply("One page, and the difference.", VersionsBody, LIST_HEADERS)},
        "workflows",
        query=VersionsQuery,
        refusals=(NotFound,),
        action="workflow.read",
    ),
    Route(
        Method.GET,
        "/api/workflows/{id}/versions/{version}",
        "getWorkflowVersion",
        "One published version.",
        version,
        {200: Reply("The snapshot.", VersionBody, {"ETag": "Its content hash."}), 304: _UNCHANGED},
        "workflows",
        refusals=(NotFound,),
        headers={"If-None-Match": "A content hash that the caller has."},
        action="workflow.read",
    ),
)
