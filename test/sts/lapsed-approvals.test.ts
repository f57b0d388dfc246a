import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gatedClient, type GatedClient } from '../support/gated.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

interface Approver {
  readonly tokenId: string
  readonly token: string
  readonly name: string
}

async function approver(
  more: { readonly capabilities?: ('approve' | 'audit')[]; readonly lastingMs?: number } = {},
): Promise<Approver> {
  const { id, token, principal_name } = await world.admin.adminTokens.create({
    principal_name: freshName('approver'),
    principal_kind: 'person',
    capabilities: more.capabilities ?? ['approve'],
    ...(more.lastingMs !== undefined && {
      expires_at: new Date(world.now() + more.lastingMs).toISOString(),
    }),
  })
  return { tokenId: id, token, name: principal_name }
}

function gate(tier: object) {
  return {
    risk: [{ scope: 'invoices:write', tier: 'high' }],
    approval_tiers: [{ tier: 'high', approver: 'approve', ttl_seconds: 600, ...tier }],
  }
}

interface Held {
  readonly make: ZoneMaker
  readonly client: GatedClient
  readonly approval_id: string
}

async function held(tier: object = {}): Promise<Held> {
  const make = await newZone(world)
  const hook = 'https://hooks.example.com/caracal'
  await make.call('webhooks.create', { name: 'all', endpoint_url: hook })
  const client = await gatedClient(make, gate(tier))
  return { make, client, approval_id: String((await client.ask()).body.approval_id) }
}

function approve({ make, approval_id }: Held, { token }: Approver) {
  return make.call('approvals.approve', { approval_id }, { token })
}

function read({ make, approval_id }: Held) {
  return make.call('approvals.get', { approval_id })
}

async function typesSince({ make }: Held, mark: number): Promise<string[]> {
  const events = (await world.events(mark)).filter(({ zone_id }) => zone_id === make.zone)
  return events.map(({ type }) => type)
}

async function messages({ make }: Held): Promise<string[]> {
  const rows = await world.sql<{ type: string }>(
    'select type from webhook_deliveries where zone_id = $1 order by id',
    [make.zone],
  )
  return rows.map(({ type }) => type)
}

function takes(capability: string) {
  return ({ tokenId }: Approver) =>
    world.sql(
      'update admin_tokens set capabilities = array_remove(capabilities, $2) where id = $1',
      [tokenId, capability],
    )
}

const rows: readonly {
  readonly when: string
  readonly more?: Parameters<typeof approver>[0]
  readonly tier?: object
  readonly lose: (one: Approver, held: Held) => unknown
}[] = [
  {
    when: 'their token is revoked',
    lose: ({ tokenId }) => world.admin.adminTokens.delete({ admin_token_id: tokenId }),
  },
  {
    when: 'their token expires',
    more: { lastingMs: 60_000 },
    lose: () => world.pass(90_000),
  },
  { when: 'the capability is taken', lose: takes('approve') },
  {
    when: 'the capability that the tier names is taken',
    more: { capabilities: ['approve', 'audit'] },
    tier: { approver: 'audit' },
    lose: takes('audit'),
  },
  {
    when: 'their token is bound to another zone',
    lose: async ({ tokenId }) => {
      const { zone } = await newZone(world)
      await world.sql('update admin_tokens set zone_id = $2 where id = $1', [tokenId, zone])
    },
  },
]

describe('an approval lapses when', () => {
  test.each(rows)('$when', async ({ more = {}, tier, lose }) => {
    const request = await held(tier)
    const one = await approver(more)
    expect((await approve(request, one)).state).toBe('approved')
    await lose(one, request)

    const mark = await world.eventCount()
    const answer = await request.client.ask({ approval_id: request.approval_id })
    expect(answer).toMatchObject({
      status: 400,
      body: {
        ...{ error: 'interaction_required', reason: 'approval_pending', tier: 'high' },
        approval_id: request.approval_id,
      },
    })
    expect(await typesSince(request, mark)).toEqual([
      'approval.reopened',
      'token.client_credentials',
    ])
    expect(await messages(request)).toEqual([
      ...['approval.issued', 'approval.decided', 'approval.reopened'],
    ])
    const waiting = await read(request)
    expect(waiting).toMatchObject({
      ...{ state: 'pending', decided_at: null, consumed_at: null, tiers: [{ approvals: 0 }] },
      decisions: [{ decision: 'approve', lapsed_at: expect.any(String) }],
    })

    const other = await approver({ capabilities: ['approve', 'audit'] })
    expect((await approve(request, other)).state).toBe('approved')
    expect((await request.client.ask()).status).toBe(200)
    expect((await read(request)).state).toBe('consumed')
  })

  test('one of a quorum, of whom the others still count', async () => {
    const request = await held({ quorum: 2 })
    const [one, two, three] = [await approver(), await approver(), await approver()]
    await approve(request, one)
    await approve(request, two)
    await world.admin.adminTokens.delete({ admin_token_id: one.tokenId })
    expect((await request.client.ask()).body.reason).toBe('approval_pending')
    expect(await read(request)).toMatchObject({ state: 'pending', tiers: [{ approvals: 1 }] })
    expect((await approve(request, three)).state).toBe('approved')
    expect((await request.client.ask()).status).toBe(200)
  })

  test('and its person may give it again with another token', async () => {
    const request = await held()
    const one = await approver()
    await approve(request, one)
    await world.admin.adminTokens.delete({ admin_token_id: one.tokenId })
    expect((await request.client.ask()).body.reason).toBe('approval_pending')
    const { token } = await world.admin.adminTokens.create({
      ...{ principal_name: one.name, principal_kind: 'person', capabilities: ['approve'] },
    })
    expect((await approve(request, { ...one, token })).state).toBe('approved')
    expect((await request.client.ask()).status).toBe(200)
  })
})

test('an approval stands when its token is rotated', async () => {
  const request = await held()
  const one = await approver()
  await approve(request, one)
  await world.admin.adminTokens.rotate({ admin_token_id: one.tokenId })
  expect((await request.client.ask()).status).toBe(200)
})

test('an approval that lapses while the token is made releases nothing', async () => {
  const request = await held()
  const one = await approver()
  await approve(request, one)
  await world.sql(`
    create function lapse() returns trigger language plpgsql as $$ begin
      update admin_tokens set revoked_at = now() where id = '${one.tokenId}';
      return new;
    end $$`)
  await world.sql(`
    create trigger lapse before update on holds for each row
    when (new.state = 'consumed' and new.zone_id = '${request.make.zone}')
    execute function lapse()`)
  const [mark, before] = [await world.eventCount(), await world.state()]
  const answer = await request.client.ask()
  await world.sql('drop trigger lapse on holds')
  expect(answer.body).toMatchObject({ error: 'interaction_required', reason: 'approval_pending' })
  expect(await world.state()).toBe(before)
  expect(await typesSince(request, mark)).toEqual(['token.client_credentials'])
})
