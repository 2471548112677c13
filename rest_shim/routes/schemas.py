"""`/api/schemas`: what documents are checked against, for everybody."""

from engine.definitions.shape import DEFINITION_SCHEMA
from engine.errors import NotFound
from rest_shim.call import Call
from rest_shim.table import Answer, Method, Reply, Route

SCHEMA_MEDIA = "application/schema+json"
CACHE = {"cache-control": "public, max-age=300"}


async def workflow_definition(_call: Call) -> Answer:
    """The schema of definitions."""
    return Answer(DEFINITION_SCHEMA, headers=CACHE)


async def action_config(call: Call) -> Answer:
    """The schema of one action's config."""
    return Answer(call.services.actions.entry(call.text("name")).config_schema, headers=CACHE)


ROUTES = (
    Route(
        Method.GET,
        "/api/schemas/workflow-definition",
        "getWorkflowDefinitionSchema",
        "JSON Schema (2020-12) of definitions, with the project's own keywords.",
        workflow_definition,
        {200: Reply("The schema.", {"type": "object"}, media=SCHEMA_MEDIA)},
        "schemas",
        public=True,
    ),
    Route(
        Method.GET,
        "/api/schemas/actions/{name}",
        "getActionSchema",
        "JSON Schema (2020-12) of the `actionConfig` of one action.",
        action_config,
        {200: Reply("The schema.", {"type": "object"}, media=SCHEMA_MEDIA)},
        "schemas",
        refusals=(NotFound,),
        public=True,
    ),
)
