# Time windows: actions that are refused at certain hours (a change freeze, say). Times are those of the window's zone.
package maestro.windows

rules := data.maestro.rules

# Who decides by the hour must be told it; with no window nothing here looks at the time.
needs contains "time" if count(rules.windows) > 0

now_ns := time.parse_rfc3339_ns(input.context.time) if is_string(input.context.time)

applies(window) if {
	input.action.name in window.actions
	not window.environment
}

applies(window) if {
	input.action.name in window.actions
	input.resource.properties.environment == window.environment
}

minutes_of_day(zone) := (clock[0] * 60) + clock[1] if clock := time.clock([now_ns, zone])

inside(window) if {
	time.weekday([now_ns, window.timezone]) in window.days
	minute := minutes_of_day(window.timezone)
	minute >= window.fromMinute
	minute < window.untilMinute
}

denials contains {
	"code": "window.closed",
	"message": concat("", ["This is not allowed now: ", window.name, "."]),
	"path": "/context/time",
	"policy": "window",
	"remedy": "Try again after the window has ended.",
} if {
	some window in rules.windows
	applies(window)
	inside(window)
}

# A window that cannot be judged is closed.
denials contains {
	"code": "window.time_missing",
	"message": "The time of the request is not known, and a time window applies.",
	"path": "/context/time",
	"policy": "window",
	"remedy": "Send context.time as RFC 3339.",
} if {
	some window in rules.windows
	applies(window)
	not now_ns
}
