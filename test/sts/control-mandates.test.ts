import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId, type Id, type ZoneId } from '../../src/kernel/ids.ts'
import { catalogue } from '../../tools/catalogue.ts'
import {
  insertZone,
  own,
  post,
  startPostgres,
  startWorld,
  tenant,
  type StsWorld,
  type Tenant,
} from './sts-world.ts'

let postgres: Awaited<ReturnType<typeof startPostgres>>
let world: StsWorld
let t: Tenant

beforeAll(async () => {
  postgres = await startPostgres()
  world = await startWorld(postgres.connection)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
})
beforeEach(async () => {
  t = await tenant(world)
})

interface Person {
  readonly principal: Id<'principal'>
  readonly token: Id<'adminToken'>
}

async function person(
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

async function conversation(
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

const digest = `sha256:${'a'.repeat(64)}`

interface PlanFields {
  readonly zone?: ZoneId
  readonly reach?: 'zone' | 'platform'
  readonly state?: string
  readonly steps?: { id: string; operation: string; zone?: string }[]
  readonly required?: number
  readonly secondPerson?: boolean | null
  readonly expiresAt?: Date
  readonly requester?: string
}

const oneStep = [{ id: 'app', operation: 'applications.create' }]

async function plan(who: Person, fields: PlanFields = {}): Promise<Id<'plan'>> {
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

interface ApprovalFields {
  readonly digest?: string
  readonly expiresAt?: Date
  readonly consumed?: boolean
  readonly decision?: 'approve' | 'reject'
}

async function approve(
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

const read = (conversationId: Id<'conversation'>): Promise<string> =>
  world.sts.readMandate({ conversationId, requestId: newId('request', world.now()) })
const apply = (planId: Id<'plan'>): Promise<string> =>
  world.sts.planMandate({ planId, requestId: newId('request', world.now()) })

describe('a read mandate', () => {
  test('carries what the person may read, for five minutes, in the one zone', async () => {
    const ada = await person(['read'], t.zone)
    const id = await conversation(ada, { mode: 'ask' })
    const token = await read(id)
    expect(decodeJwt(token)).toMatchObject({
      use: 'control',
      iss: `${world.url}/zones/${world.system.zone}`,
      aud: [`${world.url}/v1`],
      sub: ada.principal,
      sub_type: 'person',
      act: { sub: world.system.operator },
      client_id: world.system.operator,
      target: [t.zone],
      conversation: id,
      requester_token: ada.token,
    })
    const mandate = await world.sts.verifyControl(token)
    expect(mandate).toMatchObject({
      clientId: world.system.operator,
      principalId: ada.principal,
      target: t.zone,
      plan: null,
      conversationId: id,
      requesterTokenId: ada.token,
    })
    expect(mandate.scopes).toContain('grants:read')
    expect(mandate.scopes.filter((scope) => !scope.endsWith(':read'))).toEqual([])
    expect(mandate.scopes).not.toContain('audit:read')
    expect(mandate.expiresAtMs - world.now()).toBeLessThanOrEqual(300_000)
    expect((await world.events(t.zone)).at(-1)).toMatchObject({
      type: 'token.read_mandate',
      outcome: 'allow',
      application_id: world.system.operator,
      body: { on_behalf_of: { id: ada.principal }, mandate_jti: mandate.jti },
    })
  })

  test.each([
    ['ask', ['write'], false],
    ['agent', ['write'], true],
    ['agent', ['owner'], true],
    ['agent', ['read'], false],
  ] as const)('in mode %s, of %s, proposes: %s', async (mode, capabilities, proposes) => {
    const token = await read(await conversation(await person([...capabilities]), { mode }))
    const { scopes } = await world.sts.verifyControl(token)
    expect(scopes.includes('plans:propose')).toBe(proposes)
    const beyond = scopes.filter((scope) => !scope.endsWith(':read') && scope !== 'plans:propose')
    expect(beyond).toEqual([])
    expect(scopes).not.toContain('admin_tokens:read')
  })

  test('reads the audit log only for who may', async () => {
    const token = await read(await conversation(await person(['audit'])))
    expect((await world.sts.verifyControl(token)).scopes).toEqual(['audit:read'])
  })

  const refused: readonly [string, () => Promise<Id<'conversation'>>, string][] = [
    [
      'in a system zone',
      async () => {
        const zone = newId('zone', world.now())
        await world.change('*', (tx) => insertZone(tx, zone, `s-${zone.slice(-12)}`, true))
        return conversation(await person(['owner']), { zone })
      },
      'system_zone_refused',
    ],
    [
      'in caracal.sys itself',
      async () => conversation(await person(['owner']), { zone: world.system.zone }),
      'system_zone_refused',
    ],
    [
      'in an archived zone',
      async () => {
        await world.rows('update zones set archived_at = now() where id = $1', [t.zone])
        return conversation(await person(['owner']))
      },
      'zone_archived',
    ],
    [
      'on a revoked admin token',
      async () => {
        const ada = await person(['read'])
        await world.rows('update admin_tokens set revoked_at = now() where id = $1', [ada.token])
        return conversation(ada)
      },
      'requester_token_not_live',
    ],
    [
      'on an expired admin token',
      async () => {
        const ada = await person(['read'])
        await world.rows(`update admin_tokens set expires_at = now() where id = $1`, [ada.token])
        return conversation(ada)
      },
      'requester_token_not_live',
    ],
    [
      'on a token of another zone',
      async () => conversation(await person(['read'], (await tenant(world)).zone)),
      'requester_zone_mismatch',
    ],
    [
      'on somebody else’s token',
      async () => conversation(await person(['read']), { principal: newId('principal', 1) }),
      'requester_token_mismatch',
    ],
    [
      'for who may only approve',
      async () => conversation(await person(['approve'])),
      'nothing_requested',
    ],
    [
      'for a conversation that does not exist',
      () => Promise.resolve(newId('conversation', 1)),
      'subject_token_unknown',
    ],
  ]
  test.each(refused)('is refused %s', async (_name, make, reason) => {
    const id = await make()
    await expect(read(id)).rejects.toMatchObject({ details: { reason } })
  })

  test('is refused with the code of its reason where there is one', async () => {
    const id = await conversation(await person(['owner']), { zone: world.system.zone })
    await expect(read(id)).rejects.toMatchObject({ code: 'system_zone_refused', status: 403 })
    expect((await world.events(world.system.zone)).at(-1)).toMatchObject({
      type: 'token.read_mandate',
      outcome: 'deny',
      body: { reason: 'system_zone_refused' },
    })
  })

  test('ends with the admin token behind it', async () => {
    const ada = await person(['read'])
    const token = await read(await conversation(ada))
    await world.sts.verifyControl(token)
    await world.rows('update admin_tokens set revoked_at = now() where id = $1', [ada.token])
    world.sts.forgetTrust(world.system.zone)
    await expect(world.sts.verifyControl(token)).rejects.toMatchObject({
      code: 'invalid_mandate',
      details: { reason: 'revoked' },
    })
  })

  test('is not for a tenant’s application, whatever it claims', async () => {
    const answer = await post(`${world.url}/zones/${world.system.zone}/oauth2/token`, {
      ...own(t),
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:caracal:params:oauth:token-type:conversation',
      subject_token: await conversation(await person(['owner'])),
    })
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })
})

describe('a plan mandate', () => {
  test('carries exactly what the plan needs, its digest and its approvals, for a minute', async () => {
    const ada = await person(['write'], t.zone)
    const bob = await person(['approve'], t.zone)
    const id = await plan(ada, {
      steps: [
        ...oneStep,
        { id: 'res', operation: 'resources.create' },
        { id: 'grant', operation: 'grants.create' },
        { id: 'other', operation: 'applications.patch' },
      ],
    })
    const approval = await approve(id, bob)
    const mandate = await world.sts.verifyControl(await apply(id))
    expect(mandate).toMatchObject({
      clientId: world.system.executor,
      principalId: ada.principal,
      target: t.zone,
      scopes: ['applications:write', 'grants:write', 'resources:write'],
      plan: { id, digest, approvalIds: [approval] },
      conversationId: null,
    })
    expect(mandate.expiresAtMs - world.now()).toBeLessThanOrEqual(60_000)
    expect((await world.events(t.zone)).at(-1)).toMatchObject({
      type: 'token.plan_mandate',
      outcome: 'allow',
      plan_id: id,
      body: { approval_ids: [approval], on_behalf_of: { id: ada.principal } },
    })
  })

  test('for the platform targets the platform', async () => {
    const ada = await person(['write'])
    const id = await plan(ada, {
      reach: 'platform',
      steps: [{ id: 'zone', operation: 'zones.create' }],
    })
    await approve(id, await person(['approve']))
    const mandate = await world.sts.verifyControl(await apply(id))
    expect(mandate).toMatchObject({ target: 'platform', scopes: ['zones:write'] })
    expect((await world.events(world.system.zone)).at(-1)).toMatchObject({ plan_id: id })
  })

  const approved = async (fields: PlanFields, capabilities = ['write']): Promise<Id<'plan'>> => {
    const id = await plan(await person(capabilities), fields)
    await approve(id, await person(['approve']))
    return id
  }

  const cases: readonly [string, () => Promise<Id<'plan'>>, string][] = [
    [
      'for a plan that nobody has approved',
      async () => plan(await person(['write'])),
      'approvals_missing',
    ],
    [
      'for a plan that is not in the state approved',
      () => approved({ state: 'pending_approval' }),
      'plan_not_approved',
    ],
    ['for a plan applied before', () => approved({ state: 'applied' }), 'plan_not_approved'],
    ['for an expired plan', () => approved({ expiresAt: new Date(0) }), 'plan_expired'],
    ['for a requester who may only read', () => approved({}, ['read']), 'requester_lacks_scope'],
    ['for too few approvals', () => approved({ required: 2 }), 'approvals_missing'],
    [
      'for a step that no plan may hold',
      () => approved({ steps: [{ id: 'a', operation: 'admin_tokens.create' }] }),
      'plan_unreadable',
    ],
    [
      'for a step that approves',
      () => approved({ steps: [{ id: 'a', operation: 'plans.approve' }] }),
      'plan_unreadable',
    ],
    [
      'for a step that nobody knows',
      () => approved({ steps: [{ id: 'a', operation: '__proto__' }] }),
      'plan_unreadable',
    ],
    ['for no step', () => approved({ steps: [] }), 'nothing_requested'],
    [
      'for a plan that does not exist',
      () => Promise.resolve(newId('plan', 1)),
      'subject_token_unknown',
    ],
    ['in a system zone', () => approved({ zone: world.system.zone }), 'system_zone_refused'],
    [
      'on the platform, by who has one zone',
      async () => {
        const id = await plan(await person(['write'], t.zone), {
          reach: 'platform',
          steps: [{ id: 'z', operation: 'zones.create' }],
        })
        await approve(id, await person(['approve']))
        return id
      },
      'global_scope_required',
    ],
    [
      'on the platform, naming a system zone in a step',
      () =>
        approved({
          reach: 'platform',
          steps: [{ id: 'a', operation: 'applications.create', zone: 'caracal-sys' }],
        }),
      'system_zone_refused',
    ],
    [
      'when an approval names another digest',
      async () => {
        const id = await approved({})
        await approve(id, await person(['approve']), { digest: `sha256:${'b'.repeat(64)}` })
        return id
      },
      'approval_digest_mismatch',
    ],
    [
      'when the approval was used',
      async () => {
        const id = await plan(await person(['write']))
        await approve(id, await person(['approve']), { consumed: true })
        return id
      },
      'approval_consumed',
    ],
    [
      'when the approval has expired',
      async () => {
        const id = await plan(await person(['write']))
        await approve(id, await person(['approve']), { expiresAt: new Date(0) })
        return id
      },
      'approval_expired',
    ],
    [
      'when the decision was to reject',
      async () => {
        const id = await plan(await person(['write']))
        await approve(id, await person(['approve']), { decision: 'reject' })
        return id
      },
      'approvals_missing',
    ],
    [
      'when the approver may not approve',
      async () => {
        const id = await plan(await person(['write']))
        await approve(id, await person(['owner']))
        return id
      },
      'approver_lacks_capability',
    ],
    [
      'when the approver is no person',
      async () => {
        const id = await plan(await person(['write']))
        await approve(id, await person(['approve'], null, 'automation'))
        return id
      },
      'approver_lacks_capability',
    ],
    [
      'when the approver has lost the token since',
      async () => {
        const id = await plan(await person(['write']))
        const bob = await person(['approve'])
        await approve(id, bob)
        await world.rows('update admin_tokens set revoked_at = now() where id = $1', [bob.token])
        return id
      },
      'approver_lacks_capability',
    ],
    [
      'when the approver is of another zone',
      async () => {
        const id = await plan(await person(['write']))
        await approve(id, await person(['approve'], (await tenant(world)).zone))
        return id
      },
      'approver_lacks_capability',
    ],
    [
      'when the requester alone approved what needs two',
      async () => {
        const ada = await person(['write', 'approve'])
        const id = await plan(ada, { secondPerson: true })
        await approve(id, ada)
        return id
      },
      'approver_is_requester',
    ],
    [
      'when the preview does not say whether it needs two',
      async () => {
        const ada = await person(['write', 'approve'])
        const id = await plan(ada, { secondPerson: null })
        await approve(id, ada)
        return id
      },
      'approver_is_requester',
    ],
    [
      'when two approvals are one person’s',
      async () => {
        const id = await plan(await person(['write']), { required: 2 })
        const bob = await person(['approve'])
        await approve(id, bob)
        await approve(id, bob)
        return id
      },
      'approvals_missing',
    ],
  ]
  test.each(cases)('is refused %s', async (_name, make, reason) => {
    const id = await make()
    await expect(apply(id)).rejects.toMatchObject({ details: { reason } })
    const logs = [...(await world.events(t.zone)), ...(await world.events(world.system.zone))]
    expect(logs.filter((event) => event.body.reason === reason).at(-1)).toMatchObject({
      type: 'token.plan_mandate',
      outcome: 'deny',
      body: { mandate_jti: null },
    })
  })

  test('is not for the half of the Operator that talks', async () => {
    const id = await approved({})
    const asTalker = { ...world.system, executor: world.system.operator }
    await using other = await startWorld(postgres.connection, world.masterKey)
    other.serveAs(world.url)
    Object.assign(other.context, { system: () => asTalker })
    await expect(
      other.sts.planMandate({ planId: id, requestId: newId('request', world.now()) }),
    ).rejects.toMatchObject({ details: { reason: 'client_not_operator' } })
  })

  test('never carries a scope that approves, whatever operations a plan names', async () => {
    for (const { id: operation, scope, plannable } of catalogue) {
      const id = await approved({ steps: [{ id: 'a', operation }] }, ['owner', 'approve', 'audit'])
      const outcome = await apply(id).then(
        async (token) => (await world.sts.verifyControl(token)).scopes,
        () => [],
      )
      expect([operation, outcome]).toEqual([operation, plannable ? [scope] : []])
      expect(outcome).not.toContain('plans:approve')
    }
  })
})

test('a resource mandate of a tenant is no control mandate', async () => {
  const { body } = await post(`${t.issuer}/oauth2/token`, own(t))
  await expect(world.sts.verifyControl(body.access_token)).rejects.toMatchObject({
    code: 'invalid_mandate',
    details: { reason: 'wrong_issuer' },
  })
})

test('a session of the Operator is no control mandate', async () => {
  const id = await conversation(await person(['read']))
  const token = await read(id)
  const answer = await post(`${t.issuer}/oauth2/introspect`, { ...own(t), token })
  expect(answer.body).toEqual({ active: false })
})
