# Who may do what: tenant, roles, ownership of tasks, clearance for classified workflows.
package maestro.access

rules := data.maestro.rules

action := input.action.name

subject := input.subject.properties

resource := input.resource.properties

known_roles contains role if {
	some role in subject.roles
	rules.roles[role]
}

is_admin if "admin" in known_roles

# The four ways in which a rule may name an action: whole, by its noun, by its verb, or all of them.
parts := split(action, ".")

named_by contains action

named_by contains concat("", [parts[0], ".*"])

named_by contains "*.*"

# A guarded read is granted only where it is named by more than its verb.
named_by contains concat("", ["*.", parts[1]]) if {
	count(parts) == 2
	not action in rules.guarded_reads
}

names_action(patterns) if {
	some pattern in patterns
	pattern in named_by
}

granted if {
	some role in known_roles
	names_action(rules.roles[role])
}

granted if names_action(rules.open_actions)

denials contains {
	"code": "tenant.mismatch",
	"message": "This belongs to another tenant.",
	"path": "/resource/properties/tenant",
	"policy": "tenant",
	"remedy": "Use an identity of the tenant that owns it.",
} if {
	is_string(resource.tenant)
	resource.tenant != subject.tenant
}

denials contains {
	"code": "role.missing",
	"message": concat("", ["None of your roles allows ", action, "."]),
	"path": "/action/name",
	"policy": "roles",
	"remedy": concat("", ["Ask an administrator for a role that allows it: ", concat(", ", roles_that_may), "."]),
} if {
	not granted
}

roles_that_may contains role if {
	some role, patterns in rules.roles
	names_action(patterns)
}

# Clearance: a workflow of a ranked classification needs the clearance of that name or a higher one.
rank_of(name) := rules.classifications[name].rank

default clearance_rank := 0

clearance_rank := rank_of(subject.attributes.clearance) if {
	is_string(subject.attributes.clearance)
	rules.classifications[subject.attributes.clearance]
}

cleared(classification) if is_admin

cleared(classification) if rank_of(classification) <= clearance_rank

cleared(classification) if {
	is_string(resource.createdBy)
	resource.createdBy == input.subject.id
}

# What belongs to a workflow is as open to its creator as the workflow.
cleared(classification) if {
	is_string(resource.workflowCreatedBy)
	resource.workflowCreatedBy == input.subject.id
}

# A task is for its people, whatever its workflow is.
cleared(_) if {
	parts[0] == "human_task"
	input.subject.id in people
}

cleared(_) if {
	parts[0] == "human_task"
	is_array(resource.candidateGroups)
	some group in resource.candidateGroups
	group in subject.groups
}

people contains resource.owner if is_string(resource.owner)

people contains person if {
	is_array(resource.assignees)
	some person in resource.assignees
}

# What a workflow listens to may start it: the server says what came, never the caller.
cleared(_) if {
	action == "workflow.execute"
	input.context.triggerType in {"webhook", "schedule", "event", "condition"}
}

denials contains {
	"code": "classification.clearance_required",
	"message": concat("", ["The workflow is classified ", resource.classification, " and you hold no clearance for it."]),
	"path": "/resource/properties/classification",
	"policy": "clearance",
	"remedy": "Ask an administrator for the clearance of that name.",
} if {
	action in rules.clearance_actions
	is_string(resource.classification)
	rules.classifications[resource.classification]
	not cleared(resource.classification)
}

# Whoever reads many at once is not told of those that a read of each would refuse: tasks of the reader's own are seen to
# by the product.
hidden contains name if {
	some name, classification in rules.classifications
	classification.rank > clearance_rank
	not is_admin
}

obligations contains {
	"type": "exclude",
	"attribute": "classification",
	"values": [name | some name in hidden],
	"unlessCreatedBy": input.subject.id,
} if {
	action in rules.clearance_actions
	parts[1] == "read"
	count(hidden) > 0
}
