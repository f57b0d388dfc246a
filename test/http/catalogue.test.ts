import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogue, type OperationId } from '../../tools/catalogue.ts'
import type { Operation } from '../../tools/operation.ts'
import { examples } from '../support/examples.ts'
import { callOperation, requestIdOf } from '../support/requests.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

/** Operations that set more in motion than themselves, each part of which leaves an event too. */
const leavesMore: ReadonlySet<string> = new Set([
  'plans.apply',
  'conversations.send',
  'approvals.approve',
  'approvals.reject',
])

interface StoredEvent {
  readonly type: string
  readonly outcome: string
  readonly body: Readonly<Record<string, unknown>>
}

describe.each(catalogue.map((operation) => [operation.id, operation] as const))(
  '%s',
  (id: OperationId, operation: Operation) => {
    test('answers as it declares, and leaves the event that it should', async () => {
      const make = await newZone(world)
      const input = { ...(await examples[id](make)) }
      const caller = await make.caller(operation)
      const answer = await callOperation(world, operation, make.zone, input, caller)
      expect(answer.status, JSON.stringify(answer.body)).toBe(operation.route.status)
      expectDeclared(operation, answer)
      const events = await world.sql<StoredEvent>(
        'select type, outcome, entry as body from events where request_id = $1 order by position',
        [requestIdOf(answer)],
      )
      const own = events.filter(({ type }) => type === id)
      if (!leavesMore.has(id)) expect(events).toEqual(own)
      if (operation.effect === 'read' && operation.capability !== 'audit') expect(own).toEqual([])
      else expect(own).toEqual([expectedEvent(operation)])
      if (operation.versioned)
        expect(own[0]?.body.before_digest).not.toBe(own[0]?.body.after_digest)
    })
  },
)

/** No undeclared field leaks: what the schema keeps of an answer is the whole answer. */
function expectDeclared({ route, streams, output }: Operation, { body, headers }: Answer): void {
  const revision = body.revision as number | undefined
  expect(headers.get('etag')).toBe(revision === undefined ? null : `"${revision}"`)
  if (route.status === 204) expect(body).toBe('')
  else if (!streams) expect(output.parse(body)).toEqual(body)
}

/** A change is recorded with what it changed, by digests of before and after. */
function expectedEvent({ id, effect, versioned, callers }: Operation): unknown {
  const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/)
  const administrator = {
    kind: 'person',
    id: expect.stringMatching(/^prn_/),
    name: 'administrator',
  }
  const agent = {
    kind: 'application',
    id: expect.stringMatching(/^app_/),
    name: expect.any(String),
  }
  return {
    type: id,
    outcome: effect === 'read' ? 'allow' : 'applied',
    body: expect.objectContaining({
      actor: callers === 'agents' ? agent : administrator,
      reason: null,
      ...(versioned && {
        before_digest: digest,
        after_digest: digest,
        target: {
          kind: expect.any(String),
          id: expect.any(String),
          // Grants and versions have no name of their own.
          name: /^grants\.|\.add_version$/.test(id) ? null : expect.any(String),
        },
      }),
    }),
  }
}
