import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentsIn, tokenIn, type Agents, type RunningAgent } from '../support/agents.ts'
import { expectRefused } from '../support/refused.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

/**
 * Guarantee (security.md): what is revoked, suspended or ended is refused everywhere at once, with
 * everything that rests upon it, and nothing else is touched.
 */
let world: World
let zone: Agents

beforeAll(async () => {
  world = await startWorld()
  zone = await agentsIn(world, await newZone(world))
})

afterAll(() => world[Symbol.asyncDispose]())

/** An agent that lends to another, which lends on to a third; each with a mandate of the resource. */
interface Line {
  readonly agents: readonly [RunningAgent, RunningAgent, RunningAgent]
  readonly edges: readonly [string, string]
  readonly mandates: readonly [string, string, string]
}

async function lineOfThree(): Promise<Line> {
  const first = await zone.agent(await zone.granted(['invoices:read']))
  const second = await zone.agent(await zone.runner())
  const third = await zone.agent(await zone.runner())
  const near = await zone.delegate(first, { target_session_id: second.session.id, max_hops: 1 })
  const far = await zone.delegate(second, {
    ...{ parent_edge_id: near.id, target_session_id: third.session.id },
  })
  return {
    agents: [first, second, third],
    edges: [near.id, far.id],
    mandates: [
      tokenIn(await zone.exchange(first.runner, first.token)),
      tokenIn(await zone.act(second, near.id)),
      tokenIn(await zone.act(third, far.id)),
    ],
  }
}

async function believed({ agents: [{ runner }], mandates }: Line): Promise<boolean[]> {
  const answers: boolean[] = []
  for (const token of mandates) answers.push(await zone.isActive(runner, token))
  return answers
}

function post(path: string): Promise<Answer> {
  return zone.call('POST', path)
}

describe('a cascade ends what stands below, and only that', () => {
  test.each<[string, (line: Line) => string, readonly boolean[]]>([
    [
      'the first session',
      ({ agents }) => `sessions/${agents[0].session.id}/terminate`,
      [false, false, false],
    ],
    [
      'its root',
      ({ agents }) => `sessions/${agents[0].session.root_id}/terminate`,
      [false, false, false],
    ],
    [
      'the second session',
      ({ agents }) => `sessions/${agents[1].session.id}/terminate`,
      [true, false, false],
    ],
    [
      'the last session',
      ({ agents }) => `sessions/${agents[2].session.id}/terminate`,
      [true, true, false],
    ],
    ['the first edge', ({ edges }) => `delegations/${edges[0]}/revoke`, [true, false, false]],
    ['the last edge', ({ edges }) => `delegations/${edges[1]}/revoke`, [true, true, false]],
  ])('from %s', async (_name, pathOf, left) => {
    const [line, other] = [await lineOfThree(), await lineOfThree()]
    expect((await post(pathOf(line))).status).toBe(200)
    expect(await believed(line)).toEqual(left)
    expect(await believed(other)).toEqual([true, true, true])
    const exchanges = [
      zone.exchange(line.agents[0].runner, line.agents[0].token),
      zone.act(line.agents[1], line.edges[0]),
      zone.act(line.agents[2], line.edges[1]),
    ]
    expect((await Promise.all(exchanges)).map(({ status }) => status === 200)).toEqual(left)
  })

  test('of an archived application', async () => {
    const line = await lineOfThree()
    await zone.make.call('applications.delete', { application_id: line.agents[1].runner.id })
    expect(await believed(line)).toEqual([true, false, false])
    expect((await zone.call('GET', `sessions/${line.agents[1].session.id}`)).body).toMatchObject({
      state: 'terminated',
      end_reason: 'application_archived',
    })
    expect((await zone.call('GET', `delegations/${line.edges[1]}`)).body.state).toBe('revoked')
    expect((await zone.call('GET', `sessions/${line.agents[2].session.id}`)).body.state).toBe(
      'active',
    )
  })

  test('of an agent’s mandate that its client revokes, and not for whom it runs', async () => {
    const line = await lineOfThree()
    const [{ runner, token, session }] = line.agents
    const sibling = await zone.start(await zone.subject(runner))
    const form = { client_id: runner.id, client_secret: runner.secret, token }
    expect((await world.oauth('revoke', form, zone.make.zone)).status).toBe(200)
    expect(await believed(line)).toEqual([false, false, false])
    const root = await zone.call('GET', `sessions/${session.root_id}`)
    expect(root.body.state).toBe('active')
    expect((await zone.call('GET', `sessions/${sibling.id}`)).body.state).toBe('active')
  })
})

describe('a suspension', () => {
  test('holds everything below until it is resumed, and leaves one event', async () => {
    const line = await lineOfThree()
    const path = `sessions/${line.agents[1].session.id}`
    expect((await post(`${path}/suspend`)).body.state).toBe('suspended')
    expect(await believed(line)).toEqual([true, false, false])
    expect((await zone.act(line.agents[2], line.edges[1])).body.reason).toBe('session_suspended')
    await expectRefused(world, 'invalid_mandate', () =>
      zone.call('POST', 'sessions', {}, line.agents[1].token),
    )
    expect((await post(`${path}/resume`)).body.state).toBe('active')
    expect(await believed(line)).toEqual([true, true, true])
  })

  test('is not lifted by the end of another', async () => {
    const line = await lineOfThree()
    const [outer, inner] = [line.agents[0].session.root_id, line.agents[1].session.id]
    for (const id of [outer, inner]) await post(`sessions/${id}/suspend`)
    await post(`sessions/${outer}/resume`)
    expect(await believed(line)).toEqual([true, false, false])
    await post(`sessions/${inner}/resume`)
    expect(await believed(line)).toEqual([true, true, true])
  })

  test('does not wake what has ended', async () => {
    const line = await lineOfThree()
    const [first, , third] = line.agents
    await post(`sessions/${first.session.id}/suspend`)
    await post(`sessions/${third.session.id}/terminate`)
    await post(`sessions/${first.session.id}/resume`)
    expect(await believed(line)).toEqual([true, true, false])
    for (const verb of ['suspend', 'resume'])
      await expectRefused(world, 'session_not_live', () =>
        post(`sessions/${third.session.id}/${verb}`),
      )
  })
})

test('what is ended at one replica is refused at another within a second', async () => {
  await using replica = await startWorld({
    sharing: world,
    config: { publicUrl: world.url },
  })
  const line = await lineOfThree()
  const { id: client_id, secret: client_secret } = line.agents[0].runner
  const isActive = async (): Promise<boolean> => {
    const form = { client_id, client_secret, token: line.mandates[2] }
    return (await replica.oauth('introspect', form, zone.make.zone)).body.active as boolean
  }
  expect(await isActive()).toBe(true)
  await post(`delegations/${line.edges[0]}/revoke`)
  await expect.poll(isActive, { timeout: 5_000, interval: 50 }).toBe(false)
})
