import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { internet } from '../../src/kernel/safe-fetch.ts'
import { clientIn, gatedClient } from '../support/gated.ts'
import { newZone, freshName, type ZoneMaker } from '../support/zone-maker.ts'
import { signatureOf, startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'
import { startWorld, type World } from '../world.ts'

let receiver: WebhookReceiver
let world: World

beforeAll(async () => {
  receiver = await startReceiver()
  world = await startWorld({ network: receiver.network })
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
})

/** A webhook whose messages the receiver can tell from those of others. */
async function hookIn(make: ZoneMaker, more: { readonly events?: ['approval.issued'] } = {}) {
  const path = `/${make.zone}`
  const hook = await make.call('webhooks.create', {
    name: freshName('hook'),
    endpoint_url: receiver.origin + path,
    ...more,
  })
  return { ...hook, received: () => receiver.received.filter((one) => one.path === path) }
}

async function deliveries(make: ZoneMaker, webhook_id: string) {
  return (await make.call('webhooks.deliveries', { webhook_id })).items
}

/** The newest message once an attempt has come to what is expected. */
async function until(make: ZoneMaker, webhook_id: string, state: string, attempts: number) {
  return vi.waitFor(
    async () => {
      const [newest] = await deliveries(make, webhook_id)
      expect(newest).toMatchObject({ state, attempts })
      // Both are null while an attempt is on its way.
      expect(newest?.last_error ?? newest?.last_status ?? null).not.toBeNull()
      return newest
    },
    { timeout: 30_000, interval: 100 },
  )
}

describe('a webhook is told of an approval', () => {
  test('from its issue to its use, in signed messages', async () => {
    const make = await newZone(world)
    const hook = await hookIn(make)
    const client = await gatedClient(make)
    const approval_id = String((await client.ask()).body.approval_id)
    await make.call('approvals.approve', { approval_id })
    await client.ask()
    await vi.waitFor(() => expect(hook.received()).toHaveLength(3), { timeout: 30_000 })
    expect(
      hook
        .received()
        .map(({ message }) => message.type)
        .sort(),
    ).toEqual(['approval.consumed', 'approval.decided', 'approval.issued'])
    for (const one of hook.received()) {
      expect(one.signature).toBe(signatureOf(hook.signing_secret, one))
      expect(one.message.data).toMatchObject({
        approval_id,
        zone_id: make.zone,
        application: { id: client.application.id },
        resource: { identifier: client.resource.identifier },
        scopes: ['invoices:write'],
      })
    }
    await vi.waitFor(async () => {
      const states = (await deliveries(make, hook.id)).map(({ state }) => state)
      expect(states).toEqual(['delivered', 'delivered', 'delivered'])
    })
  })

  test('if it wants that, in its zone alone', async () => {
    const [make, other] = [await newZone(world), await newZone(world)]
    const hook = await hookIn(make, { events: ['approval.issued'] })
    const elsewhere = await hookIn(other)
    const client = await gatedClient(make)
    const approval_id = String((await client.ask()).body.approval_id)
    await make.call('approvals.reject', { approval_id, reason: 'no' })
    await until(make, hook.id, 'delivered', 1)
    expect((await deliveries(make, hook.id)).map(({ type }) => type)).toEqual(['approval.issued'])
    expect(await deliveries(other, elsewhere.id)).toEqual([])
  })

  test('again under the same id until it has answered, and is given up on in the end', async () => {
    const make = await newZone(world)
    const hook = await hookIn(make, { events: ['approval.issued'] })
    receiver.answerWith(503)
    await (await gatedClient(make)).ask()
    for (let attempt = 1; attempt <= 7; attempt += 1) {
      const failed = await until(make, hook.id, 'pending', attempt)
      expect(failed).toMatchObject({ last_status: 503, last_error: 'status_unexpected' })
      world.pass(8 * 3_600_000)
    }
    const dead = await until(make, hook.id, 'dead', 8)
    expect(dead?.next_attempt_at).toBeNull()
    const attempts = hook.received()
    expect(attempts).toHaveLength(8)
    expect(new Set(attempts.map(({ id }) => id))).toEqual(new Set([dead?.id]))
    expect(new Set(attempts.map(({ body }) => body)).size).toBe(1)
    for (const one of attempts) expect(one.signature).toBe(signatureOf(hook.signing_secret, one))

    receiver.answerWith(200)
    await make.call('webhooks.retry', { webhook_id: hook.id, delivery_id: dead?.id ?? '' })
    await until(make, hook.id, 'delivered', 1)
    expect(hook.received()).toHaveLength(9)
  })

  test('with its new secret from a rotation on, and never by way of a redirection', async () => {
    const make = await newZone(world)
    const hook = await hookIn(make, { events: ['approval.issued'] })
    receiver.answerWith(302)
    await (await gatedClient(make)).ask()
    expect(await until(make, hook.id, 'pending', 1)).toMatchObject({
      last_status: null,
      last_error: 'redirected',
    })
    const { signing_secret } = await make.call('webhooks.rotate_secret', { webhook_id: hook.id })
    receiver.answerWith(204)
    world.pass(5_000)
    await until(make, hook.id, 'delivered', 2)
    const [first, second] = hook.received()
    expect(first?.signature).toBe(first && signatureOf(hook.signing_secret, first))
    expect(second?.signature).toBe(second && signatureOf(signing_secret, second))
  })

  test('no more once it is archived', async () => {
    const make = await newZone(world)
    const hook = await hookIn(make)
    receiver.answerWith(503)
    const client = await gatedClient(make)
    await client.ask()
    await until(make, hook.id, 'pending', 1)
    receiver.answerWith(200)
    await make.call('webhooks.delete', { webhook_id: hook.id })
    expect(await deliveries(make, hook.id)).toMatchObject([
      { state: 'dead', last_error: 'webhook_archived' },
    ])
    await (await clientIn(make)).ask()
    expect(await deliveries(make, hook.id)).toHaveLength(1)
  })
})

describe('what is not on the public Internet', () => {
  test.each(['https://127.0.0.1/x', 'https://169.254.169.254/latest', 'https://inside.example/x'])(
    '%s is sent nothing',
    async (url) => {
      await using outside = await startWorld({
        network: { ...internet, resolve: () => Promise.resolve(['10.0.0.7']) },
      })
      const make = await newZone(outside)
      const hook = await make.call('webhooks.create', {
        name: freshName('hook'),
        endpoint_url: url,
      })
      await (await gatedClient(make)).ask()
      const failed = await until(make, hook.id, 'pending', 1)
      expect(failed?.last_error).toBe('address_not_public')
    },
  )

  test.each([
    'http://hooks.example.com/',
    'https://ada:x@hooks.example.com/',
    'file:///etc/passwd',
  ])('%s is no address of a webhook', async (url) => {
    const answer = await world.call('POST', 'webhooks', {
      name: freshName('hook'),
      endpoint_url: url,
    })
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_body' } })
  })
})

test('what was committed before a service ended is sent by the next one', async () => {
  await using first = await startWorld()
  const make = await newZone(first)
  const path = `/${make.zone}`
  await make.call('webhooks.create', { name: 'pager', endpoint_url: receiver.origin + path })
  receiver.answerWith(200)
  // As a process leaves it that is killed after it has taken the message and before it has sent it.
  await (await gatedClient(make)).ask()
  await first.sql(
    `update webhook_deliveries set state = 'pending', attempts = 1,
       next_attempt_at = now() + interval '30 seconds'`,
  )
  await using second = await startWorld({ sharing: first, network: receiver.network })
  expect(receiver.received.filter((one) => one.path === path)).toEqual([])
  second.pass(31_000)
  await vi.waitFor(
    () => expect(receiver.received.filter((one) => one.path === path)).toHaveLength(1),
    { timeout: 30_000 },
  )
})
