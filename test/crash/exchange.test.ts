import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'
import { startReplica, type Replica } from './replica.ts'

/**
 * Guarantee (security.md, kill -9 at every step of exchange; two replicas): of what a replica was
 * doing when it was killed, everything that it has acknowledged is there, each act with its one
 * event, and the replica that is left goes by it.
 */
const rounds = 6
/** Requests of each kind that are always under way at the replica that is to die. */
const busy = 3

let world: World
let make: ZoneMaker
let survivor: Replica
let client: { readonly client_id: string; readonly client_secret: string }
let resource: string
let policySet: string

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
  survivor = await startReplica(world)
  const [application, granted] = [await make.application(), await make.resource()]
  const { id: application_id, client_secret } = application
  await make.call('grants.create', {
    application_id,
    resource_id: granted.id,
    scopes: ['invoices:read'],
  })
  client = { client_id: application_id, client_secret: client_secret ?? '' }
  resource = granted.identifier
  policySet = (await make.policySet()).id
})
afterAll(async () => {
  await survivor[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

/** What a replica has acknowledged before it died. */
interface Acknowledged {
  readonly issued: string[]
  readonly revoked: string[]
  activations: number
}

test('a replica killed at random loses nothing that it has acknowledged', async () => {
  for (let round = 0; round < rounds; round += 1) {
    await using victim = await startReplica(world)
    const before = await activationsRecorded()
    const done: Acknowledged = { issued: [], revoked: [], activations: 0 }
    const working = Array.from({ length: busy }, () => [
      untilDead(() => issueAndRevoke(victim, done)),
      untilDead(() => activate(victim, done)),
    ]).flat()
    const enough = 2 + Math.random() * 20
    await expect.poll(() => acts(done), { timeout: 20_000, interval: 1 }).toBeGreaterThan(enough)
    await delay(Math.random() * 10)
    await victim.kill()
    await Promise.all(working)
    await expectEventsOf(done.issued)
    await expectRevoked(done.revoked)
    const { rows, events } = await activationsRecorded()
    expect(rows - before.rows).toBe(events - before.events)
    expect(rows - before.rows).toBeGreaterThanOrEqual(done.activations)
  }
}, 240_000)

/** Counts only once each kind of act has been seen: what was never done shows nothing. */
function acts({ issued, revoked, activations }: Acknowledged): number {
  return revoked.length > 0 && activations > 0 ? issued.length : 0
}

/** Goes on until the replica does not answer any more. */
async function untilDead(act: () => Promise<void>): Promise<void> {
  for (;;)
    try {
      await act()
    } catch (error) {
      // What `fetch` and a body that breaks off throw; an assertion is no TypeError.
      if (error instanceof TypeError) return
      throw error
    }
}

async function issueAndRevoke(replica: Replica, done: Acknowledged): Promise<void> {
  const asked = { grant_type: 'client_credentials', resource, scope: 'invoices:read' }
  const { access_token: token } = await form(replica.url, 'token', asked)
  done.issued.push(token)
  await form(replica.url, 'revoke', { token })
  done.revoked.push(token)
}

/** Of a version of its own: activating the one that is active already would be nothing to record. */
async function activate(replica: Replica, done: Acknowledged): Promise<void> {
  const set = `${replica.url}/v1/zones/${make.zone}/policy-sets/${policySet}`
  const { id: version_id } = (await post(`${set}/versions`, { manifest: [] })) as { id: string }
  await post(`${set}/activate`, { version_id })
  done.activations += 1
}

async function post(url: string, body: object): Promise<unknown> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  expect(answer.ok, text).toBe(true)
  return JSON.parse(text)
}

async function form(base: string, endpoint: string, fields: Record<string, string>) {
  const answer = await fetch(`${base}/zones/${make.zone}/oauth2/${endpoint}`, {
    method: 'POST',
    body: new URLSearchParams({ ...client, ...fields }),
  })
  const body = (await answer.json()) as { access_token: string; active?: boolean }
  expect(answer.status, JSON.stringify(body)).toBe(200)
  return body
}

/** Exactly one event each, in the log before the token was out. */
async function expectEventsOf(tokens: readonly string[]): Promise<void> {
  const rows = await world.sql<{ jti: string; count: string }>(
    `select entry->>'mandate_jti' as jti, count(*) from events
     where zone_id = $1 and type = 'token.client_credentials' and outcome = 'allow'
     group by 1`,
    [make.zone],
  )
  const counts = new Map(rows.map(({ jti, count }) => [jti, Number(count)]))
  expect(tokens.map((token) => counts.get(jtiOf(token)))).toEqual(tokens.map(() => 1))
}

/** The replica that is left refuses them, now or as soon as it has heard. */
async function expectRevoked(tokens: readonly string[]): Promise<void> {
  const last = tokens.at(-1)
  await expect.poll(() => last !== undefined && isActive(last), { timeout: 5_000 }).toBe(false)
  expect(await Promise.all(tokens.map(isActive))).not.toContain(true)
}

async function isActive(token: string): Promise<boolean | undefined> {
  return (await form(survivor.url, 'introspect', { token })).active
}

async function activationsRecorded(): Promise<{ readonly rows: number; readonly events: number }> {
  const [counted] = await world.sql<{ rows: number; events: number }>(
    `select (select count(*)::int from policy_activations where zone_id = $1) as rows,
       (select count(*)::int from events
        where zone_id = $1 and type = 'policy_sets.activate' and outcome = 'applied') as events`,
    [make.zone],
  )
  return counted ?? { rows: 0, events: 0 }
}

function jtiOf(token: string): string {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  return (JSON.parse(payload) as { jti: string }).jti
}
