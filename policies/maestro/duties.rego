# Separation of duties: who edits may not be who releases, where the workflow asks for it.
package maestro.duties

resource := input.resource.properties

denials contains {
	"code": "duties.separate_publisher",
	"message": "You edited this draft, and the workflow asks for another person to publish it.",
	"path": "/resource/properties/requireSeparatePublisher",
	"policy": "separate_publisher",
	"remedy": "Have somebody who did not edit the draft publish it.",
} if {
	input.action.name == "workflow.publish"
	resource.requireSeparatePublisher == true
	some editor in resource.editors
	editor == input.subject.id
}

# Whoever edits may not switch the rule off for his own edits either: what the last published version asked for counts.
denials contains {
	"code": "duties.separate_publisher",
	"message": "The published version asks for a separate publisher; a draft of yours cannot drop that and be published by you.",
	"path": "/resource/properties/publishedRequiresSeparatePublisher",
	"policy": "separate_publisher",
	"remedy": "Have somebody who did not edit the draft publish it.",
} if {
	input.action.name == "workflow.publish"
	resource.publishedRequiresSeparatePublisher == true
	not resource.requireSeparatePublisher == true
	some editor in resource.editors
	editor == input.subject.id
}
