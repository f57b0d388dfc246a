package caracal.operator_test

import rego.v1

import data.caracal.operator

request := {
	"client": "operator-executor",
	"use": "plan",
	"zone": {"id": "zone_a", "system": false, "archived": false},
	"requester": {
		"id": "prn_ada",
		"kind": "person",
		"capabilities": ["write"],
		"scopes": ["control:grants:create"],
		"global": false,
	},
	"operator_grants": ["control:*"],
	"requested": ["control:grants:create"],
	"read_scopes": [],
	"plan": {
		"id": "plan_1",
		"state": "approved",
		"digest": "sha256:aa",
		"expired": false,
		"requester": "prn_ada",
		"zone": "zone_a",
		"write_scopes": ["control:grants:create"],
		"approvals_required": 1,
		"risk": "low",
		"gained": 0,
		"approvals": [{
			"id": "apr_1",
			"digest": "sha256:aa",
			"approver": "prn_bob",
			"approver_can_approve": true,
			"expired": false,
			"consumed": false,
			"kind": "person",
		}],
	},
}

answered(patches) := mandate if {
	changed := json.patch(request, [patch |
		some path, value in patches
		patch := {"op": "replace", "path": path, "value": value}
	])
	mandate := operator.mandate with input as changed
}

test_plan_mandate if answered({}) == {"allow": true, "reason": "ok", "scopes": ["control:grants:create"]}

test_mandate_refusals if {
	answered({"/client": "operator"}).reason == "client_not_operator"
	answered({"/zone/system": true}).reason == "system_zone_refused"
	answered({"/plan": null}).reason == "plan_missing"
	answered({"/plan/state": "applied"}).reason == "plan_not_approved"
	answered({"/plan/digest": "sha256:bb"}).reason == "approval_digest_mismatch"
	answered({"/plan/approvals": []}).reason == "approvals_missing"
	answered({"/requester/scopes": []}).reason == "requester_lacks_scope"
	answered({"/operator_grants": []}).reason == "operator_lacks_scope"
}

autopilot(switched_on, opted_in) := {"/plan/approvals": [object.union(request.plan.approvals[0], {
	"kind": "autopilot",
	"autopilot": {"switched_on": switched_on, "opted_in": opted_in},
})]}

test_autopilot if {
	answered(autopilot(true, true)).allow
	answered(autopilot(false, true)).reason == "autopilot_off"
	answered(autopilot(true, false)).reason == "autopilot_off"
	answered(object.union(autopilot(true, true), {"/plan/risk": "medium"})).reason == "autopilot_unproven"
	answered(object.union(autopilot(true, true), {"/plan/gained": 1})).reason == "autopilot_unproven"
}

test_empty_input_is_refused if {
	mandate := operator.mandate with input as {}
	mandate == {"allow": false, "reason": "input_malformed", "scopes": []}
	plan := operator.plan with input as {}
	plan.decision == "deny"
}

preview := {
	"steps": [{"operation": "grants.create", "effect": "create", "risk": "low", "reversible": true, "zone": null}],
	"risk": "low",
	"zone": {"id": "zone_a", "slug": "staging", "system": false},
	"requester": {"id": "prn_ada", "kind": "person"},
	"access": {"gained": 0, "lost": 0, "newly_gated": 0},
	"persons_who_can_approve": 1,
	"rules": [],
}

ruled(rules) := plan if {
	plan := operator.plan with input as object.union(preview, {"rules": rules})
}

test_plan_decisions if {
	ruled([]).approvals == 1
	ruled([{"id": "a", "effect": "allow", "when": {}}]).decision == "allow"
	ruled([{"id": "a", "effect": "allow", "when": {}}, {"id": "d", "effect": "deny", "when": {}}]).decision == "deny"
	ruled([{"id": "r", "effect": "require_approval", "count": 3, "when": {}}]).approvals == 3
}

test_grave_plans if {
	plan := operator.plan with input as object.union(preview, {"risk": "critical"})
	plan.second_person
	alone := operator.plan with input as object.union(preview, {"risk": "high", "persons_who_can_approve": 0})
	alone.break_glass
}
