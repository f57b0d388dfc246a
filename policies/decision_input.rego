# Whether the input of the decision contract is whole. What TypeScript has already checked is checked
# again here, because a clause over a missing value would otherwise be skipped, and a skipped
# restriction is an allowance.
package caracal.authz

import rego.v1

well_formed if {
	is_string(input.zone.id)
	is_boolean(input.zone.active)
	well_formed_principal
	well_formed_resource
	all_strings(input.scopes)
	all_strings(input.approved)
	is_array(input.grants)
	every grant in input.grants { well_formed_grant(grant) }
	well_formed_context
	well_formed_documents
}

well_formed_principal if {
	is_string(input.principal.application)
	input.principal.kind in {"managed", "dcr"}
	all_strings(input.principal.labels)
	is_boolean(input.principal.archived)
	is_boolean(input.principal.expired)
	string_or_null(input.principal.user)
}

well_formed_resource if input.resource == null

well_formed_resource if {
	is_string(input.resource.identifier)
	all_strings(input.resource.scopes)
	is_boolean(input.resource.archived)
}

well_formed_grant(grant) if {
	is_string(grant.id)
	all_strings(grant.scopes)
	string_or_null(grant.user)
	is_boolean(grant.expired)
}

well_formed_context if {
	string_or_null(input.context.source_ip)
	is_number(input.context.hops)
	is_object(input.context.local)
}

well_formed_documents if {
	is_object(input.documents.app_ids)
	is_object(input.documents.grants)
	all_strings(input.documents.restrict)
	is_array(input.documents.confinement)
	is_array(input.documents.risk)
	is_array(input.documents.approval_tiers)
	is_array(input.documents.conditions)
	every cap in input.documents.confinement {
		is_string(cap.label_prefix)
		all_strings(cap.scopes)
	}
	every entry in input.documents.risk {
		is_string(entry.scope)
		is_string(entry.tier)
	}
	every tier in input.documents.approval_tiers {
		is_string(tier.tier)
		is_string(tier.approver)
		is_number(tier.ttl_seconds)
	}
	every condition in input.documents.conditions { well_formed_condition(condition) }
}

well_formed_condition(condition) if {
	is_string(condition.id)
	condition.effect in {"deny", "approval"}
	is_object(condition.when)
	every clause, value in condition.when { well_formed_clause(clause, value) }
}

list_clauses := {"applications", "labels", "resources", "scopes", "subjects", "days", "between", "source_cidrs"}

well_formed_clause(clause, value) if {
	clause in list_clauses
	all_strings(value)
	count(value) > 0
}

well_formed_clause("timezone", value) if is_string(value)

well_formed_clause("max_hops", value) if is_number(value)

all_strings(value) if {
	is_array(value)
	every item in value { is_string(item) }
}

string_or_null(value) if is_string(value)

string_or_null(null)
