import type { IdKind } from '../kernel/ids.ts'
import type { Queries } from '../store/database.ts'
import type { Change, Json } from '../store/tx.ts'

const verbs: Readonly<Record<Change['effect'], string>> = {
  create: 'Create',
  update: 'Change',
  archive: 'Archive',
}

const kinds: Partial<Record<IdKind, string>> = {
  subjectIssuer: 'subject issuer',
  policyVersion: 'version of policy',
  policySet: 'policy set',
  policySetVersion: 'version of policy set',
}

/** A change in one sentence, by the names that people use. */
export async function describeChange(queries: Queries, change: Change): Promise<string> {
  const fields = change.after ?? change.before ?? {}
  if (change.kind === 'grant') return describeGrant(queries, change, fields)
  const name = change.name ?? (await ownerName(queries, change, fields))
  return `${verbs[change.effect]} ${kinds[change.kind] ?? change.kind} ${name}`
}

async function describeGrant(
  queries: Queries,
  change: Change,
  fields: Readonly<Record<string, Json>>,
): Promise<string> {
  const application = await nameOf(queries, 'applications', fields.application_id)
  const resource = await nameOf(queries, 'resources', fields.resource_id)
  const scopes = Array.isArray(fields.scopes) ? fields.scopes.join(', ') : ''
  const user = typeof fields.user_id === 'string' ? ` for user ${fields.user_id}` : ''
  const until = typeof fields.expires_at === 'string' ? ` until ${fields.expires_at}` : ''
  const verb = { create: 'Grant', update: 'Change the grant of', archive: 'Revoke the grant of' }[
    change.effect
  ]
  return change.effect === 'create'
    ? `${verb} ${application} ${scopes} on ${resource}${user}${until}`
    : `${verb} ${application} on ${resource}${user}: ${scopes}${until}`
}

/** The name of the policy or set that a version belongs to. */
async function ownerName(
  queries: Queries,
  change: Change,
  fields: Readonly<Record<string, Json>>,
): Promise<string> {
  if (change.kind === 'policyVersion') return nameOf(queries, 'policies', fields.policy_id)
  if (change.kind === 'policySetVersion')
    return nameOf(queries, 'policy_sets', fields.policy_set_id)
  return change.id
}

/** Index: primary key. */
async function nameOf(
  queries: Queries,
  table: 'applications' | 'resources' | 'policies' | 'policy_sets',
  id: Json | undefined,
): Promise<string> {
  if (typeof id !== 'string') return 'nothing'
  const row = await queries.selectFrom(table).select('name').where('id', '=', id).executeTakeFirst()
  return row?.name ?? id
}
