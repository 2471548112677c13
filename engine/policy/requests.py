"""What the evaluators are asked, and what they said, as documents (AuthZEN 1.0; docs/policy.md)."""

from collections.abc import Mapping, Sequence

from engine.errors import Denial
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.policy.gate import Resource


def authzen_request(actor: Actor, action: str, resource: Resource, context: Mapping[str, Json]) -> JsonObject:
    """The AuthZEN request: the subject from verified claims, the resource from stored facts."""
    return {
        "subject": {
            "type": "user",
            "id": actor.subject,
            "properties": {
                "tenant": actor.tenant,
                "roles": [*sorted(actor.roles)],
                "groups": [*sorted(actor.groups)],
                "email": actor.email,
                "attributes": dict(actor.attributes),
            },
        },
        "action": {"name": action, "properties": {}},
        "resource": {
            "type": resource.type,
            "id": resource.id,
            "properties": {"tenant": actor.tenant, **resource.properties},
        },
        "context": {"requestId": actor.request_id, "source": actor.source, **context},
    }


def result_document(denials: Sequence[Denial], obligations: Sequence[JsonObject]) -> JsonObject:
    """A verdict as it stands in the decision log."""
    return {
        "allow": not denials,
        "denials": [
            {
                "code": denial.code,
                "message": denial.message,
                "path": denial.path,
                "policy": denial.policy,
                "remedy": denial.remedy,
            }
            for denial in denials
        ],
        "obligations": [*obligations],
    }
