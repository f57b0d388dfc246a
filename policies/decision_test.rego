package caracal.authz_test

import rego.v1

import data.caracal.authz

request := {
	"zone": {"id": "zone_a", "active": true},
	"principal": {
		"application": "app_billing",
		"kind": "managed",
		"labels": ["team:billing", "reader"],
		"archived": false,
		"expired": false,
		"user": null,
	},
	"resource": {"identifier": "invoices", "scopes": ["invoices:read", "invoices:write"], "archived": false},
	"scopes": ["invoices:read"],
	"grants": [{"id": "grt_1", "scopes": ["invoices:read", "invoices:write"], "user": null, "expired": false}],
	"documents": {
		"app_ids": {},
		"grants": {},
		"confinement": [],
		"restrict": [],
		"risk": [],
		"approval_tiers": [],
		"conditions": [],
	},
	"approved": [],
	"context": {"source_ip": "10.1.2.3", "hops": 0, "local": {"UTC": {"day": "mon", "minute": 600}}},
}

# The decision on the request with the values at the paths replaced.
decided(patches) := decision if {
	changed := json.patch(request, [patch |
		some path, value in patches
		patch := {"op": "replace", "path": path, "value": value}
	])
	decision := authz.decision with input as changed
}

test_granted if decided({}) == {
	"allow": true,
	"reason": "ok",
	"scopes": {"invoices:read": {"verdict": "allow", "reason": "ok", "rules": ["grant:grt_1"]}},
	"missing": [],
	"rules": ["grant:grt_1"],
	"risk": "none",
	"obligations": [],
}

test_empty_input_is_denied if {
	decision := authz.decision with input as {}
	not decision.allow
	decision.reason == "input_malformed"
}

test_request_gates if {
	decided({"/zone/active": false}).reason == "no_active_policy_set"
	decided({"/documents/restrict": ["freeze"]}).reason == "zone_restricted"
	decided({"/principal/archived": true}).reason == "principal_archived"
	decided({"/principal/expired": true}).reason == "principal_expired"
	decided({"/resource": null}).reason == "resource_unknown"
	decided({"/resource/archived": true}).reason == "resource_archived"
	decided({"/scopes": []}).reason == "no_scope_requested"
}

test_scope_gates if {
	decided({"/scopes": ["other"]}).reason == "scope_unknown"
	decided({"/grants": []}).reason == "no_grant"
	decided({"/grants/0/expired": true}).reason == "grant_expired"
	decided({"/grants/0/user": "ada"}).reason == "grant_user_mismatch"
	decided({"/documents/confinement": [{"label_prefix": "team:", "scopes": []}]}).reason == "confined"
}

test_role if {
	decision := decided({"/grants": [], "/documents/grants": {"invoices": {"roles": {"reader": ["invoices:*"]}}}})
	decision.allow
	decision.rules == ["document:grants.invoices.reader"]
}

test_step_up if {
	gate := {
		"/documents/risk": [{"scope": "invoices:read", "tier": "high"}],
		"/documents/approval_tiers": [{"tier": "high", "approver": "finance", "ttl_seconds": 60}],
	}
	decided(gate).reason == "approval_required"
	decided(gate).obligations[0].scopes == ["invoices:read"]
	decided(object.union(gate, {"/approved": ["high"]})).allow
}

denied_when(when) if denied_from("10.1.2.3", when)

denied_from(address, when) if decided({
	"/context/source_ip": address,
	"/documents/conditions": [{"id": "c", "effect": "deny", "when": when, "reason": "x"}],
}).reason == "condition_denied"

test_condition_clauses if {
	denied_when({})
	denied_when({"between": ["09:00", "17:00"]})
	denied_when({"between": ["17:00", "11:00"], "days": ["mon"]})
	not denied_when({"between": ["17:00", "09:00"]})
	denied_when({"source_cidrs": ["10.0.0.0/8"]})
	not denied_when({"source_cidrs": ["!10.0.0.0/8"]})
	not denied_when({"max_hops": 0})
}

test_unknown_facts_apply_conditions if {
	denied_from(null, {"source_cidrs": ["192.168.0.0/16"]})
	denied_from("nowhere", {"source_cidrs": ["192.168.0.0/16"]})
	denied_when({"days": ["sun"], "timezone": "Asia/Tokyo"})
}
