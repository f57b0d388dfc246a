import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { catalogue, type OperationId } from '../../tools/catalogue.ts'
import { metaOf } from '../../tools/fields.ts'
import type { Operation } from '../../tools/operation.ts'
import { examples } from '../support/examples.ts'
import { witnessKey } from '../support/audit-log.ts'
import { waitingApproval } from '../support/gated.ts'
import { callOperation } from '../support/requests.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

/** The fields of an operation that take an id of something in a zone, wherever they stand in it. */
function idFields(operation: Operation): readonly string[] {
  return fieldsOf(operation.input, '').filter((path) => path !== 'zone_id')
}

function fieldsOf(schema: z.ZodType, path: string): readonly string[] {
  const ref = metaOf(schema).ref
  if (ref !== undefined) return ref === 'zone' || ref === 'adminToken' ? [] : [path]
  if (schema instanceof z.ZodObject)
    return Object.entries(schema.shape).flatMap(([key, inner]) =>
      fieldsOf(inner as z.ZodType, path === '' ? key : `${path}.${key}`),
    )
  if (schema instanceof z.ZodArray) return fieldsOf(schema.element as z.ZodType, `${path}.0`)
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable
    ? fieldsOf(schema.unwrap() as z.ZodType, path)
    : []
}

/** Puts the value at a path of one input in the place of that of another. */
function withValue(into: unknown, path: string, value: unknown): unknown {
  const [key = '', ...rest] = path.split('.')
  const inner = (into as Record<string, unknown> | undefined)?.[key]
  const replaced = rest.length === 0 ? value : withValue(inner, rest.join('.'), value)
  if (Array.isArray(into) || key === '0') return [replaced]
  return { ...(into as object), [key]: replaced }
}

function valueAt(input: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], input)
}

/** Fields that an example leaves out, by an example of another operation that has them. */
const elsewhere: Readonly<Record<string, readonly [OperationId, string]>> = {
  application_id: ['access.check', 'application_id'],
  conversation_id: ['conversations.get', 'conversation_id'],
  resource_id: ['access.check', 'resource_id'],
  credential_provider_id: ['resources.create', 'credential_provider_id'],
  version_id: ['policy_sets.activate', 'version_id'],
  source_session_id: ['sessions.get', 'session_id'],
  target_session_id: ['sessions.get', 'session_id'],
  target_application_id: ['access.check', 'application_id'],
  parent_edge_id: ['delegations.get', 'edge_id'],
}

const rows = (catalogue as readonly Operation[]).flatMap((operation) =>
  idFields(operation).map((field) => [operation.id, field, operation] as const),
)

test('every operation on one object of a zone is among them', () => {
  const covered = new Set(rows.map(([id]) => id))
  const single = catalogue.filter(({ route }) =>
    /:(?!zone_id|admin_token_id|request_id)/.test(route.path),
  )
  expect(single.filter(({ id }) => !covered.has(id))).toEqual([])
})

describe.each(rows)('%s with %s of another zone', (id, field, operation) => {
  test('is refused as if it were not there, and nothing is written', async () => {
    const [mine, other] = [await newZone(world), await newZone(world)]
    const input = { ...(await examples[id as OperationId](mine)) }
    const foreign = { ...(await examples[id as OperationId](other)) }
    const source = valueAt(foreign, field) ?? (await foreignValue(field))
    expect(source, `an id for ${field}`).toMatch(/^[a-z]+_/)
    const caller = await mine.caller(operation)
    const [state, mark] = [await world.state(), await world.eventCount()]
    const answer = await callOperation(
      world,
      operation,
      mine.zone,
      withValue(input, field, source) as Record<string, unknown>,
      caller,
    )
    expect([answer.status, answer.body.error], JSON.stringify(answer.body)).toEqual([
      404,
      'not_found',
    ])
    expect(await world.state()).toBe(state)
    expect(await world.events(mark)).toMatchObject([
      { zone_id: mine.zone, type: id, outcome: 'refused', reason: 'not_found' },
    ])

    async function foreignValue(path: string): Promise<unknown> {
      const name = path.split('.').at(-1) ?? ''
      const [example, there] = elsewhere[name] ?? []
      return example === undefined || there === undefined
        ? undefined
        : valueAt(await examples[example](other), there)
    }
  })
})

describe('a request id of another zone', () => {
  test.each(['audit.by_request', 'audit.explain'] as const)('is nothing to %s', async (id) => {
    const [mine, other] = [await newZone(world), await newZone(world)]
    const input = await examples[id](other)
    const operation = catalogue.find((one) => one.id === id)
    if (operation === undefined) throw new Error(id)
    const answer = await callOperation(world, operation, mine.zone, input)
    expect(answer.status).toBe(404)
  })
})

describe('lists of a zone', () => {
  const lists = (catalogue as readonly Operation[]).filter(
    ({ id, place }) => id.endsWith('.list') && place === 'zone',
  )

  test.each(lists.map((operation) => [operation.id, operation] as const))(
    '%s holds nothing of another',
    async (_, operation) => {
      const [mine, other] = [await newZone(world), await newZone(world)]
      for (const make of [mine, other]) {
        await make.grant()
        await make.provider()
        await make.policy()
        await make.policySetVersion()
        await make.plan()
        await make.conversation()
        await make.webhook()
        await make.call('witnesses.create', { name: 'watch', verifier_key: witnessKey() })
        await waitingApproval(make)
        await make.delegation()
        await make.subjectIssuer()
        await make.subject()
      }
      const { body } = await callOperation(world, operation, mine.zone, {})
      expect(body.items.length).toBeGreaterThan(0)
      expect(JSON.stringify(body)).not.toContain(other.zone)
      const items: { zone_id?: string }[] = body.items
      const zones = items.map((item) => item.zone_id ?? mine.zone)
      expect(new Set(zones)).toEqual(new Set([mine.zone]))
    },
  )
})
