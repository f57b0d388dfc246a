# The decision contract: who may have which scopes of a resource, decided scope by scope.
#
# Everything comes in `input`: the facts about one request and the slice of the zone's documents
# that concerns it. Each scope passes the gates in the order of `gate_order`; the first that
# refuses gives the reason. Only grants add authority; every other document can only subtract.
# A fact that is absent or of the wrong type refuses, and a fact that a condition needs but nobody
# knows (an address, a local time) makes that condition apply. See README.md for the documents.
package caracal.authz

import rego.v1

default decision := {
	"allow": false,
	"reason": "input_malformed",
	"scopes": {},
	"missing": [],
	"rules": [],
	"risk": "none",
	"obligations": [],
}

decision := {
	"allow": reason == "ok",
	"reason": reason,
	"scopes": verdicts,
	"missing": sort([scope | some scope, answer in verdicts; answer.verdict != "allow"]),
	"rules": sort({rule | some answer in verdicts; some rule in answer.rules} | request_rules),
	"risk": highest_risk,
	"obligations": array.concat(tier_obligations, condition_obligations),
}

# The order in which gates are tried, and in which the reasons of several scopes are ranked.
gate_order := [
	"input_malformed",
	"no_active_policy_set",
	"zone_restricted",
	"principal_archived",
	"principal_expired",
	"resource_unknown",
	"resource_archived",
	"no_scope_requested",
	"scope_unknown",
	"no_grant",
	"grant_user_mismatch",
	"grant_expired",
	"confined",
	"condition_denied",
	"approval_required",
]

default reason := "ok"

reason := request_gate if {
	request_gate != "ok"
} else := [gate | some gate in gate_order; gate in {answer.reason | some answer in verdicts}][0]

# Gates that concern the request as a whole.

default request_gate := "ok"

request_gate := "input_malformed" if {
	not well_formed
} else := "no_active_policy_set" if {
	not input.zone.active
} else := "zone_restricted" if {
	count(input.documents.restrict) > 0
} else := "principal_archived" if {
	input.principal.archived
} else := "principal_expired" if {
	input.principal.expired
} else := "resource_unknown" if {
	input.resource == null
} else := "resource_archived" if {
	input.resource.archived
} else := "no_scope_requested" if {
	count(input.scopes) == 0
}

default request_rules := set()

request_rules := {rule_id("restrict", entry) | some entry in input.documents.restrict} if {
	request_gate == "zone_restricted"
}

# Gates that concern one scope.

verdicts := {scope: answer | some scope in input.scopes; answer := verdict_on(scope)}

verdict_on(scope) := denied(request_gate, request_rules) if {
	request_gate != "ok"
} else := denied("scope_unknown", set()) if {
	not scope in input.resource.scopes
} else := limited(scope, holdings) if {
	holdings := live_grants(scope) | role_grants(scope)
	count(holdings) > 0
} else := ungranted(scope)

ungranted(scope) := denied("grant_expired", lapsed) if {
	lapsed := {rule_id("grant", grant.id) |
		some grant in input.grants
		grant.expired
		scope in grant.scopes
		is_for_user(grant)
	}
	count(lapsed) > 0
} else := denied("grant_user_mismatch", others) if {
	others := {rule_id("grant", grant.id) |
		some grant in input.grants
		not grant.expired
		scope in grant.scopes
		not is_for_user(grant)
	}
	count(others) > 0
} else := denied("no_grant", set())

limited(scope, holdings) := denied("confined", caps) if {
	caps := {rule_id("confinement", cap.label_prefix) | some cap in caps_on_principal; not holds(cap.scopes, scope)}
	count(caps) > 0
} else := denied("condition_denied", refusals) if {
	refusals := {condition_tier(condition) | some condition in conditions_on(scope, "deny")}
	count(refusals) > 0
} else := gated(holdings, gates) if {
	gates := gates_on(scope)
	count(gates) > 0
} else := {"verdict": "allow", "reason": "ok", "rules": sort(holdings)}

denied(why, rules) := {"verdict": "deny", "reason": why, "rules": sort(rules)}

gated(holdings, gates) := {
	"verdict": "approval",
	"reason": "approval_required",
	"rules": sort(holdings | {gate.rule | some gate in gates}),
}

# Grants: objects bound to this application, and roles, which are labels that it carries.

live_grants(scope) := {rule_id("grant", grant.id) |
	some grant in input.grants
	not grant.expired
	scope in grant.scopes
	is_for_user(grant)
}

is_for_user(grant) if grant.user == null

is_for_user(grant) if grant.user == input.principal.user

role_grants(scope) := {concat("", ["document:grants.", input.resource.identifier, ".", role]) |
	some role, scopes in roles_of_resource
	role in labels
	holds(scopes, scope)
}

default roles_of_resource := {}

roles_of_resource := entry.roles if {
	entry := input.documents.grants[input.resource.identifier]
	is_for_application(entry)
}

is_for_application(entry) if not "application" in object.keys(entry)

is_for_application(entry) if names_application(entry.application)

names_application(reference) if reference == input.principal.application

names_application(reference) if input.documents.app_ids[reference] == input.principal.application

# The labels an administrator gave, and the one that the kind of application implies.
labels := {label | some label in input.principal.labels} | {concat(":", ["kind", input.principal.kind])}

# Confinement: every entry whose prefix one of the labels has must list the scope.

caps_on_principal := [cap |
	some cap in input.documents.confinement
	some label in labels
	startswith(label, cap.label_prefix)
]

# Risk and step-up: every tier that a scope is classified with and that needs an approval.

gates_on(scope) := {{"tier": tier.tier, "rule": rule_id("risk", entry.scope)} |
	some entry in input.documents.risk
	matches(entry.scope, scope)
	some tier in input.documents.approval_tiers
	tier.tier == entry.tier
	not tier.tier in input.approved
} | {{"tier": tier, "rule": tier} |
	some condition in conditions_on(scope, "approval")
	tier := condition_tier(condition)
	not tier in input.approved
}

gates_of_scopes := {scope: gates_on(scope) |
	some scope, answer in verdicts
	answer.verdict == "approval"
}

scopes_gated_by(tier) := sort([scope |
	some scope, gates in gates_of_scopes
	tier in {gate.tier | some gate in gates}
])

tier_obligations := [obligation |
	some tier in input.documents.approval_tiers
	scopes := scopes_gated_by(tier.tier)
	count(scopes) > 0
	obligation := {
		"tier": tier.tier,
		"approver": tier.approver,
		"ttl_seconds": tier.ttl_seconds,
		"quorum": object.get(tier, "quorum", 1),
		"scopes": scopes,
	}
]

# A condition names no approver: anyone with the approve capability may decide, within the hour.
condition_obligations := [obligation |
	some condition in conditions_on_request
	condition.effect == "approval"
	scopes := scopes_gated_by(condition_tier(condition))
	count(scopes) > 0
	obligation := {
		"tier": condition_tier(condition),
		"approver": "approve",
		"ttl_seconds": 3600,
		"quorum": 1,
		"scopes": scopes,
	}
]

# A tier that this order does not know ranks above those that it does, so that it is never hidden.
risk_rank := {"low": 1, "medium": 2, "high": 3, "critical": 4}

default highest_risk := "none"

highest_risk := max([[object.get(risk_rank, entry.tier, 5), entry.tier] |
	some entry in input.documents.risk
	some scope in input.scopes
	matches(entry.scope, scope)
])[1] if {
	request_gate != "input_malformed"
}

# Conditions: one applies unless one of its clauses is known not to match.

conditions_on_request := [condition |
	some condition in input.documents.conditions
	not misses(condition.when)
]

conditions_on(scope, effect) := [condition |
	some condition in conditions_on_request
	condition.effect == effect
	holds(object.get(condition.when, "scopes", ["*"]), scope)
]

condition_tier(condition) := rule_id("condition", condition.id)

misses(when) if {
	references := when.applications
	count([reference | some reference in references; names_application(reference)]) == 0
}

misses(when) if {
	patterns := when.labels
	count([label | some label in labels; holds(patterns, label)]) == 0
}

misses(when) if not holds(object.get(when, "resources", ["*"]), input.resource.identifier)

# An application that acts for itself has no user, so a condition about subjects is not about it.
misses(when) if {
	patterns := when.subjects
	not holds(patterns, input.principal.user)
}

misses(when) if {
	days := when.days
	local := local_time(when)
	not local.day in days
}

misses(when) if {
	start := minute_of(when.between[0])
	end := minute_of(when.between[1])
	local := local_time(when)
	not within(local.minute, start, end)
}

misses(when) if {
	cidrs := when.source_cidrs
	inside := {cidr: net.cidr_contains(trim_prefix(cidr, "!"), source_address) | some cidr in cidrs}
	count(inside) == count({cidr | some cidr in cidrs})
	not selects(inside)
}

misses(when) if input.context.hops <= when.max_hops

# An IPv4 address that came over an IPv6 socket is the IPv4 address (RFC 4291 section 2.5.5.2).
source_address := trim_prefix(lower(input.context.source_ip), "::ffff:")

local_time(when) := local if {
	local := input.context.local[object.get(when, "timezone", "UTC")]
	is_string(local.day)
	is_number(local.minute)
}

# The leading 1 keeps "09" from being read as a number with a superfluous zero.
minute_of(time) := ((60 * (to_number(concat("", ["1", hour])) - 100)) + to_number(concat("", ["1", minute]))) - 100 if {
	[hour, minute] := split(time, ":")
}

# Start inclusive, end exclusive; a start after the end wraps midnight.
within(minute, start, end) if {
	start <= end
	minute >= start
	minute < end
}

within(minute, start, end) if {
	start > end
	minute >= start
}

within(minute, start, end) if {
	start > end
	minute < end
}

# An address is selected when a plain network holds it (or there are none) and no `!` network does.
selects(inside) if {
	not excluded(inside)
	count([cidr | some cidr, _ in inside; not startswith(cidr, "!")]) == 0
}

selects(inside) if {
	not excluded(inside)
	some cidr, true in inside
	not startswith(cidr, "!")
}

excluded(inside) if {
	some cidr, true in inside
	startswith(cidr, "!")
}

# Patterns: a text exactly, or everything that begins with what precedes a final `*`.

holds(patterns, text) if {
	some pattern in patterns
	matches(pattern, text)
}

matches(pattern, text) if pattern == text

matches(pattern, text) if {
	endswith(pattern, "*")
	startswith(text, trim_suffix(pattern, "*"))
}

rule_id(kind, name) := concat(":", [kind, name])
