import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { activateDocuments, clientIn, gateOnWrites, type GatedClient } from '../support/gated.ts'
import { signatureOf, startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'
import { startReplica, type Replica } from './replica.ts'

/**
 * Guarantee (docs/step-up.md, webhooks): a replica that is killed in the middle of delivering loses
 * no message. Each arrives at least once, signed, always under its one id, from whatever is left.
 */
const messages = 12
/** How far the clock of the world is behind that of the replica: it takes nothing over until then. */
const behindMs = 3_600_000
/** Longer than an attempt may be unfinished. */
const leaseMs = 31_000

let receiver: WebhookReceiver
let folder: string
let world: World
let make: ZoneMaker
let secret: string
const clients: GatedClient[] = []

beforeAll(async () => {
  receiver = await startReceiver()
  folder = await mkdtemp(join(tmpdir(), 'caracal-hooks-'))
  await writeFile(join(folder, 'authority.pem'), receiver.network.authorities?.join('\n') ?? '')
  world = await startWorld({ network: receiver.network })
  make = await newZone(world)
  await activateDocuments(make, gateOnWrites)
  for (let index = 0; index < messages; index += 1) clients.push(await clientIn(make))
  const hook = {
    name: 'pager',
    endpoint_url: receiver.origin,
    events: ['approval.issued' as const],
  }
  secret = (await make.call('webhooks.create', hook)).signing_secret
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test.each([0, 1, 5])(
  'a replica killed once %i of many messages were answered loses none of them',
  async (answered) => {
    const mark = receiver.received.length
    const arrived = () => receiver.received.slice(mark)
    const before = new Set((await deliveries()).map(({ id }) => id))
    let left = answered
    receiver.answerWith(() => ((left -= 1) >= 0 ? 200 : null))
    world.pass(-behindMs)
    {
      await using victim = await startReplica(world, [
        'test/crash/delivering-child.ts',
        new URL(receiver.origin).hostname,
        join(folder, 'authority.pem'),
      ])
      await Promise.all(clients.map((client) => issue(victim, client)))
      await expect.poll(() => arrived().length, { timeout: 20_000 }).toBeGreaterThan(answered)
      await victim.kill()
    }
    const unanswered = arrived().slice(answered)
    receiver.answerWith(200)
    world.pass(behindMs + leaseMs)

    const fresh = async () => (await deliveries()).filter(({ id }) => !before.has(id))
    const settled = async () => (await fresh()).filter(({ state }) => state === 'delivered').length
    await expect.poll(settled, { timeout: 20_000, interval: 100 }).toBe(messages)
    const ids = (await fresh()).map(({ id }) => id)
    expect(new Set(arrived().map(({ id }) => id))).toEqual(new Set(ids))
    for (const one of arrived()) expect(one.signature).toBe(signatureOf(secret, one))
    const bodies = Map.groupBy(arrived(), ({ id }) => id)
    for (const same of bodies.values()) expect(new Set(same.map(({ body }) => body)).size).toBe(1)
    for (const { id } of unanswered) expect(bodies.get(id)?.length).toBeGreaterThan(1)
    await endHolds()
  },
  90_000,
)

/** Makes a request that is held, whose message the replica writes and begins to send. */
async function issue(replica: Replica, client: GatedClient): Promise<void> {
  const answer = await client.ask({}, replicaWorld(replica))
  expect(answer.body).toMatchObject({ reason: 'approval_required' })
}

/** The world as it is behind the address of a replica. */
function replicaWorld({ url }: Replica): World {
  return {
    ...world,
    oauth: async (endpoint, form, zone = '') => {
      const address = `${url}/zones/${zone}/oauth2/${endpoint}`
      const answer = await fetch(address, { method: 'POST', body: new URLSearchParams(form) })
      return { status: answer.status, headers: answer.headers, body: await answer.json() }
    },
  }
}

interface Delivery {
  readonly id: string
  readonly state: string
}

async function deliveries(): Promise<readonly Delivery[]> {
  return world.sql<{ id: string; state: string }>(
    'select id, state from webhook_deliveries where zone_id = $1',
    [make.zone],
  )
}

/** The next round makes its requests anew. */
async function endHolds(): Promise<void> {
  await world.sql(`update holds set state = 'expired' where zone_id = $1`, [make.zone])
}
