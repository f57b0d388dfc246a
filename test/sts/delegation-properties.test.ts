import fc from 'fast-check'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { agentsIn, tokenIn, type Agents, type Runner } from '../support/agents.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'
import {
  canAct,
  endOf,
  isBelieved,
  lends,
  mayUse,
  pathOf,
  resume,
  revoke,
  scopesBy,
  terminate,
  type Model,
  type ModelEdge,
  type ModelSession,
} from './delegation-model.ts'

let world: World
let zone: Agents
let runners: Runner[]

const granted = [['invoices:read', 'invoices:write'], ['invoices:read'], []] as const
const scopeSets = [
  ['invoices:read'],
  ['invoices:read', 'invoices:write'],
  ['invoices:write'],
] as const

beforeAll(async () => {
  world = await startWorld({ still: true })
  zone = await agentsIn(world, await newZone(world))
  const [both, one] = granted
  runners = [await zone.granted([...both]), await zone.granted([...one]), await zone.runner()]
})

afterAll(() => world[Symbol.asyncDispose]())

const kinds = [
  ...['start', 'start', 'below', 'below', 'service', 'delegate', 'delegate', 'delegate'],
  ...['passOn', 'passOn', 'passOn', 'act', 'act', 'act', 'act', 'own', 'heartbeat'],
  ...['suspend', 'resume', 'resume', 'terminate', 'revoke', 'pass'],
] as const
type Kind = (typeof kinds)[number]
type Action = readonly [Kind, number, number, number]

const action: fc.Arbitrary<Action> = fc.tuple(
  fc.constantFrom(...kinds),
  fc.nat({ max: 1_000 }),
  fc.nat({ max: 1_000 }),
  fc.nat({ max: 1_000 }),
)

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % Math.max(list.length, 1)]
}

function runnerOf(index: number): Runner {
  const runner = runners[index % runners.length]
  if (runner === undefined) throw new Error('there are no runners')
  return runner
}

/** The mandate of an agent session; null where the zone refuses it, which the model foretells. */
async function mandateOf(session: ModelSession): Promise<string | null> {
  const expected = canAct(session, world.now())
  const token = await zone.mandate(runnerOf(session.runner), session.id).catch(() => null)
  expect(token !== null, `a mandate of ${session.id}`).toBe(expected)
  return token
}

function expectOutcome(answer: Answer, expected: boolean, what: string): boolean {
  const isDone = answer.status < 400
  expect(isDone, `${what}: ${JSON.stringify(answer.body)}`).toBe(expected)
  return isDone
}

async function begin(model: Model, runner: number, ttl: number): Promise<void> {
  const session = await zone.start(await zone.subject(runnerOf(runner)), { ttl_seconds: ttl })
  const root: ModelSession = {
    ...{ id: session.root_id, parent: null, runner: runner % runners.length, leaseSeconds: null },
    ...{ endsAtMs: Infinity, suspendedAtMs: null, ended: false },
  }
  model.sessions.push(root, modelOf(root, session.id, null, Date.parse(session.expires_at ?? '')))
}

function modelOf(
  parent: ModelSession,
  id: string,
  leaseSeconds: number | null,
  endsAtMs: number,
): ModelSession {
  const { runner } = parent
  return { id, parent, runner, leaseSeconds, endsAtMs, suspendedAtMs: null, ended: false }
}

async function beginBelow(model: Model, parent: ModelSession, lease: number | null) {
  const token = await mandateOf(parent)
  if (token === null) return
  const input = lease === null ? { ttl_seconds: 400 } : { lease_seconds: lease }
  const lifecycle = lease === null ? 'task' : 'service'
  const answer = await zone.call('POST', 'sessions', { lifecycle, ...input }, token)
  if (answer.body.error === 'limit_reached') return
  expectOutcome(answer, true, 'start')
  const ends = Date.parse(answer.body.created_at as string) + (lease ?? 400) * 1_000
  const session = modelOf(parent, answer.body.id as string, lease, endOf(parent, ends))
  expect(Date.parse(answer.body.expires_at as string)).toBe(session.endsAtMs)
  model.sessions.push(session)
}

async function delegate(
  model: Model,
  parent: ModelEdge | null,
  source: ModelSession,
  target: ModelSession,
  seed: number,
): Promise<void> {
  const token = await mandateOf(source)
  if (token === null) return
  const scopes = pick(scopeSets, seed) ?? []
  const [maxHops, toAll] = [seed % 4, seed % 3 === 0]
  const expiresAtMs = world.now() + (60 + (seed % 500)) * 1_000
  const body = {
    ...(parent !== null && { parent_edge_id: parent.id }),
    ...(toAll
      ? { target_application_id: runnerOf(target.runner).id }
      : { target_session_id: target.id }),
    ...{ resource_id: zone.resource.id, scopes, max_hops: maxHops },
    expires_at: new Date(expiresAtMs).toISOString(),
  }
  const isInside =
    parent === null ||
    (mayUse(parent, source) &&
      lends(parent, world.now()) &&
      scopes.every((scope) => parent.scopes.includes(scope)) &&
      maxHops < parent.maxHops &&
      expiresAtMs <= parent.expiresAtMs)
  const isTarget = toAll || canAct(target, world.now())
  const answer = await zone.call('POST', 'delegations', body, token)
  if (!expectOutcome(answer, isInside && isTarget, 'delegate')) return
  model.edges.push({
    ...{ id: answer.body.id as string, parent, source, target, toAll, scopes },
    ...{ maxHops, expiresAtMs, revoked: false },
  })
}

async function act(
  model: Model,
  edge: ModelEdge,
  agent: ModelSession,
  seed: number,
): Promise<void> {
  const token = await mandateOf(agent)
  if (token === null) return
  const running = { runner: runnerOf(agent.runner), token }
  const asked = seed % 2 === 0 ? null : (pick(scopeSets, seed) ?? [])
  const may = scopesBy(edge, granted)
  const isAllowed = asked === null ? may.length > 0 : asked.every((scope) => may.includes(scope))
  const expected = mayUse(edge, agent) && lends(edge, world.now()) && isAllowed
  const scope = asked === null ? {} : { scope: asked.join(' ') }
  const answer = await zone.act(running, edge.id, scope)
  if (!expectOutcome(answer, expected, 'act')) return
  const claims = decodeJwt(tokenIn(answer))
  expect(claims).toMatchObject({
    scope: (asked ?? may).join(' '),
    hop_count: pathOf(edge).length,
    agent_session_id: agent.id,
  })
  model.mandates.push({ token: tokenIn(answer), ...ends(claims), agent, edge })
}

function ends({ exp = 0 }: { readonly exp?: number }): { expiresAtMs: number } {
  return { expiresAtMs: exp * 1_000 }
}

async function administer(model: Model, verb: string, session: ModelSession): Promise<void> {
  const nowMs = world.now()
  const isRenewed = session.leaseSeconds !== null || session.parent === null
  const isHeld = session.suspendedAtMs !== null
  const isOver = session.ended || (session.endsAtMs <= nowMs && !(isHeld && isRenewed))
  const answer = await zone.call('POST', `sessions/${session.id}/${verb}`)
  if (!expectOutcome(answer, verb === 'terminate' || !isOver, verb)) return
  const after = world.now()
  if (verb === 'terminate') terminate(model, session)
  else if (verb === 'suspend') session.suspendedAtMs ??= after
  else if (isHeld) resume(model, session, after)
}

async function beat(session: ModelSession): Promise<void> {
  const token = await mandateOf(session)
  if (token === null || session.leaseSeconds === null) return
  const answer = await zone.call('POST', `sessions/${session.id}/heartbeat`, undefined, token)
  expectOutcome(answer, true, 'heartbeat')
  session.endsAtMs = Date.parse(answer.body.expires_at as string)
}

async function perform(model: Model, [kind, a, b, c]: Action): Promise<void> {
  const agents = model.sessions.filter(({ parent }) => parent !== null)
  const [session, other] = [pick(agents, a), pick(agents, b)]
  const edge = pick(model.edges, c)
  if (kind === 'start') return begin(model, a, 300 + (b % 600))
  if (kind === 'pass') world.pass((1 + (a % 90)) * 1_000)
  if (session === undefined || other === undefined) return
  if (kind === 'below') return beginBelow(model, session, null)
  if (kind === 'service') return beginBelow(model, session, 120)
  if (kind === 'delegate') return delegate(model, null, session, other, c)
  if (kind === 'own') await mandateOf(session)
  if (kind === 'heartbeat') return beat(session)
  if (kind === 'suspend' || kind === 'resume' || kind === 'terminate')
    return administer(
      model,
      kind,
      pick(model.sessions, kind === 'terminate' ? a * 7 : a) ?? session,
    )
  if (edge === undefined || kind === 'pass' || kind === 'own') return
  if (kind === 'passOn') return delegate(model, edge, edge.target, other, a)
  if (kind === 'act') return act(model, edge, a % 4 === 0 ? session : edge.target, b)
  expectOutcome(await zone.call('POST', `delegations/${edge.id}/revoke`), true, 'revoke')
  revoke(model, edge)
}

async function expectBelief(model: Model): Promise<void> {
  for (const mandate of model.mandates) {
    const isActive = await zone.isActive(runnerOf(0), mandate.token)
    expect(isActive, `a mandate by ${mandate.edge?.id ?? ''}`).toBe(
      isBelieved(mandate, world.now()),
    )
  }
}

/** On a slow machine fewer runs have to do; each is carried to where it has come by then. */
const propertyMs = 25_000

test(
  'whatever is started, lent, held and ended: what the zone allows is what the model allows',
  { timeout: 120_000 },
  async () => {
    const endsAt = performance.now() + propertyMs
    const isLate = () => performance.now() > endsAt
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 15, maxLength: 40 }), async (actions) => {
        if (isLate()) return
        const model: Model = { sessions: [], edges: [], mandates: [] }
        await begin(model, 0, 900)
        await begin(model, 2, 900)
        for (const one of actions) {
          if (isLate()) break
          await perform(model, one)
          if (['suspend', 'resume', 'terminate', 'revoke'].includes(one[0]))
            await expectBelief(model)
        }
        await expectBelief(model)
      }),
      { numRuns: 25, endOnFailure: true },
    )
  },
)
