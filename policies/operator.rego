# What the Operator may hold, and what a plan needs before it is applied.
#
# `mandate` decides which token the Operator's applications get: read mandates for a conversation,
# plan mandates for one apply. The Operator adds no authority, so a mandate lies inside what the
# requester holds, what the Operator is granted and, for a plan, exactly what its steps need.
#
# `plan` decides on a previewed plan: deny > require_approval > allow, each step by itself, and a
# step that no rule matched needs one approval. See README.md for both contracts.
package caracal.operator

import rego.v1

# Mandates.

default mandate := {"allow": false, "reason": "input_malformed", "scopes": []}

mandate := {"allow": true, "reason": "ok", "scopes": sort(requested)} if {
	mandate_gate == "ok"
} else := {"allow": false, "reason": mandate_gate, "scopes": []}

requested := {scope | some scope in input.requested}

default mandate_gate := "ok"

mandate_gate := "input_malformed" if {
	not well_formed_request
} else := "use_unknown" if {
	not input.use in {"read", "plan"}
} else := "client_not_operator" if {
	input.client != client_of_use[input.use]
} else := "system_zone_refused" if {
	input.zone.system
} else := "zone_archived" if {
	input.zone.archived
} else := "global_scope_required" if {
	input.zone == null
	not input.requester.global
} else := "nothing_requested" if {
	count(requested) == 0
} else := use_gate if {
	use_gate != "ok"
} else := "requester_lacks_scope" if {
	count(requested - {scope | some scope in input.requester.scopes}) > 0
} else := "operator_lacks_scope" if {
	count([scope | some scope in requested; not granted_to_operator(scope)]) > 0
}

client_of_use := {"read": "operator", "plan": "operator-executor"}

use_gate := read_gate if input.use == "read"

use_gate := plan_gate if input.use == "plan"

default read_gate := "ok"

read_gate := "scope_not_read" if {
	count(requested - {scope | some scope in input.read_scopes}) > 0
}

default plan_gate := "ok"

plan_gate := "plan_missing" if {
	input.plan == null
} else := "plan_zone_mismatch" if {
	input.plan.zone != zone_id
} else := "plan_requester_mismatch" if {
	input.plan.requester != input.requester.id
} else := "plan_expired" if {
	input.plan.expired
} else := "plan_not_approved" if {
	input.plan.state != "approved"
} else := "plan_scope_exceeds" if {
	count(requested - plan_scopes) > 0
} else := "plan_scope_missing" if {
	count(plan_scopes - requested) > 0
} else := "approval_digest_mismatch" if {
	some approval in input.plan.approvals
	approval.digest != input.plan.digest
} else := "approval_consumed" if {
	some approval in input.plan.approvals
	approval.consumed
} else := shortfall if {
	count({approval.approver | some approval in counted}) < input.plan.approvals_required
}

plan_scopes := {scope | some scope in input.plan.write_scopes}

default zone_id := null

zone_id := input.zone.id

# The approvals that count: alive, by somebody who may approve, and by a second person where the
# plan needs one. Several by one approver count once.
counted := [approval |
	some approval in input.plan.approvals
	not approval.expired
	approval.approver_can_approve
	not is_own_approval(approval)
	autopilot_gap(approval) == "none"
]

is_own_approval(approval) if {
	input.plan.second_person
	approval.approver == input.plan.requester
}

# What keeps an approval by autopilot from counting. It is a person's, given by proof: it counts while
# autopilot is switched on as it was then and its person is opted in, for a plan of low risk by which
# nobody gains access. A person's own approval has no gap.
autopilot_gap(approval) := "none" if {
	approval.kind == "person"
} else := "autopilot_off" if {
	not approval.autopilot.switched_on
} else := "autopilot_off" if {
	not approval.autopilot.opted_in
} else := "autopilot_unproven" if {
	input.plan.risk != "low"
} else := "autopilot_unproven" if {
	input.plan.gained != 0
} else := "none"

# Why there are too few: what is wrong with the approvals that do not count, the gravest first.
default shortfall := "approvals_missing"

shortfall := "approver_lacks_capability" if {
	some approval in input.plan.approvals
	not approval.approver_can_approve
} else := "autopilot_unproven" if {
	some approval in input.plan.approvals
	autopilot_gap(approval) == "autopilot_unproven"
} else := "autopilot_off" if {
	some approval in input.plan.approvals
	autopilot_gap(approval) == "autopilot_off"
} else := "approver_is_requester" if {
	some approval in input.plan.approvals
	is_own_approval(approval)
} else := "approval_expired" if {
	some approval in input.plan.approvals
	approval.expired
}

granted_to_operator(scope) if {
	some pattern in input.operator_grants
	matches(pattern, scope)
}

# Plans.

default plan := {
	"decision": "deny",
	"approvals": 0,
	"second_person": false,
	"break_glass": false,
	"reason": "input_malformed",
	"rules": [],
}

plan := {
	"decision": "deny",
	"approvals": 0,
	"second_person": false,
	"break_glass": false,
	"reason": denial,
	"rules": rule_ids("deny"),
} if {
	denial != "none"
} else := {
	"decision": "allow",
	"approvals": 0,
	"second_person": false,
	"break_glass": false,
	"reason": "rule_allowed",
	"rules": rule_ids("allow"),
} if {
	approvals == 0
} else := {
	"decision": "require_approval",
	"approvals": approvals,
	"second_person": needs_second_person,
	"break_glass": needs_break_glass,
	"reason": approval_reason,
	"rules": rule_ids("require_approval"),
}

default denial := "none"

denial := "input_malformed" if {
	not well_formed_plan
} else := "system_zone_refused" if {
	input.zone.system
} else := "rule_denied" if {
	count(matched_rules("deny")) > 0
}

# Approvals needed: the most that any step needs, raised to one where the plan is grave or widens
# access, which no `allow` rule may wave through.
approvals := max({approvals_of_steps, floor})

approvals_of_steps := max([step_approvals(step) | some step in input.steps]) if {
	count(input.steps) > 0
} else := 1

step_approvals(step) := max([object.get(rule, "count", 1) | some rule in demanded]) if {
	demanded := [rule | some rule in rules_on(step); rule.effect == "require_approval"]
	count(demanded) > 0
} else := 0 if {
	some rule in rules_on(step)
	rule.effect == "allow"
} else := 1

default floor := 0

floor := 1 if {
	is_grave
} else := 1 if {
	input.access.gained > 0
}

default approval_reason := "no_rule_matched"

approval_reason := "rule_requires_approval" if {
	count(matched_rules("require_approval")) > 0
} else := "risk_requires_approval" if {
	is_grave
} else := "access_gained" if {
	input.access.gained > 0
}

default needs_second_person := false

needs_second_person if {
	is_grave
	input.persons_who_can_approve > 0
}

default needs_break_glass := false

needs_break_glass if {
	is_grave
	not input.persons_who_can_approve > 0
}

# The plan's risk may have been raised above that of its steps, never lowered below it.
is_grave if grave(input.risk)

is_grave if {
	some step in input.steps
	grave(step.risk)
}

grave(risk) if risk in {"high", "critical"}

rule_ids(effect) := sort({concat(":", ["plan_rule", rule.id]) | some rule in matched_rules(effect)})

matched_rules(effect) := {rule |
	some step in input.steps
	some rule in rules_on(step)
	rule.effect == effect
}

rules_on(step) := {rule |
	some rule in input.rules
	selects(rule.when, "operations", {step.operation})
	selects(rule.when, "effects", {step.effect})
	selects(rule.when, "risks", {risk_of(step)})
	selects(rule.when, "zones", zone_names(step))
}

# A plan whose risk was raised above that of all its steps raises every step with it.
risk_of(step) := input.risk if {
	risk_rank[input.risk] > max([risk_rank[other.risk] | some other in input.steps])
} else := step.risk

risk_rank := {"low": 1, "medium": 2, "high": 3, "critical": 4}

# A clause that is absent selects every step.
selects(when, clause, _) if not clause in object.keys(when)

selects(when, clause, names) if {
	some pattern in when[clause]
	some name in names
	matches(pattern, name)
}

# The names that a rule may call a step's zone by. A step that names none acts in the plan's zone,
# and a plan without a zone acts on the platform.
zone_names(step) := plan_zone_names if {
	step.zone == null
} else := plan_zone_names if {
	step.zone in plan_zone_names
} else := {step.zone}

plan_zone_names := {input.zone.id, input.zone.slug} if {
	input.zone != null
} else := {"platform"}

# Patterns: a text exactly, or everything that begins with what precedes a final `*`.

matches(pattern, text) if pattern == text

matches(pattern, text) if {
	endswith(pattern, "*")
	startswith(text, trim_suffix(pattern, "*"))
}

# Well-formedness: a check over a missing value would be skipped, so absence refuses first.

well_formed_request if {
	is_string(input.client)
	is_string(input.use)
	well_formed_zone(["system", "archived"])
	is_string(input.requester.id)
	input.requester.kind in {"person", "automation"}
	all_strings(input.requester.scopes)
	is_boolean(input.requester.global)
	all_strings(input.operator_grants)
	all_strings(input.requested)
	all_strings(input.read_scopes)
	well_formed_approved_plan
}

well_formed_zone(_) if input.zone == null

well_formed_zone(flags) if {
	is_string(input.zone.id)
	every flag in flags { is_boolean(input.zone[flag]) }
}

well_formed_approved_plan if input.plan == null

well_formed_approved_plan if {
	is_string(input.plan.id)
	is_string(input.plan.state)
	is_string(input.plan.digest)
	is_boolean(input.plan.expired)
	is_string(input.plan.requester)
	string_or_null(input.plan.zone)
	all_strings(input.plan.write_scopes)
	is_boolean(object.get(input.plan, "second_person", false))
	is_number(input.plan.approvals_required)
	input.plan.approvals_required >= 0
	input.plan.risk in risks
	is_number(input.plan.gained)
	is_array(input.plan.approvals)
	every approval in input.plan.approvals { well_formed_approval(approval) }
}

well_formed_approval(approval) if {
	is_string(approval.id)
	is_string(approval.digest)
	is_string(approval.approver)
	is_boolean(approval.approver_can_approve)
	is_boolean(approval.expired)
	is_boolean(approval.consumed)
	well_formed_kind(approval)
}

well_formed_kind(approval) if approval.kind == "person"

well_formed_kind(approval) if {
	approval.kind == "autopilot"
	is_boolean(approval.autopilot.switched_on)
	is_boolean(approval.autopilot.opted_in)
}

well_formed_plan if {
	is_array(input.steps)
	every step in input.steps { well_formed_step(step) }
	input.risk in risks
	well_formed_zone(["system"])
	well_formed_zone_slug
	is_number(input.access.gained)
	is_number(input.persons_who_can_approve)
	is_array(input.rules)
	every rule in input.rules { well_formed_rule(rule) }
}

risks := object.keys(risk_rank)

well_formed_zone_slug if input.zone == null

well_formed_zone_slug if is_string(input.zone.slug)

well_formed_step(step) if {
	is_string(step.operation)
	is_string(step.effect)
	step.risk in risks
	string_or_null(step.zone)
}

well_formed_rule(rule) if {
	is_string(rule.id)
	rule.effect in {"deny", "require_approval", "allow"}
	object.get(rule, "count", 1) >= 1
	is_number(object.get(rule, "count", 1))
	every clause, patterns in rule.when {
		clause in {"operations", "effects", "risks", "zones"}
		all_strings(patterns)
	}
}

all_strings(value) if {
	is_array(value)
	every item in value { is_string(item) }
}

string_or_null(value) if is_string(value)

string_or_null(null)
