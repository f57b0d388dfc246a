import { randomUUID } from 'node:crypto'
import { newId, type Id, type ZoneId } from '../../src/kernel/ids.ts'
import type { StsWorld, Tenant } from './sts-world.ts'

export interface Person {
  readonly principal: Id<'principal'>
  readonly token: Id<'adminToken'>
}

export async function person(
  world: StsWorld,
  capabilities: string[],
  zone: ZoneId | null = null,
  kind: 'person' | 'automation' = 'person',
): Promise<Person> {
  const principal = newId('principal', world.now())
  const token = newId('adminToken', world.now())
  await world.change('*', async ({ queries, now }) => {
    await queries
      .insertInto('principals')
      .values({ id: principal, name: principal, name_key: principal, kind, created_at: now })
      .execute()
    await queries
      .insertInto('admin_tokens')
      .values({
        id: token,
        principal_id: principal,
        token_hash: randomUUID(),
        zone_id: zone,
        capabilities,
        revision: 1,
        expires_at: null,
        last_used_at: null,
        revoked_at: null,
        created_at: now,
      })
      .execute()
  })
  return { principal, token }
}

export async function conversation(
  world: StsWorld,
  t: Tenant,
  who: Person,
  fields: { zone?: ZoneId; mode?: 'ask' | 'agent'; principal?: string } = {},
): Promise<Id<'conversation'>> {
  const id = newId('conversation', world.now())
  await world.change('*', ({ queries, now }) =>
    queries
      .insertInto('conversations')
      .values({
        id,
        zone_id: fields.zone ?? t.zone,
        principal_id: fields.principal ?? who.principal,
        principal_name: 'Somebody',
        token_id: who.token,
        mode: fields.mode ?? 'agent',
        title: '',
        created_at: now,
        updated_at: now,
      })
      .execute(),
  )
  return id
}

export const digest = `sha256:${'a'.repeat(64)}`

export interface PlanFields {
  readonly zone?: ZoneId
  readonly reach?: 'zone' | 'platform'
  readonly state?: string
  readonly steps?: { id: string; operation: string; zone?: string }[]
  readonly required?: number
  readonly secondPerson?: boolean | null
  readonly expiresAt?: Date
  readonly requester?: string
}

export const oneStep = [{ id: 'app', operation: 'applications.create' }]

export async function plan(
  world: StsWorld,
  t: Tenant,
  who: Person,
  fields: PlanFields = {},
): Promise<Id<'plan'>> {
  const id = newId('plan', world.now())
  const secondPerson = fields.secondPerson === undefined ? false : fields.secondPerson
  await world.change('*', ({ queries, now, nowMs }) =>
    queries
      .insertInto('plans')
      .values({
        id,
        zone_id: fields.zone ?? t.zone,
        reach: fields.reach ?? 'zone',
        state: fields.state ?? 'approved',
        digest,
        since: 'null',
        base_revisions: '{}',
        policy_set_version_id: null,
        requester_id: fields.requester ?? who.principal,
        requester_name: 'Somebody',
        requester_token_id: who.token,
        origin: 'api',
        conversation_id: null,
        intent: '',
        summary: '',
        steps: JSON.stringify(fields.steps ?? oneStep),
        preview: JSON.stringify(
          secondPerson === null ? null : { policy: { second_person: secondPerson } },
        ),
        assigned_ids: '{}',
        risk: 'low',
        approvals_required: fields.required ?? 1,
        failure: 'null',
        request_id: null,
        revision: 1,
        created_at: now,
        updated_at: now,
        expires_at: fields.expiresAt ?? new Date(nowMs + 3_600_000),
      })
      .execute(),
  )
  return id
}

export interface ApprovalFields {
  readonly digest?: string
  readonly expiresAt?: Date
  readonly consumed?: boolean
  readonly decision?: 'approve' | 'reject'
}

export async function approve(
  world: StsWorld,
  t: Tenant,
  planId: Id<'plan'>,
  who: Person,
  fields: ApprovalFields = {},
): Promise<Id<'approval'>> {
  const id = newId('approval', world.now())
  await world.change('*', ({ queries, now, nowMs }) =>
    queries
      .insertInto('approvals')
      .values({
        id,
        zone_id: t.zone,
        plan_id: planId,
        approver_id: who.principal,
        approver_name: 'Somebody',
        approver_token_id: who.token,
        digest: fields.digest ?? digest,
        decision: fields.decision ?? 'approve',
        reason: null,
        break_glass: false,
        created_at: now,
        expires_at: fields.expiresAt ?? new Date(nowMs + 3_600_000),
        consumed_at: fields.consumed === true ? now : null,
      })
      .execute(),
  )
  return id
}

/** Asks for the mandate to read, as the Operator does. */
export function read(world: StsWorld, conversationId: Id<'conversation'>): Promise<string> {
  return world.sts.readMandate({ conversationId, requestId: newId('request', world.now()) })
}

/** Asks for the mandate to apply, as the Operator does. */
export function apply(world: StsWorld, planId: Id<'plan'>): Promise<string> {
  return world.sts.planMandate({ planId, requestId: newId('request', world.now()) })
}
