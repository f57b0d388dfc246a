import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectRefused } from '../support/refused.ts'
import { startWorld, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

describe('a token', () => {
  test('ends when it expires, to the millisecond', async () => {
    const expires = new Date(world.now() + 3_600_000)
    const { token } = await world.admin.adminTokens.create({
      principal_name: 'short lived',
      principal_kind: 'person',
      capabilities: ['read'],
      expires_at: expires.toISOString(),
    })
    const read = () => world.call('GET', '/v1/zones', undefined, { token })
    expect((await read()).status).toBe(200)
    world.pass(expires.getTime() - world.now())
    await expectRefused(world, 'invalid_admin_token', read)
  })

  test.each([
    ['none', ''],
    ['no scheme', 'cat_x'],
    ['another scheme', 'Basic YTpi'],
    ['no value', 'Bearer '],
    ['two values', 'Bearer cat_a cat_b'],
    ['a prefix of a real one', 'PREFIX'],
    ['a real one with one letter more', 'LONGER'],
    ['SQL', "Bearer ' or true --"],
    ['more than is ever looked at', `Bearer ${'x'.repeat(8_000)}`],
  ])('that is %s is refused', async (_, header) => {
    const real: Record<string, string> = {
      PREFIX: `Bearer ${world.token.slice(0, -1)}`,
      LONGER: `Bearer ${world.token}x`,
    }
    const headers = { authorization: real[header] ?? header }
    await expectRefused(world, 'invalid_admin_token', () =>
      world.call('GET', '/v1/zones', undefined, { token: null, headers }),
    )
  })

  test('is understood whatever the case of the scheme', async () => {
    const headers = { authorization: `bearer  ${world.token}` }
    const answer = await world.call('GET', '/v1/zones', undefined, { token: null, headers })
    expect(answer.status).toBe(200)
  })
})
