import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OutputOf } from '../../tools/catalogue.ts'
import { agentsIn, tokenIn, typeOf, type Agents, type Runner } from '../support/agents.ts'
import { clientOfZone, startOidcProvider, type OidcProvider } from '../support/oidc-provider.ts'
import { freshName, newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/**
 * Guarantee: when a zone stops believing a subject issuer, the sessions of the users that it vouched
 * for end in the same transaction, with the agents, delegations and mandates below them. Nothing
 * else does.
 */
let provider: OidcProvider
let world: World
let zone: Agents
let runner: Runner

type Issuer = OutputOf<'subject_issuers.create'>

beforeAll(async () => {
  provider = await startOidcProvider(() => world.now())
  world = await startWorld({ network: provider.network })
  zone = await agentsIn(world, await newZone(world))
  runner = await zone.granted(['invoices:read'])
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})

/** An issuer that has the keys of the provider, under a name of its own. */
function newIssuer(): Promise<Issuer> {
  const name = freshName('issuer')
  return zone.make.call('subject_issuers.create', {
    ...{ name, issuer: `https://${name}.example.com`, audience: clientOfZone.id },
    jwks_url: `${provider.issuer}/jwks`,
  })
}

async function exchangeIdToken({ issuer }: Issuer, sub: string) {
  const idToken = await provider.idToken({ iss: issuer, sub })
  return zone.ask(runner, {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    subject_token: idToken,
  })
}

interface Node {
  readonly id: string
  readonly token: string
  /** Whether an archived issuer vouched for whom it stands for. */
  readonly isVouched: boolean
}

interface Edge {
  readonly id: string
  /** It may be passed on. */
  readonly isFirst: boolean
  readonly target: Node
  readonly isVouched: boolean
}

/** Who a tree of sessions is for, with which session each further agent runs under. */
const trees = fc.array(
  fc.record({
    of: fc.constantFrom('archived', 'archived', 'other', 'application'),
    under: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 3 }),
    isSuspended: fc.boolean(),
  }),
  { minLength: 2, maxLength: 4 },
)
const lent = fc.array(
  fc.record({
    from: fc.nat({ max: 20 }),
    to: fc.nat({ max: 20 }),
    /** Passes on what was lent before, where something was. */
    passesOn: fc.boolean(),
  }),
  { maxLength: 5 },
)

async function rootToken(of: string, archived: Issuer, other: Issuer): Promise<string> {
  if (of === 'application') return zone.subject(runner)
  return tokenIn(await exchangeIdToken(of === 'archived' ? archived : other, freshName('user')))
}

async function growTree(rootMandate: string, under: readonly number[], isVouched: boolean) {
  const nodes: Node[] = []
  for (const [index, at] of under.entries()) {
    const above = index === 0 ? rootMandate : (nodes[at % index]?.token ?? rootMandate)
    const { id } = await zone.start(above)
    nodes.push({ id, token: await zone.mandate(runner, id), isVouched })
  }
  return nodes
}

async function lend(source: Node, target: Node, parent: Edge | undefined): Promise<Edge> {
  const from = parent === undefined ? source : parent.target
  const { id } = await zone.make.call(
    'delegations.create',
    {
      ...{ target_session_id: target.id, resource_id: zone.resource.id },
      ...{ scopes: ['invoices:read'], max_hops: parent === undefined ? 1 : 0 },
      ...(parent !== undefined && { parent_edge_id: parent.id }),
    },
    { token: from.token },
  )
  return {
    id,
    isFirst: parent === undefined,
    target,
    isVouched: from.isVouched || target.isVouched || (parent?.isVouched ?? false),
  }
}

async function stateOfSession(id: string): Promise<string> {
  return (await zone.make.call('sessions.get', { session_id: id })).state
}

async function stateOfEdge(id: string): Promise<string> {
  return (await zone.make.call('delegations.get', { edge_id: id })).state
}

async function archive({ id }: Issuer): Promise<void> {
  await zone.make.call('subject_issuers.delete', { subject_issuer_id: id })
}

test('archiving an issuer ends exactly what runs for its users', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(trees, lent, async (roots, loans) => {
      const [archived, other] = [await newIssuer(), await newIssuer()]
      const nodes: Node[] = []
      const held: Node[] = []
      for (const { of, under, isSuspended } of roots) {
        const token = await rootToken(of, archived, other)
        const grown = await growTree(token, under, of === 'archived')
        nodes.push(...grown)
        if (isSuspended) held.push(...grown.slice(0, 1))
      }
      const edges: Edge[] = []
      for (const { from, to, passesOn } of loans) {
        const [source, target] = [nodes[from % nodes.length]!, nodes[to % nodes.length]!]
        const parent = passesOn ? edges.find(({ isFirst }) => isFirst) : undefined
        edges.push(await lend(source, target, parent))
      }
      const before = new Map<string, string>()
      for (const { id } of held) await zone.make.call('sessions.suspend', { session_id: id })
      for (const { id } of nodes) before.set(id, await stateOfSession(id))
      const active = new Map<string, boolean>()
      for (const { token } of nodes) active.set(token, await zone.isActive(runner, token))
      await archive(archived)
      for (const { id, token, isVouched } of nodes) {
        expect(await stateOfSession(id)).toBe(isVouched ? 'terminated' : before.get(id))
        expect(await zone.isActive(runner, token)).toBe(isVouched ? false : active.get(token))
      }
      for (const { id, isVouched } of edges)
        expect(await stateOfEdge(id)).toBe(isVouched ? 'revoked' : 'active')
    }),
    { numRuns: 6 },
  )
})

test('a subject session without agents ends, in the transaction of the one event', async () => {
  const [archived, other] = [await newIssuer(), await newIssuer()]
  const [gone, kept] = [
    tokenIn(await exchangeIdToken(archived, 'alice')),
    tokenIn(await exchangeIdToken(other, 'alice')),
  ]
  const mark = await world.eventCount()
  await archive(archived)
  expect(await world.events(mark)).toMatchObject([
    { type: 'subject_issuers.delete', outcome: 'applied' },
  ])
  expect(await zone.isActive(runner, gone)).toBe(false)
  expect(await zone.isActive(runner, kept)).toBe(true)
  expect(
    await zone.exchange(runner, gone, { subject_token_type: typeOf.accessToken }),
  ).toMatchObject({ status: 400 })
  const { items } = await zone.make.call('sessions.list', { kind: 'subject', limit: 500 })
  const ended = items.filter(({ issuer_id }) => issuer_id === archived.id)
  expect(ended).toMatchObject([{ state: 'terminated', end_reason: 'subject_issuer_archived' }])
  expect((await exchangeIdToken(archived, 'alice')).status).toBe(400)
})

test('nobody begins a session while their issuer is being archived', async () => {
  const archived = await newIssuer()
  await exchangeIdToken(archived, 'first')
  const answers = await Promise.all([
    ...Array.from({ length: 8 }, (_, n) => exchangeIdToken(archived, `user-${n}`)),
    archive(archived).then(() => null),
    ...Array.from({ length: 8 }, (_, n) => exchangeIdToken(archived, `late-${n}`)),
  ])
  for (const answer of answers)
    if (answer?.status === 200) expect(await zone.isActive(runner, tokenIn(answer))).toBe(false)
  const { items } = await zone.make.call('sessions.list', { state: 'active', limit: 500 })
  expect(items.filter(({ issuer_id }) => issuer_id === archived.id)).toEqual([])
})
