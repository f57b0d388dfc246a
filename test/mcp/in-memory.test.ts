import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ToolSession } from '../../src/operator/conversation/tool-session.ts'
import type { ZoneId } from '../../src/kernel/ids.ts'
import { mcpTools } from '../../src/mcp/tools.ts'
import { startWorld, type World } from '../world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** The Operator's session in a conversation of a mode, under the mandate that the STS gives. */
async function open(mode: 'ask' | 'agent'): Promise<ToolSession> {
  const { body } = await world.call('POST', 'operator/conversations', { mode })
  const { turns } = world.service.context
  const requestId = 'req_session'
  const principal = await turns.readMandate(body.id as string, requestId)
  const zone = body.zone_id as ZoneId
  return turns.openTools({ principal, zone, requestId, traceId: undefined })
}

const steps = [{ id: 'app', operation: 'applications.create', input: { name: 'from-memory' } }]

describe('the Operator’s session', () => {
  test('in agent mode has the reads of its zone and the proposal, and no apply', async () => {
    await using session = await open('agent')
    const names = session.tools.map(({ name }) => name)
    const beyond = ['plan_apply', 'zones_list']
    const expected = mcpTools.map(({ name }) => name).filter((name) => !beyond.includes(name))
    expect(names).toEqual(expected)
    expect(session.tools.find(({ name }) => name === 'plan_propose')).toMatchObject({
      description: expect.stringContaining('Propose'),
      inputSchema: { required: ['steps'] },
    })
  })

  test('in ask mode is told of no proposal, and makes none if it tries', async () => {
    await using session = await open('ask')
    expect(session.tools.map(({ name }) => name)).not.toContain('plan_propose')
    expect(await session.call('plan_propose', { steps })).toMatchObject({
      ok: false,
      code: 'control_scope_required',
    })
  })

  test('reads and proposes on the person’s behalf', async () => {
    await using session = await open('agent')
    expect(await session.call('zones_get', {})).toMatchObject({
      ok: true,
      value: { slug: 'default' },
    })
    const proposed = await session.call('plan_propose', { steps })
    expect(proposed).toMatchObject({
      ok: true,
      value: { state: 'pending_approval', origin: 'chat', requester: { name: 'administrator' } },
    })
  })

  test('cannot apply, even what a person has approved', async () => {
    await using session = await open('agent')
    const proposed = await session.call('plan_propose', { steps })
    if (!proposed.ok) throw new Error(proposed.message)
    const { id, digest } = proposed.value
    await world.call('POST', `plans/${String(id)}/approve`, { digest })
    const before = await world.state()
    expect(await session.call('plan_apply', { plan_id: id, digest })).toMatchObject({
      ok: false,
      code: 'control_scope_required',
    })
    expect(await world.state()).toBe(before)
  })

  test.each(['plan_approve', 'nothing', 'toString'])('answers %s with a refusal', async (name) => {
    await using session = await open('agent')
    expect(await session.call(name, {})).toMatchObject({ ok: false, code: 'unknown_operation' })
  })
})
