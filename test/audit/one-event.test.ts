import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogue } from '../../tools/catalogue.ts'
import type { Operation } from '../../tools/operation.ts'
import { grantTypes, tokenTypes } from '../../src/sts/grant-types.ts'
import { agentsIn, type Agents, type Runner } from '../support/agents.ts'
import { absentIds } from '../support/any-input.ts'
import { callOperation, requestIdOf } from '../support/requests.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

/**
 * Guarantee: every act leaves its one event, refusals too and early ones too. What each operation leaves
 * when it is allowed is test/http/catalogue.test.ts; here it is refused, and the token endpoint is asked both ways.
 */
let world: World
let make: ZoneMaker
let agents: Agents
let client: Runner

beforeAll(async () => {
  world = await startWorld({ rates: { admin_failures_of_source: 1_000_000 } })
  make = await newZone(world)
  agents = await agentsIn(world, make)
  client = await agents.granted(['invoices:read'])
})
afterAll(() => world[Symbol.asyncDispose]())

interface Left {
  readonly type: string
  readonly outcome: string
  readonly request_id: string
}

/** What one request has left in all logs. */
async function left(ask: () => Promise<Answer>): Promise<{ answer: Answer; events: Left[] }> {
  const mark = await world.eventCount()
  const answer = await ask()
  const events = await world.events(mark)
  return {
    answer,
    events: events.map(({ type, outcome, request_id }) => ({ type, outcome, request_id })),
  }
}

describe.each(catalogue.map((operation) => [operation.id, operation] as const))(
  '%s leaves one event',
  (id, operation: Operation) => {
    test.each([
      ['without a credential', null],
      ['with a credential that is none', 'cat_wrong'],
      ['with a mandate that is none', 'a.b.c'],
    ])('%s', async (_, token) => {
      const { answer, events } = await left(() =>
        callOperation(world, operation, make.zone, absentIds(operation), { token }),
      )
      expect(answer.status).toBe(401)
      expect(events).toEqual([{ type: id, outcome: 'refused', request_id: requestIdOf(answer) }])
    })

    test('for a zone that does not exist, and for input that it does not take', async () => {
      const odd = { ...absentIds(operation), undeclared_field: '1' }
      const zones = operation.place === 'zone' ? ['nowhere', make.zone] : [make.zone]
      for (const zone of zones) {
        const { answer, events } = await left(() => callOperation(world, operation, zone, odd))
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(events).toEqual([{ type: id, outcome: 'refused', request_id: requestIdOf(answer) }])
      }
    })
  },
)

type Form = Readonly<Record<string, string>>

/** A request of each grant that the endpoint refuses once it knows which one it is. */
const grants: readonly (readonly [type: string, form: Form])[] = [
  ['token.client_credentials', { grant_type: grantTypes.clientCredentials }],
  ['token.authorization_code', { grant_type: grantTypes.authorizationCode }],
  ['token.refresh_token', { grant_type: grantTypes.refreshToken }],
  ...(
    [
      ['token.exchange', tokenTypes.accessToken],
      ['token.exchange', tokenTypes.jwt],
      ['token.id_token', tokenTypes.idToken],
      ['token.agent_session', tokenTypes.agentSession],
      ['token.delegation', tokenTypes.delegation],
      ['token.read_mandate', tokenTypes.conversation],
      ['token.plan_mandate', tokenTypes.plan],
    ] as const
  ).map(
    ([type, subject_token_type]) =>
      [type, { grant_type: grantTypes.tokenExchange, subject_token_type }] as const,
  ),
]

describe('the token endpoint leaves one event', () => {
  test.each(grants)('for a refused request: %s', async (type, form) => {
    const wrong = { client_id: client.id, client_secret: 'cs_wrong' }
    const right = { client_id: client.id, client_secret: client.secret }
    const forms: Form[] = [
      { ...form, ...wrong },
      {
        ...form,
        ...right,
        subject_token: 'a.b.c',
        code: 'wrong',
        refresh_token: 'wrong',
        scope: 'no',
      },
    ]
    for (const one of forms) {
      const { answer, events } = await left(() => world.oauth('token', { ...one }, make.zone))
      expect(answer.status, JSON.stringify(answer.body)).toBeGreaterThanOrEqual(400)
      expect(events).toEqual([{ type, outcome: 'deny', request_id: requestIdOf(answer) }])
    }
  })

  test.each([
    ['a grant that is unknown', { grant_type: 'password' }, undefined],
    ['no grant', {}, undefined],
    ['a zone that does not exist', { grant_type: grantTypes.clientCredentials }, 'nowhere'],
    [
      'a token type that is unknown',
      { grant_type: grantTypes.tokenExchange, subject_token_type: 'x' },
      undefined,
    ],
  ])('for %s', async (_, form, zone) => {
    const { answer, events } = await left(() => world.oauth('token', form, zone ?? make.zone))
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(events).toEqual([
      { type: 'token.request', outcome: 'deny', request_id: requestIdOf(answer) },
    ])
  })

  test('for what is allowed, of every grant that an application has', async () => {
    const lender = await agents.granted(['invoices:read'])
    const from = await agents.agent(lender)
    const to = await agents.agent(client)
    const edge = await agents.delegate(from, {
      target_application_id: client.id,
      resource_id: agents.resource.id,
      scopes: ['invoices:read'],
    })
    const subject = await agents.subject(client)
    const scope = { resource: agents.resource.identifier, scope: 'invoices:read' }
    const asked: readonly (readonly [string, () => Promise<Answer>])[] = [
      [
        'token.client_credentials',
        () => agents.ask(client, { grant_type: grantTypes.clientCredentials, ...scope }),
      ],
      ['token.exchange', () => agents.exchange(client, subject, scope)],
      ['token.delegation', () => agents.act(to, edge.id, scope)],
      [
        'token.agent_session',
        () =>
          agents.ask(client, {
            grant_type: grantTypes.tokenExchange,
            subject_token_type: tokenTypes.agentSession,
            subject_token: to.session.id,
          }),
      ],
      ['token.introspect', () => endpoint('introspect', subject)],
      ['token.revoke', () => endpoint('revoke', subject)],
      ['token.introspect', () => endpoint('introspect', 'nonsense')],
    ]
    for (const [type, ask] of asked) {
      const { answer, events } = await left(ask)
      expect(answer.status, `${type}: ${JSON.stringify(answer.body)}`).toBe(200)
      expect(events).toEqual([{ type, outcome: 'allow', request_id: requestIdOf(answer) }])
    }
  })

  test.each(['introspect', 'revoke'])('for a client that is unknown at %s', async (where) => {
    const form = { client_id: client.id, client_secret: 'cs_wrong', token: 'x' }
    const { answer, events } = await left(() => world.oauth(where, form, make.zone))
    expect(answer.status).toBe(401)
    expect(events).toEqual([
      { type: `token.${where}`, outcome: 'deny', request_id: requestIdOf(answer) },
    ])
  })
})

function endpoint(name: string, token: string): Promise<Answer> {
  const form = { client_id: client.id, client_secret: client.secret, token }
  return world.oauth(name, form, make.zone)
}
