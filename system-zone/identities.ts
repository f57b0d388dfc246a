/**
 * Who the Operator is. Both identities authenticate with private_key_jwt and hold nothing by
 * themselves: `scopes` is only the most that a mandate of theirs may carry. What it does carry is
 * decided by policies/operator.rego, inside what the person who asked holds.
 */
export interface Identity {
  readonly name: string
  /** What policies/operator.rego calls it. */
  readonly client: 'operator' | 'operator-executor'
  /** Control scopes. */
  readonly scopes: readonly string[]
}

/** Talks: it reads what the person may read, and proposes. Admin tokens are none of its business. */
export const operator: Identity = {
  name: 'caracal.sys/operator',
  client: 'operator',
  scopes: [
    'access:read',
    'applications:read',
    'approvals:read',
    'audit:read',
    'conversations:read',
    'grants:read',
    'operator:read',
    'plans:propose',
    'plans:read',
    'policies:read',
    'policy_sets:read',
    'providers:read',
    'resources:read',
    'subject_issuers:read',
    'subjects:read',
    'webhooks:read',
    'witnesses:read',
    'zones:read',
  ],
}

/** Applies approved plans, each under a mandate of its own; it never approves. */
export const executor: Identity = {
  name: 'caracal.sys/operator-executor',
  client: 'operator-executor',
  scopes: [
    'applications:write',
    'grants:write',
    'policies:write',
    'policy_sets:write',
    'providers:write',
    'resources:write',
    'zones:write',
  ],
}
