import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogue, type OperationId } from '../../tools/catalogue.ts'
import type { Operation } from '../../tools/operation.ts'
import { limits } from '../../src/kernel/limits.ts'
import { examples } from '../support/examples.ts'
import { expectError, expectRefused } from '../support/refused.ts'
import { callOperation } from '../support/requests.ts'
import { freshName, newZone } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

let keys = 0

function freshKey(): string {
  keys += 1
  return `key-${keys}`
}

function replayed(answer: Answer): string | null {
  return answer.headers.get('idempotency-replayed')
}

function createApplication(key: string, name: string, token?: string): Promise<Answer> {
  const headers = { 'idempotency-key': key }
  return world.call('POST', 'applications', { name }, { headers, ...(token && { token }) })
}

/** The conversation's stream goes on beyond the door; its own key is client_message_id. */
const posts = (catalogue as readonly Operation[]).filter(
  ({ route, streams }) => route.method === 'POST' && !streams,
)

describe.each(posts.map((operation) => [operation.id, operation] as const))(
  'the key of %s',
  (id, operation) => {
    test('gives the same answer again, and does nothing again', async () => {
      const make = await newZone(world)
      const input = { ...(await examples[id as OperationId](make)) }
      const options = {
        ...(await make.caller(operation)),
        headers: { 'idempotency-key': freshKey() },
      }
      const send = () => callOperation(world, operation, make.zone, input, options)
      const first = await send()
      expect([first.status, replayed(first)]).toEqual([operation.route.status, null])
      const [state, mark] = [await world.state(), await world.eventCount()]
      const again = await send()
      expect([again.status, replayed(again)]).toEqual([first.status, 'true'])
      expect(again.body).toEqual(first.body)
      expect(again.headers.get('etag')).toBe(first.headers.get('etag'))
      expect(await world.state()).toBe(state)
      expect(await world.events(mark)).toEqual([])
    })
  },
)

describe('an idempotency key', () => {
  test('with another body is refused', async () => {
    const key = freshKey()
    await createApplication(key, freshName('agent'))
    await expectRefused(world, 'idempotency_key_reused', () =>
      createApplication(key, freshName('agent')),
    )
  })

  test('with another operation or another zone is refused', async () => {
    const headers = { 'idempotency-key': freshKey() }
    const make = await newZone(world)
    const body = { name: freshName('twice') }
    await world.call('POST', 'applications', body, { headers })
    for (const path of ['policy-sets', `/v1/zones/${make.zone}/applications`])
      await expectRefused(world, 'idempotency_key_reused', () =>
        world.call('POST', path, body, { headers }),
      )
  })

  test('of somebody else is another key', async () => {
    const key = freshKey()
    const other = await world.automation(freshName('other'), ['write'])
    const [mine, theirs] = [freshName('agent'), freshName('agent')]
    expect((await createApplication(key, mine)).body.name).toBe(mine)
    expect((await createApplication(key, theirs, other)).body.name).toBe(theirs)
  })

  test('keeps no refusal: the call may be mended and sent again', async () => {
    const key = freshKey()
    const taken = freshName('agent')
    await createApplication(freshKey(), taken)
    expectError(await createApplication(key, taken), 'application_name_taken')
    expect((await createApplication(key, freshName('agent'))).status).toBe(201)
  })

  test('lasts 24 hours, and can then be used for something else', async () => {
    const key = freshKey()
    const name = freshName('agent')
    await createApplication(key, name)
    world.pass(limits.idempotencyTtlMs - 60_000)
    expect(replayed(await createApplication(key, name))).toBe('true')
    world.pass(120_000)
    expectError(await createApplication(key, name), 'application_name_taken')
    const other = await createApplication(key, freshName('agent'))
    expect([other.status, replayed(other)]).toEqual([201, null])
  })

  test('does not let a caller see an answer that they may no longer ask for', async () => {
    const token = await world.automation(freshName('writer'), ['write'])
    const [key, name] = [freshKey(), freshName('agent')]
    expect((await createApplication(key, name, token)).status).toBe(201)
    await world.sql(
      "update admin_tokens set capabilities = '{read}' where token_hash = encode(sha256($1), 'hex')",
      [Buffer.from(token)],
    )
    await expectRefused(world, 'admin_token_read_only', () => createApplication(key, name, token))
  })

  test('on a dry run claims nothing', async () => {
    const headers = { 'idempotency-key': freshKey() }
    const body = { name: freshName('agent') }
    expect((await world.call('POST', 'applications?dry_run=true', body, { headers })).status).toBe(
      200,
    )
    const real = await world.call('POST', 'applications', body, { headers })
    expect([real.status, replayed(real)]).toEqual([201, null])
  })

  test('sent twenty times at once runs once', async () => {
    const [key, name] = [freshKey(), freshName('agent')]
    const mark = await world.eventCount()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => createApplication(key, name)),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect(answers.filter((answer) => replayed(answer) === null)).toHaveLength(1)
    expect(await world.events(mark)).toHaveLength(1)
  })

  test('sent at once with different bodies lets one of them through', async () => {
    const key = freshKey()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => createApplication(key, freshName('agent'))),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(422)])
  })
})

describe('a secret in a kept answer', () => {
  test('is given again to its owner, and stands nowhere in the database', async () => {
    const [key, name] = [freshKey(), freshName('agent')]
    const secret = (await createApplication(key, name)).body.client_secret as string
    expect(secret).toMatch(/^cs_/)
    expect((await createApplication(key, name)).body.client_secret).toBe(secret)
    const kept = await world.sql<{ sealed_result: Buffer }>(
      'select sealed_result from idempotency where key = $1',
      [key],
    )
    expect(kept).toHaveLength(1)
    expect(kept[0]?.sealed_result.includes(secret)).toBe(false)
  })

  test('does not open in the row of another key', async () => {
    const [name, other] = [freshName('agent'), freshName('agent')]
    const [key, target] = [freshKey(), freshKey()]
    await createApplication(key, name)
    await createApplication(target, other)
    await world.sql(
      `update idempotency set sealed_result = (select sealed_result from idempotency where key = $1)
       where key = $2`,
      [key, target],
    )
    const answer = await createApplication(target, other)
    expectError(answer, 'internal')
  })
})
