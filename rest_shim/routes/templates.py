"""`/api/workflow-templates`: ready-made definitions to start from."""

from engine.errors import Conflict, IdempotencyMismatch, NotFound, ValidationFailed
from engine.services.requests import CreateFromTemplateRequest
from engine.services.slices import slice_of
from rest_shim.call import Call
from rest_shim.conditions import revision_tag
from rest_shim.models.paging import LIST_HEADERS, list_headers, page_request
from rest_shim.models.templates import CreateFromTemplateBody, TemplateBody, TemplateQuery
from rest_shim.models.workflows import WorkflowBody
from rest_shim.table import Answer, Method, Reply, Route


async def find(call: Call) -> Answer:
    """Templates, by name."""
    query = call.query(TemplateQuery)
    page = page_request(query.page, query.limit, query.cursor)
    every = await call.services.templates.list(call.actor, query.category)
    found = slice_of(every, page, lambda template: template.id)
    headers = list_headers(call.path, call.request.query_params, found)
    return Answer([TemplateBody.of(template) for template in found.items], headers=headers)


async def create(call: Call) -> Answer:
    """A new draft from a template."""
    request = await call.body(CreateFromTemplateBody, lambda faults: CreateFromTemplateRequest(faults=faults))
    key = call.idempotency_key()
    workflow = await call.services.templates.create_from(call.actor, call.text("id"), request, key)
    location = f"/api/workflows/{workflow.id}"
    return Answer(WorkflowBody.of(workflow), 201, {"etag": revision_tag(workflow.revision), "location": location})


ROUTES = (
    Route(
        Method.GET,
        "/api/workflow-templates",
        "listWorkflowTemplates",
        "Ready-made definitions to start from.",
        find,
        {200: Reply("One page.", tuple[TemplateBody, ...], LIST_HEADERS)},
        "templates",
        query=TemplateQuery,
        action="template.read",
    ),
    Route(
        Method.POST,
        "/api/workflow-templates/{id}/create",
        "createWorkflowFromTemplate",
        "A new draft from a template, validated like any document.",
        create,
        {
            201: Reply(
                "The new workflow.", WorkflowBody, {"ETag": "Revision of the draft.", "Location": "Of the workflow."}
            )
        },
        "templates",
        body=CreateFromTemplateBody,
        body_required=False,
        refusals=(NotFound, ValidationFailed, IdempotencyMismatch, Conflict),
        headers={"Idempotency-Key": "Makes the call repeatable: same key and body, same workflow, for 24 hours."},
        action="workflow.create",
        body_limit=10 << 20,
    ),
)
