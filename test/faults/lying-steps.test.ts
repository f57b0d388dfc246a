import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FaultCode } from '../../src/kernel/faults.ts'
import { newId } from '../../src/kernel/ids.ts'
import { limits } from '../../src/kernel/limits.ts'
import type { ToolAnswer } from '../../src/operator/model/model.ts'
import { catalogue } from '../../tools/catalogue.ts'
import { converse, say } from '../support/conversations.ts'
import { application, propose, sendPlan, type Plan, type PlanStep } from '../support/plans.ts'
import { expectRefused } from '../support/refused.ts'
import { scriptedModel } from '../support/scripted-model.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/*
 * A model, or whoever calls itself one, makes up steps: ids, operations, references, numbers and
 * sizes that there are not. Each of them has its code, over HTTP and from a conversation, and none
 * is a failure of the service.
 */

const model = scriptedModel()
let world: World
let make: ZoneMaker
let other: ZoneMaker

beforeAll(async () => {
  world = await startWorld({ model })
  make = await newZone(world)
  other = await newZone(world)
})

afterAll(() => world[Symbol.asyncDispose]())

function step(id: string, rest: Partial<PlanStep> = {}): PlanStep {
  return { ...application(freshName('agent'), id), ...rest }
}

function named(id: string, name: unknown): PlanStep {
  return step(id, { input: { name } })
}

/** What a conversation's model is answered to one call of plan_propose. */
async function proposedByModel(args: Readonly<Record<string, unknown>>): Promise<ToolAnswer> {
  const conversation = await converse(world, { zone: make.zone })
  let answer: ToolAnswer | undefined
  model.follow(async (turn) => {
    answer = await turn.call('plan_propose', args)
    return 'done'
  })
  const { reply } = await say(world, conversation, 'make something up')
  expect(reply.outcome, reply.text).toBe('done')
  if (answer === undefined) throw new Error('the model was not asked')
  return answer
}

async function planCount(): Promise<number> {
  const [row] = await world.sql<{ count: number }>('select count(*)::int as count from plans')
  return row?.count ?? 0
}

/** A circle of so many steps, in which each waits for the next. */
function circle(length: number, how: 'depends_on' | 'input' | 'zone'): PlanStep[] {
  return Array.from({ length }, (_, i) => {
    const next = `s${String((i + 1) % length)}`
    if (how === 'depends_on') return step(`s${String(i)}`, { depends_on: [next] })
    const reference = `{{steps.${next}.output.id}}`
    return how === 'zone'
      ? step(`s${String(i)}`, { zone: reference })
      : named(`s${String(i)}`, { deep: [{ er: reference }] })
  })
}

describe('steps that are no plan', () => {
  const many = (count: number): PlanStep[] =>
    Array.from({ length: count }, (_, i) => application('x', `s${String(i)}`))
  const cases: readonly (readonly [string, FaultCode, () => readonly unknown[]])[] = [
    ['51 steps', 'invalid_body', () => many(limits.planSteps + 1)],
    ['9,000 steps', 'invalid_body', () => many(9_000)],
    ['an id twice, far apart', 'invalid_body', () => [...many(40), step('s0')]],
    ['an id of 41 letters', 'invalid_body', () => [step('x'.repeat(41))]],
    ['an id in look-alikes', 'invalid_body', () => [step('\u0430pp')]],
    ['ids of a prototype', 'invalid_body', () => [step('__proto__')]],
    ['51 dependencies', 'invalid_body', () => [step('a', { depends_on: Array(51).fill('b') })]],
    [
      'a dependency on a prototype',
      'unknown_reference',
      () => [step('a', { depends_on: ['__proto__'] })],
    ],
    [
      'a dependency on toString',
      'unknown_reference',
      () => [step('a', { depends_on: ['toString'] })],
    ],
    ['a dependency on nothing', 'unknown_reference', () => [step('a', { depends_on: [''] })]],
    ['itself by name', 'invalid_body', () => [named('a', '{{steps.a.output.name}}')]],
    ['itself by zone', 'invalid_body', () => [step('a', { zone: '{{ steps.a.output.id }}' })]],
    ['a reference to no step', 'unknown_reference', () => [named('a', '{{steps.b.output.id}}')]],
    ...[2, 3, 17, 50].flatMap((length) =>
      (['depends_on', 'input', 'zone'] as const).map(
        (how) =>
          [
            `a circle of ${String(length)} by ${how}`,
            'invalid_body',
            () => circle(length, how),
          ] as const,
      ),
    ),
    [
      'a key of a prototype in an input',
      'invalid_body',
      () => [step('a', { input: JSON.parse('{"name":"x","constructor":{}}') })],
    ],
    ['half of a character', 'invalid_body', () => [named('a', '\ud800')]],
    ['a character that ends strings', 'invalid_body', () => [named('a', 'x\u0000')]],
    ['a depth of 1,000', 'invalid_body', () => [named('a', nested(1_000))]],
  ]

  test.each(cases)('%s: %s', async (_, code, steps) => {
    const before = await planCount()
    await expectRefused(world, code, () => sendPlan(world, { steps: steps() }))
    expect(await proposedByModel({ steps: steps() })).toMatchObject({ ok: false, code })
    expect(await planCount()).toBe(before)
  })

  test.each<readonly [string, FaultCode, () => string]>([
    ['a number that is none', 'invalid_json', () => '{"steps":NaN}'],
    ['a number without end', 'invalid_body', () => '{"steps":1e999}'],
    ['a number for a step', 'invalid_body', () => '{"steps":[-1e999]}'],
    [
      '100,000 brackets',
      'invalid_body',
      () => `{"steps":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    ],
    ['JSON without its end', 'invalid_json', () => '{"steps":[{"id":"a"'],
    [
      'more than a megabyte',
      'payload_too_large',
      () => JSON.stringify({ steps: [named('a', 'x'.repeat(1_100_000))] }),
    ],
    [
      'a key twice, of which one is a prototype',
      'invalid_body',
      () => '{"steps":[],"__proto__":{"steps":[1]}}',
    ],
    [
      'an intent beyond all bounds',
      'invalid_body',
      () => JSON.stringify({ intent: 'x'.repeat(8_001), steps: [step('a')] }),
    ],
  ])('%s, on the wire: %s', async (_, code, body) => {
    const before = await planCount()
    await expectRefused(world, code, () => world.call('POST', 'plans', body()))
    expect(await planCount()).toBe(before)
  })
})

describe('a step that was made up is blocked', () => {
  const absent = (kind: Parameters<typeof newId>[0]): string => newId(kind, 0)
  const patch = (application_id: unknown): PlanStep => ({
    ...{ id: 'made', operation: 'applications.patch', input: { application_id, labels: ['a:b'] } },
  })
  const operation = (id: string): PlanStep => step('made', { operation: id })

  const cases: readonly (readonly [string, FaultCode, () => PlanStep | Promise<PlanStep>])[] = [
    ['an id of nothing', 'not_found', () => patch(absent('application'))],
    ['an id of another kind', 'unknown_reference', () => patch(absent('resource'))],
    ['an id of another zone', 'not_found', async () => patch((await other.application()).id)],
    ['an id in capitals', 'unknown_reference', () => patch(absent('application').toUpperCase())],
    ['an id and more', 'unknown_reference', () => patch(`${absent('application')}\u200b`)],
    ['a number for an id', 'invalid_body', () => patch(7)],
    ['a list of ids', 'invalid_body', () => patch([absent('application')])],
    ['an object for an id', 'invalid_body', () => patch({ id: absent('application') })],
    ['a property of objects for a name', 'unknown_reference', () => patch('constructor')],
    ['a prototype for a name', 'unknown_reference', () => patch('__proto__')],
    [
      'a grant of strangers',
      'not_found',
      async () => ({
        ...{ id: 'made', operation: 'grants.create' },
        input: {
          application_id: (await make.application()).id,
          resource_id: (await other.resource()).id,
          scopes: ['invoices:read'],
        },
      }),
    ],
    ...['applications.destroy', 'constructor', '__proto__', 'toString', 'hasOwnProperty', ''].map(
      (id) =>
        [`the operation ${JSON.stringify(id)}`, 'unknown_operation', () => operation(id)] as const,
    ),
    ...['Applications.create', 'applications.create ', 'applications_create', 'plan_apply'].map(
      (id) =>
        [`the operation ${JSON.stringify(id)}`, 'unknown_operation', () => operation(id)] as const,
    ),
    [
      'a number beyond all bounds',
      'invalid_body',
      () => step('made', { operation: 'zones.patch', input: { audit_retention_days: 1e308 } }),
    ],
    ['a name of a megabyte', 'invalid_body', () => named('made', 'x'.repeat(900_000))],
    [
      'a million labels',
      'invalid_body',
      () => step('made', { input: { name: 'x', labels: Array(100_000).fill('a:b') } }),
    ],
  ]

  test.each(cases)('%s: %s', async (_, code, given) => {
    const made = await given()
    const [before, mark] = [await world.state(), await world.eventCount()]
    const plan = await propose(world, [made, step('well')], { zone: make.zone })
    expectBlocked(plan, code)
    const left = (await world.events(mark)).map(({ type, outcome }) => `${type} ${outcome}`)
    expect(left).toEqual(['plans.create applied'])
    const answer = await proposedByModel({ steps: [made, step('well')] })
    if (!answer.ok) throw new Error(answer.code)
    expectBlocked(answer.value as unknown as Plan, code)
    expect(await world.state()).toBe(before)
  })

  test('a number without end: invalid_body', async () => {
    const input = { audit_retention_days: Infinity }
    const steps = [step('made', { operation: 'zones.patch', input }), step('well')]
    const body = JSON.stringify({ steps }).replace('null', '1e999')
    const sent = await world.call('POST', `/v1/zones/${make.zone}/plans`, body)
    expectBlocked(sent.body as Plan, 'invalid_body')
    const answer = await proposedByModel({ steps })
    if (!answer.ok) throw new Error(answer.code)
    expectBlocked(answer.value as unknown as Plan, 'invalid_body')
  })

  test('every operation that is no step says so, those of the Operator too', async () => {
    const unfit = catalogue.filter(({ plannable }) => !plannable).map(({ id }) => id)
    expect(unfit).toEqual(
      expect.arrayContaining([
        'plans.approve',
        'plans.apply',
        'plans.create',
        'admin_tokens.create',
      ]),
    )
    for (let from = 0; from < unfit.length; from += limits.planSteps) {
      const steps = unfit
        .slice(from, from + limits.planSteps)
        .map((id, i) => ({ id: `s${String(i)}`, operation: id }))
      const plan = await propose(world, steps, { zone: make.zone })
      for (const { operation: id, blocked } of plan.preview?.steps ?? [])
        expect({ id, code: blocked?.code }).toEqual({ id, code: 'not_plannable' })
    }
  })
})

describe('references', () => {
  test('to what no output has, to prototypes and to secrets name nothing', async () => {
    const fields = [
      ...['constructor', '__proto__', 'name.length', 'labels.map', 'labels.5', 'id.0', 'nothing'],
      ...['client_secret', 'client_secret.length', 'labels.0.length'],
    ]
    const steps = [
      step('app', { input: { name: freshName('agent'), labels: ['team:x'] } }),
      ...fields.map((field, i) => named(`r${String(i)}`, `{{steps.app.output.${field}}}`)),
    ]
    const plan = await propose(world, steps, { zone: make.zone })
    expect(plan.preview?.steps.slice(1).map(({ blocked }) => blocked?.code)).toEqual(
      fields.map(() => 'unknown_reference'),
    )
    expect(JSON.stringify(plan)).not.toMatch(/cs_[\w-]{40}/)
  })

  test('into a list give what stands there, and what is no text is no name', async () => {
    const labels = ['team:x', 'team:y']
    const steps = [
      step('app', { input: { name: freshName('agent'), labels } }),
      named('second', '{{steps.app.output.labels.1}}'),
      named('length', '{{steps.app.output.labels.length}}'),
      named('list', '{{steps.app.output.labels}}'),
    ]
    const { preview } = await propose(world, steps, { zone: make.zone })
    expect(preview?.steps.map(({ blocked }) => blocked?.code)).toEqual([
      ...[undefined, undefined, 'invalid_body', 'invalid_body'],
    ])
    expect(preview?.steps[1]?.input).toMatchObject({ name: 'team:y' })
  })

  test('a step may be called like a property of every object', async () => {
    const steps = [step('constructor'), named('after', '{{steps.constructor.output.id}}')]
    const plan = await propose(world, steps, { zone: make.zone })
    expect(plan.state).toBe('pending_approval')
  })

  test('a secret of the rehearsal is never shown, wherever it is referred to', async () => {
    const source = JSON.stringify({ risk: [] })
    const reveal = { name: 'reveal', description: '{{steps.app.output.client_secret}}' }
    const input = { ...reveal, language: 'json', source }
    const steps = [step('app'), { id: 'reveal', operation: 'policies.create', input }]
    const answer = await proposedByModel({ steps })
    expect(JSON.stringify(answer)).not.toMatch(/cs_[\w-]{40}/)
    if (!answer.ok) throw new Error(answer.code)
    const { preview, state } = answer.value as unknown as Plan
    expect(state).toBe('previewed')
    expect(preview?.steps[1]?.blocked?.code).toBe('unknown_reference')
  })
})

describe('a plan of a model reaches no zone but its own and those that it makes', () => {
  test.each<readonly [string, (zone: { id: string; slug: string }) => PlanStep[]]>([
    ['by id', ({ id }) => [step('there', { zone: id })]],
    ['by slug', ({ slug }) => [step('there', { zone: slug })]],
    [
      'by the name of something',
      ({ id }) => [named('name', id), step('there', { zone: '{{steps.name.output.name}}' })],
    ],
  ])('%s', async (_, stepsOf) => {
    const there = await world.admin.zones.get(other.zone)
    const before = await world.state()
    const answer = await proposedByModel({ steps: stepsOf(there) })
    if (!answer.ok) throw new Error(answer.code)
    const { preview, state } = answer.value as unknown as Plan
    expect(state).toBe('previewed')
    expect(preview?.steps.at(-1)?.blocked?.code).toBe('mandate_zone_mismatch')
    expect(await world.state()).toBe(before)
    const { id } = answer.value as unknown as Plan
    const again = await world.call('POST', `/v1/zones/${make.zone}/plans/${id}/preview`)
    expect(again.body.state, 'previewed again by the person').toBe('previewed')
  })

  test('a zone that it makes itself is in its reach', async () => {
    const answer = await proposedByModel({
      steps: [
        { id: 'zone', operation: 'zones.create', input: { name: freshName('made') } },
        step('there', { zone: '{{steps.zone.output.id}}' }),
        step('here', { zone: make.zone }),
      ],
    })
    expect(answer).toMatchObject({ ok: true, value: { state: 'pending_approval' } })
  })
})

function expectBlocked({ state, preview }: Plan, code: FaultCode): void {
  expect(state).toBe('previewed')
  expect(preview?.steps).toMatchObject([
    { id: 'made', effect: 'blocked', blocked: { code }, changes: [] },
    { id: 'well', effect: 'create', blocked: null },
  ])
}

function nested(depth: number): unknown {
  let value: unknown = 'bottom'
  for (let level = 0; level < depth; level += 1) value = { in: value }
  return value
}
