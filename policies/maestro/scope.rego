# What a tenant's workflows may be made of: step types, action types, connections.
package maestro.scope

rules := data.maestro.rules

tenant := rules.tenants[input.subject.properties.tenant]

resource := input.resource.properties

judged if input.action.name in {"workflow.create", "workflow.update", "workflow.publish", "workflow.execute"}

refused("stepTypes", name) if not name in tenant.stepTypes

refused("actionTypes", name) if not name in tenant.actionTypes

refused("connections", name) if not name in tenant.connections

limited(kind) if is_array(tenant[kind])

nouns := {"stepTypes": "step type", "actionTypes": "action", "connections": "connection"}

codes := {"stepTypes": "step_type.not_allowed", "actionTypes": "action.not_allowed", "connections": "connection.not_allowed"}

denials contains {
	"code": codes[kind],
	"message": concat("", ["Your tenant may not use the ", noun, " ", name, "."]),
	"path": concat("", ["/resource/properties/", kind]),
	"policy": "scope",
	"remedy": "Use another one, or ask the operator to allow it for your tenant.",
} if {
	judged
	some kind, noun in nouns
	limited(kind)
	some name in resource[kind]
	refused(kind, name)
}
