# Budgets of a tenant: how much it may define and run. A limit that is not set does not bind.
package maestro.budgets

resource := input.resource.properties

limits := object.get(
	data.maestro.rules.budgets,
	input.subject.properties.tenant,
	object.get(data.maestro.rules.budgets, "*", {}),
)

needs contains "triggerData" if {
	some budget in data.maestro.rules.budgets
	count(budget.triggerData) > 0
}

needs contains "unfinishedExecutions" if {
	some budget in data.maestro.rules.budgets
	is_number(budget.unfinishedExecutions)
}

denials contains {
	"code": "budget.exceeded",
	"message": concat("", ["The workflow has more steps than the budget of your tenant allows (", format_int(limits.stepsPerWorkflow, 10), ")."]),
	"path": "/resource/properties/stepCount",
	"policy": "budget",
	"remedy": "Split the workflow, or ask the operator for a larger budget.",
} if {
	input.action.name in {"workflow.create", "workflow.update", "workflow.publish"}
	is_number(limits.stepsPerWorkflow)
	resource.stepCount > limits.stepsPerWorkflow
}

denials contains {
	"code": "budget.exceeded",
	"message": concat("", ["Your tenant has as many unfinished executions as its budget allows (", format_int(limits.unfinishedExecutions, 10), ")."]),
	"path": "/resource/properties/unfinishedExecutions",
	"policy": "budget",
	"remedy": "Wait until some have finished, or ask the operator for a larger budget.",
} if {
	input.action.name == "workflow.execute"
	is_number(limits.unfinishedExecutions)
	resource.unfinishedExecutions >= limits.unfinishedExecutions
}

unfinished_is_known if is_number(resource.unfinishedExecutions)

# A budget that cannot be judged is spent.
denials contains {
	"code": "budget.unknown",
	"message": "How many unfinished executions your tenant has is not known, and a budget applies.",
	"path": "/resource/properties/unfinishedExecutions",
	"policy": "budget",
	"remedy": "Try again in a moment.",
} if {
	input.action.name == "workflow.execute"
	is_number(limits.unfinishedExecutions)
	not unfinished_is_known
}

denials contains {
	"code": "budget.exceeded",
	"message": concat("", ["The trigger data asks for ", format_int(amount, 10), ", more than the ", format_int(limit.atMost, 10), " that one execution may spend."]),
	"path": concat("", ["/context/triggerData/", limit.field]),
	"policy": "budget",
	"remedy": "Lower the amount, or ask the operator for a larger budget.",
} if {
	input.action.name == "workflow.execute"
	some limit in limits.triggerData
	amount := input.context.triggerData[limit.field]
	is_number(amount)
	amount > limit.atMost
}
