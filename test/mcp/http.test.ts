import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorld, type World } from '../world.ts'
import { connect, eras } from './clients.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(eras)('a client %s', (era) => {
  test('lists the tools and calls one', async () => {
    await using client = await connect(era, `${world.url}/mcp`, world.token)
    expect(client.protocol).toMatch(era === 'of 2026' ? /^2026-07-28$/ : /^2025-/)
    const tools = await client.listTools()
    expect(tools.map((tool) => tool.name)).toContain('applications_list')
    const { isError, value } = await client.call('zones_get')
    expect(isError).toBe(false)
    expect(value).toMatchObject({ slug: 'default' })
  })
})
