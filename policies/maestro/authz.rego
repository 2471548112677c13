# The decision about one request: allowed when no rule denies it.
#
# Input is an AuthZEN request: {subject {type, id, properties}, action {name, properties}, resource {type, id,
# properties}, context}. Every rule that refuses adds its denial, so that the caller hears all reasons at once.
package maestro.authz

import data.maestro.access
import data.maestro.budgets
import data.maestro.duties
import data.maestro.places
import data.maestro.scope
import data.maestro.windows

default allow := false

allow if {
	well_formed
	count(denials) == 0
}

well_formed if {
	is_string(input.subject.id)
	input.subject.id != ""
	is_string(input.subject.properties.tenant)
	is_string(input.action.name)
	is_string(input.resource.type)
	is_object(input.resource.properties)
	is_object(input.context)
}

denials contains {
	"code": "request.malformed",
	"message": "The request for a decision lacks a subject, an action or a resource.",
	"path": "",
	"policy": "well_formed",
	"remedy": "Send subject, action, resource and context as the AuthZEN request format says.",
} if {
	not well_formed
}

denials contains denial if some denial in access.denials
denials contains denial if some denial in places.denials
denials contains denial if some denial in duties.denials
denials contains denial if some denial in windows.denials
denials contains denial if some denial in scope.denials
denials contains denial if some denial in budgets.denials

# Facts that decisions rest on although they cost something; see docs/policy.md.
needs contains fact if some fact in windows.needs
needs contains fact if some fact in budgets.needs

obligations contains obligation if some obligation in access.obligations

decision := {
	"allow": allow,
	"denials": [denial | some denial in denials],
	"obligations": [obligation | some obligation in obligations],
}
