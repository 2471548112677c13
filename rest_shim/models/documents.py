"""Bodies that are documents with a schema of their own."""

from rest_shim.table import Document

DEFINITION = Document(
    {"$ref": "#/components/schemas/WorkflowDefinition"},
    "A definition; all of its faults are answered at once. Members that the server sets may be sent back as read.",
    {
        "name": "Greet",
        "steps": [{"id": "greet", "type": "action", "config": {"actionType": "noop"}, "connections": []}],
    },
)
