import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  agentsIn,
  claimsIn,
  tokenIn,
  type Agents,
  type Runner,
  type RunningAgent,
} from '../support/agents.ts'
import { expectRefused } from '../support/refused.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World
let zone: Agents
let lender: Runner

beforeAll(async () => {
  world = await startWorld()
  zone = await agentsIn(world, await newZone(world))
  lender = await zone.granted(['invoices:read', 'invoices:write'])
})

afterAll(() => world[Symbol.asyncDispose]())

interface Chain {
  readonly agents: readonly RunningAgent[]
  readonly edges: readonly string[]
}

/** Passes authority on from agent to agent, each of an application that is granted nothing. */
async function chainOf(hops: number): Promise<Chain> {
  const agents = [await zone.agent(lender)]
  const edges: string[] = []
  for (let hop = 1; hop <= hops; hop += 1) {
    const [from, to] = [agents.at(-1), await zone.agent(await zone.runner())]
    if (from === undefined) throw new Error('no agent lends')
    const parent_edge_id = edges.at(-1)
    const target = { target_session_id: to.session.id, max_hops: 10 - hop }
    const edge = await zone.delegate(from, { ...target, ...(parent_edge_id && { parent_edge_id }) })
    agents.push(to)
    edges.push(edge.id)
  }
  return { agents, edges }
}

function lastOf<T>(list: readonly T[]): T {
  const last = list.at(-1)
  if (last === undefined) throw new Error('an empty list has no last')
  return last
}

describe('a delegation', () => {
  test.each([1, 2, 5, 10])('of %i hops reaches its resource', async (hops) => {
    const { agents, edges } = await chainOf(hops)
    const answer = await zone.act(lastOf(agents), lastOf(edges))
    const claims = claimsIn(answer)
    const sessions = agents.map(({ session }) => session.id)
    expect(claims).toMatchObject({
      use: 'resource',
      sub: lender.id,
      client_id: lastOf(agents).runner.id,
      scope: 'invoices:read',
      sid: agents[0]?.session.root_id,
      agent_session_id: sessions.at(-1),
      delegation_edge_id: edges.at(-1),
      delegation_path: edges,
      delegation_chain: sessions,
      hop_count: hops,
    })
    const acted: unknown[] = []
    for (let act: unknown = claims['act']; act !== undefined; act = (act as { act?: unknown }).act)
      acted.push((act as { sub: string }).sub)
    // RFC 8693 section 4.1: who acts now stands outermost.
    expect(acted).toEqual(sessions.toReversed())
    expect(await zone.isActive(lender, tokenIn(answer))).toBe(true)
    const [event] = (await zone.make.call('audit.list', { type: 'token.delegation' })).items
    expect(event).toMatchObject({
      session_id: claims['sid'],
      application_id: lastOf(agents).runner.id,
      diagnostics: { delegation_edge: edges.at(-1), hops },
    })
  })

  test('is refused at the eleventh hop', async () => {
    const { agents, edges } = await chainOf(10)
    const body = {
      ...{ parent_edge_id: lastOf(edges), scopes: ['invoices:read'] },
      ...{ target_application_id: lender.id, max_hops: 0 },
    }
    const { token } = lastOf(agents)
    await expectRefused(world, 'delegation_exceeds_parent', () =>
      zone.call('POST', 'delegations', body, token),
    )
    // Nor where a row says that more may follow.
    await world.sql('update delegation_edges set max_hops = 5 where id = $1', [lastOf(edges)])
    await expectRefused(world, 'delegation_too_deep', () =>
      zone.call('POST', 'delegations', body, token),
    )
  })

  test('lends to any agent of an application, or to one of them alone', async () => {
    const from = await zone.agent(lender)
    const borrower = await zone.runner()
    const [one, other] = [await zone.agent(borrower), await zone.agent(borrower)]
    const toAll = await zone.delegate(from, { target_application_id: borrower.id })
    const toOne = await zone.delegate(from, { target_session_id: one.session.id })
    for (const agent of [one, other]) expect((await zone.act(agent, toAll.id)).status).toBe(200)
    expect((await zone.act(one, toOne.id)).status).toBe(200)
    expect((await zone.act(other, toOne.id)).body).toMatchObject({
      error: 'invalid_request',
      reason: 'delegation_of_another_actor',
    })
    expect((await zone.act(from, toAll.id)).body.reason).toBe('delegation_of_another_actor')
  })

  test('gives no mandate that outlives it or its ttl', async () => {
    const [from, to] = [await zone.agent(lender), await zone.agent(await zone.runner())]
    const edge = await zone.delegate(from, {
      target_session_id: to.session.id,
      ttl_seconds: 30,
    })
    const { exp = 0, iat = 0 } = claimsIn(await zone.act(to, edge.id))
    expect(exp - iat).toBe(30)
    const expires_at = new Date(world.now() + 10_000).toISOString()
    const short = await zone.delegate(from, { target_session_id: to.session.id, expires_at })
    expect(claimsIn(await zone.act(to, short.id)).exp).toBeLessThanOrEqual(
      Date.parse(expires_at) / 1_000,
    )
  })
})

describe('a delegation narrows and never adds', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['scopes', { scopes: ['invoices:read', 'invoices:write'] }, 'scopes'],
    ['its expiry', { expires_at: '2199-01-01T00:00:00Z' }, 'expires_at'],
    ['its ttl', { ttl_seconds: 301 }, 'ttl_seconds'],
    ['its hops', { max_hops: 2 }, 'max_hops'],
    ['its resource', { resource_id: '' }, 'resource_id'],
  ])('nor is it passed on with more of %s', async (_name, more, field) => {
    const [from, to] = [await zone.agent(lender), await zone.agent(await zone.runner())]
    const parent = await zone.delegate(from, {
      ...{ target_session_id: to.session.id, max_hops: 2, ttl_seconds: 300 },
    })
    const other = await zone.make.call('resources.create', {
      name: `Other than ${zone.resource.name} for ${field}`,
      scopes: ['invoices:read'],
    })
    const body = {
      ...{ parent_edge_id: parent.id, scopes: ['invoices:read'], target_application_id: lender.id },
      ...more,
      ...(field === 'resource_id' && { resource_id: other.id }),
    }
    const refused = await expectRefused(world, 'delegation_exceeds_parent', () =>
      zone.call('POST', 'delegations', body, to.token),
    )
    expect(refused.body.details).toEqual({ fields: [field] })
  })

  test('its scopes, at the exchange', async () => {
    const { agents, edges } = await chainOf(2)
    const wide = { scope: 'invoices:read invoices:write' }
    expect((await zone.act(lastOf(agents), lastOf(edges), wide)).body).toMatchObject({
      error: 'access_denied',
      reason: 'delegation_scope_exceeded',
      missing: ['invoices:write'],
    })
  })

  test('what the lender does not hold', async () => {
    const [from, to] = [await zone.agent(lender), await zone.agent(await zone.runner())]
    const scopes = ['invoices:read', 'invoices:admin']
    const edge = await zone.delegate(from, { target_session_id: to.session.id, scopes })
    expect(claimsIn(await zone.act(to, edge.id))).toMatchObject({ scope: 'invoices:read' })
    expect((await zone.act(to, edge.id, { scope: 'invoices:admin' })).body.reason).toBe('no_grant')
  })

  test('what the borrower is granted itself', async () => {
    const borrower = await zone.granted(['invoices:write'])
    const [from, to] = [await zone.agent(lender), await zone.agent(borrower)]
    const edge = await zone.delegate(from, { target_session_id: to.session.id })
    expect(claimsIn(await zone.act(to, edge.id))).toMatchObject({ scope: 'invoices:read' })
  })

  test('and ends with the grant that it rests upon', async () => {
    const own = await zone.granted(['invoices:read'])
    const [from, to] = [await zone.agent(own), await zone.agent(await zone.runner())]
    const edge = await zone.delegate(from, { target_session_id: to.session.id })
    expect((await zone.act(to, edge.id)).status).toBe(200)
    const [grant] = (await zone.make.call('grants.list', { application_id: own.id })).items
    await zone.make.call('grants.delete', { grant_id: grant?.id ?? '' })
    expect((await zone.act(to, edge.id)).body.reason).toBe('no_grant')
  })

  test.each<[string, object, string]>([
    ['a confinement', { confinement: [{ label_prefix: 'outside', scopes: ['x:y'] }] }, 'confined'],
    [
      'a limit of hops',
      { conditions: [{ id: 'near', effect: 'deny', when: { max_hops: 1 }, reason: 'too far' }] },
      'condition_denied',
    ],
  ])('past %s of the zone', async (_name, documents, reason) => {
    const own = await agentsIn(world, await newZone(world))
    await activate(own, documents)
    const agents = [
      await own.agent(await own.granted(['invoices:read'])),
      await own.agent(await own.runner()),
      await own.agent(await own.runner(['outside'])),
    ]
    const [first, second, third] = agents
    if (!first || !second || !third) throw new Error('three agents were made')
    const near = await own.delegate(first, { target_session_id: second.session.id, max_hops: 1 })
    expect((await own.act(second, near.id)).status).toBe(200)
    const far = await own.delegate(second, {
      ...{ parent_edge_id: near.id, target_session_id: third.session.id },
    })
    expect((await own.act(third, far.id)).body).toMatchObject({ error: 'access_denied', reason })
  })
})

async function activate({ make }: Agents, documents: object): Promise<void> {
  const policy = await make.call('policies.create', {
    ...{ name: 'rules', language: 'json', source: JSON.stringify(documents) },
  })
  const { id: policy_set_id } = await make.call('policy_sets.create', { name: 'set of rules' })
  const manifest = [{ policy_version_id: policy.latest_version.id }]
  const version = await make.call('policy_sets.add_version', { policy_set_id, manifest })
  await make.call('policy_sets.activate', { policy_set_id, version_id: version.id })
}

describe('a delegation is refused', () => {
  test('to whoever has no agent session, or none of that target', async () => {
    const body = { scopes: ['invoices:read'], resource_id: zone.resource.id }
    const subject = await zone.subject(lender)
    await expectRefused(world, 'agent_session_required', () =>
      zone.call('POST', 'delegations', { ...body, target_application_id: lender.id }, subject),
    )
    const { token, session } = await zone.agent(lender)
    await expectRefused(world, 'invalid_body', () => zone.call('POST', 'delegations', body, token))
    await expectRefused(world, 'agent_session_required', () =>
      zone.call('POST', 'delegations', { ...body, target_session_id: session.root_id }, token),
    )
  })

  test('to whoever passes on what was lent to another', async () => {
    const { edges } = await chainOf(1)
    const { token } = await zone.agent(await zone.runner())
    const body = { parent_edge_id: lastOf(edges), target_application_id: lender.id }
    await expectRefused(world, 'delegation_not_yours', () =>
      zone.call('POST', 'delegations', { ...body, scopes: ['invoices:read'] }, token),
    )
  })

  test('after the one that it stands on has expired', async () => {
    await using later = await startWorld()
    const own = await agentsIn(later, await newZone(later))
    const from = await own.agent(await own.granted(['invoices:read']))
    const to = await own.agent(await own.runner())
    const third = await own.agent(await own.runner())
    const expires_at = new Date(later.now() + 60_000).toISOString()
    const parent = await own.delegate(from, {
      ...{ target_session_id: to.session.id, expires_at, max_hops: 1 },
    })
    const body = {
      ...{ parent_edge_id: parent.id, target_session_id: third.session.id },
      scopes: ['invoices:read'],
    }
    const child = await own.delegate(to, body)
    expect(child.expires_at).toBe(parent.expires_at)
    later.pass(60_000)
    await expectRefused(later, 'delegation_not_live', () =>
      own.call('POST', 'delegations', body, to.token),
    )
    for (const [agent, edge] of [
      [to, parent],
      [third, child],
    ] as const)
      expect((await own.act(agent, edge.id)).body.reason).toBe('delegation_expired')
  })

  test.each<[string, Record<string, string>, string]>([
    ['that is unknown', { subject_token: 'edge_none' }, 'subject_token_unknown'],
    ['without an actor', { actor_token: '', actor_token_type: '' }, 'parameter_missing'],
    ['with an actor that is none', { actor_token: 'x' }, 'actor_token_malformed'],
    ['without a resource', { resource: '' }, 'parameter_missing'],
  ])('%s', async (_name, more, reason) => {
    const { agents, edges } = await chainOf(1)
    expect((await zone.act(lastOf(agents), lastOf(edges), more)).body.reason).toBe(reason)
  })

  test('of another resource, and to an actor of another client', async () => {
    const { agents, edges } = await chainOf(1)
    const to = lastOf(agents)
    const { identifier } = await zone.make.resource()
    expect((await zone.act(to, lastOf(edges), { resource: identifier })).body).toMatchObject({
      error: 'invalid_target',
      reason: 'delegation_resource_mismatch',
    })
    const thief = { ...to, runner: await zone.runner() }
    expect((await zone.act(thief, lastOf(edges))).body.reason).toBe('actor_token_of_another_client')
    const subject = await zone.subject(to.runner)
    expect((await zone.act({ ...to, token: subject }, lastOf(edges))).body.reason).toBe(
      'actor_token_not_of_agent',
    )
  })
})

describe('whoever is lent to', () => {
  test('may read the delegation, and not revoke it', async () => {
    const { agents, edges } = await chainOf(1)
    const [from, to] = [agents[0]?.token, lastOf(agents).token]
    const path = `delegations/${lastOf(edges)}`
    expect((await zone.call('GET', path, undefined, to)).status).toBe(200)
    const revoke = (token?: string) => zone.call('POST', `${path}/revoke`, undefined, token)
    await expectRefused(world, 'not_found', () => revoke(to))
    expect((await revoke(from)).body).toMatchObject({ state: 'revoked', end_reason: 'revoked' })
    expect(decodeJwt(to)).toMatchObject({ use: 'session' })
    expect((await zone.act(lastOf(agents), lastOf(edges))).body.reason).toBe('delegation_revoked')
  })
})
