# Environments and labels: where a workflow runs may narrow who touches it.
package maestro.places

rules := data.maestro.rules

resource := input.resource.properties

holds(roles) if {
	some role in input.subject.properties.roles
	role in roles
}

denials contains {
	"code": "environment.role_required",
	"message": concat("", ["In the environment ", resource.environment, " this takes one of the roles ", concat(", ", needed), "."]),
	"path": "/resource/properties/environment",
	"policy": "environment",
	"remedy": "Ask somebody who holds one of these roles.",
} if {
	is_string(resource.environment)
	needed := rules.environments[resource.environment][input.action.name]
	not holds(needed)
}

denials contains {
	"code": "label.role_required",
	"message": concat("", ["Workflows labelled ", rule.label, " take one of the roles ", concat(", ", rule.roles), "."]),
	"path": "/resource/properties/labels",
	"policy": "label",
	"remedy": "Ask somebody who holds one of these roles.",
} if {
	some rule in rules.labels
	rule.label in resource.labels
	input.action.name in rule.actions
	not holds(rule.roles)
}
