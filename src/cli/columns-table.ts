/**
 * What the lists show of each object; a dot goes into a nested object. A column with a question mark
 * is left out where the table would not fit the terminal, the last of them first.
 */
export const columnsOf: Readonly<Record<string, readonly string[]>> = {
  zones: ['id', 'slug', 'name', 'system', 'dcr_enabled', 'archived_at?'],
  applications: ['id', 'name', 'kind', 'auth_method?', 'labels', 'expires_at', 'archived_at?'],
  providers: ['id', 'name', 'settings.kind', 'has_secret', 'archived_at?'],
  resources: ['id', 'name', 'identifier', 'scopes', 'archived_at?'],
  grants: [
    'id',
    'application_id',
    'user_id',
    'resource_id',
    'scopes',
    'expires_at',
    'archived_at?',
  ],
  subject_issuers: ['id', 'name', 'issuer', 'audience', 'sign_in', 'archived_at?'],
  subjects: ['user_id', 'name', 'live_sessions', 'last_seen_at', 'issuer_id?', 'revoked_at'],
  policies: ['id', 'name', 'latest_version.number', 'latest_version.id?', 'archived_at?'],
  policy_sets: ['id', 'name', 'latest_version.number', 'latest_version.id?', 'archived_at?'],
  approvals: [
    'id',
    'state',
    'application.name',
    'resource.identifier',
    'scopes',
    'tier',
    'expires_at',
    'created_at?',
  ],
  witnesses: ['id', 'name', 'verifier_key', 'archived_at?'],
  webhooks: ['id', 'name', 'endpoint_url', 'events', 'archived_at?'],
  access: [
    'application_name',
    'user_id',
    'resource_name',
    'scope',
    'verdict',
    'depends_on',
    'rules?',
  ],
  sessions: [
    'id',
    'kind',
    'state',
    'name?',
    'application_id',
    'subject?',
    'parent_id?',
    'expires_at',
  ],
  delegations: [
    'id',
    'state',
    'source_session_id',
    'target_application_id',
    'target_session_id?',
    'resource_id?',
    'scopes',
    'expires_at',
  ],
  audit: ['time', 'type', 'outcome', 'reason?', 'target.name?', 'actor.name?', 'request_id'],
  plans: ['id', 'state', 'risk', 'summary', 'requester.name?', 'created_at?'],
  conversations: ['id', 'mode', 'title', 'updated_at'],
  operator: ['id', 'effect', 'risk', 'plannable', 'summary'],
  admin_tokens: [
    'id',
    'principal_name',
    'principal_kind?',
    'zone_id',
    'capabilities',
    'last_used_at?',
    'expires_at',
    'revoked_at',
  ],
}

/** Lists of something else than the object's own kind. */
export const columnsOfOperation: Readonly<Record<string, readonly string[]>> = {
  'policies.templates': ['id', 'title', 'description', 'language'],
  'webhooks.deliveries': ['id', 'type', 'state', 'attempts', 'last_error', 'next_attempt_at?'],
}

/** Columns that are left out of a list in which no object has a value for them. */
export const sparseColumns: ReadonlySet<string> = new Set([
  'archived_at',
  'depends_on',
  'expires_at',
  'labels',
  'last_error',
  'last_used_at',
  'reason',
  'revoked_at',
  'system',
  'dcr_enabled',
  'target.name',
  'user_id',
  'zone_id',
])
