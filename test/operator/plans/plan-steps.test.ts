import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FaultCode } from '../../../src/kernel/faults.ts'
import { limits } from '../../../src/kernel/limits.ts'
import {
  access,
  application,
  apply,
  approve,
  expectApplyRefused,
  onPlan,
  propose,
  sendPlan,
  type PlanStep,
} from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import { freshName, newZone, type ZoneMaker } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
})

afterAll(() => world[Symbol.asyncDispose]())

function step(id: string, rest: Partial<PlanStep> = {}): PlanStep {
  return { ...application(freshName('agent'), id), ...rest }
}

function many(count: number): PlanStep[] {
  return Array.from({ length: count }, (_, i) => step(`s${String(i)}`))
}

describe('steps that are no plan', () => {
  test.each<readonly [string, FaultCode, () => readonly unknown[]]>([
    ['no step', 'invalid_body', () => []],
    ['one step too many', 'invalid_body', () => many(limits.planSteps + 1)],
    ['an id twice', 'invalid_body', () => [step('one'), step('one')]],
    ['an id that is no word', 'invalid_body', () => [step('__proto__')]],
    ['an undeclared field', 'invalid_body', () => [{ ...step('one'), force: true }]],
    ['a step that is no object', 'invalid_body', () => ['applications.create']],
    ['a step on itself', 'invalid_body', () => [step('one', { depends_on: ['one'] })]],
    [
      'a circle of dependencies',
      'invalid_body',
      () => [step('one', { depends_on: ['two'] }), step('two', { depends_on: ['one'] })],
    ],
    [
      'a circle of references',
      'invalid_body',
      () => [
        step('one', { input: { name: '{{steps.two.output.id}}' } }),
        step('two', { input: { labels: ['{{steps.one.output.id}}'] } }),
      ],
    ],
    [
      'a circle through the zone of a step',
      'invalid_body',
      () => [step('one', { zone: '{{steps.one.output.id}}' })],
    ],
    ['a dependency on nothing', 'unknown_reference', () => [step('a', { depends_on: ['b'] })]],
    [
      'a reference to no step',
      'unknown_reference',
      () => [step('one', { input: { name: '{{steps.gone.output.id}}' } })],
    ],
    [
      'a reference to a property of objects',
      'unknown_reference',
      () => [step('one', { input: { name: '{{steps.constructor.output.id}}' } })],
    ],
    [
      'a prototype in the input',
      'invalid_body',
      () => [step('one', { input: JSON.parse('{"__proto__":{"name":"polluted"}}') })],
    ],
    [
      'an input without a bottom',
      'invalid_body',
      () => [step('one', { input: { name: nested(limits.jsonDepth + 1) } })],
    ],
  ])('%s: %s', async (_, code, steps) => {
    await expectRefused(world, code, () => sendPlan(world, { steps: steps() }))
    expect((await world.call('GET', 'plans')).body.items).toEqual([])
  })
})

describe('a step that cannot run is blocked, and says by what', () => {
  test.each<readonly [string, string, (make: ZoneMaker) => Partial<PlanStep>]>([
    ['no operation', 'unknown_operation', () => ({ operation: 'invoices.create' })],
    ['a property of objects', 'unknown_operation', () => ({ operation: 'constructor' })],
    ['a prototype', 'unknown_operation', () => ({ operation: '__proto__' })],
    ['an approval', 'not_plannable', () => ({ operation: 'plans.approve' })],
    ['an apply', 'not_plannable', () => ({ operation: 'plans.apply' })],
    ['an admin token', 'not_plannable', () => ({ operation: 'admin_tokens.create' })],
    ['a secret', 'not_plannable', () => ({ operation: 'providers.set_secret' })],
    ['a read', 'not_plannable', () => ({ operation: 'grants.list' })],
    ['an undeclared argument', 'invalid_body', () => ({ input: { name: 'x', admin: true } })],
    ['a missing argument', 'invalid_body', () => ({ input: {} })],
    ['a wrong type', 'invalid_body', () => ({ input: { name: 7 } })],
    ['a reserved name', 'reserved_namespace', () => ({ input: { name: 'caracal.sys/operator' } })],
    ['an unknown zone', 'zone_not_found', () => ({ zone: 'nowhere' })],
    [
      'the reserved zone',
      'system_zone_read_only',
      () => ({ zone: 'caracal-sys', input: { name: 'intruder' } }),
    ],
    [
      'a name that names nothing',
      'unknown_reference',
      () => ({ operation: 'applications.delete', input: { application_id: 'nobody' } }),
    ],
    [
      'an id that names nothing',
      'not_found',
      () => ({
        operation: 'applications.delete',
        input: { application_id: 'app_00000000000000000000000000' },
      }),
    ],
  ])('%s: %s', async (_, code, rest) => {
    const plan = await propose(world, [step('one', rest(make)), step('two')])
    expect(plan.state).toBe('previewed')
    expect(plan.preview?.steps).toMatchObject([
      { id: 'one', effect: 'blocked', blocked: { code }, changes: [] },
      { id: 'two', effect: 'create', blocked: null },
    ])
    const digest = plan.digest ?? ''
    await expectRefused(world, 'plan_state', () => onPlan(world, plan, 'approve', { digest }))
    await expectApplyRefused(world, plan, 'plan_state', 'not asked for')
  })

  test('another object’s name, an object of another zone, an archived one', async () => {
    const taken = await make.application()
    const gone = await make.application()
    await make.call('applications.delete', { application_id: gone.id })
    const other = await (await newZone(world)).application()
    const patch = (id: string, application_id: string): PlanStep => ({
      id,
      operation: 'applications.patch',
      input: { application_id, labels: ['team:x'] },
    })
    const steps = [application(taken.name), patch('foreign', other.id), patch('gone', gone.id)]
    const plan = await propose(world, steps, { zone: make.zone })
    expect(plan.preview?.steps.map(({ blocked }) => blocked?.code)).toEqual([
      'application_name_taken',
      'not_found',
      'archived',
    ])
  })

  test('what depends on it is blocked too; what does not is previewed', async () => {
    const plan = await propose(world, [
      step('bad', { operation: 'nothing.create' }),
      step('named', { input: { name: '{{steps.bad.output.id}}' } }),
      step('after', { depends_on: ['named'] }),
      step('free'),
    ])
    expect(plan.preview?.steps.map(({ id, blocked }) => [id, blocked?.code])).toEqual([
      ['bad', 'unknown_operation'],
      ['named', 'plan_blocked'],
      ['after', 'plan_blocked'],
      ['free', undefined],
    ])
  })

  test('a field that an output does not have is named by no reference', async () => {
    const fields = ['nothing', 'constructor', '__proto__', 'name.length', 'labels.map', 'id.0']
    const plan = await propose(world, [
      step('app'),
      ...fields.map((field, i) =>
        step(`r${String(i)}`, { input: { name: `{{steps.app.output.${field}}}` } }),
      ),
    ])
    expect(plan.preview?.steps.slice(1).map(({ blocked }) => blocked?.code)).toEqual(
      fields.map(() => 'unknown_reference'),
    )
  })
})

describe('order and names', () => {
  test('the order of the steps is found from their references', async () => {
    const plan = await propose(world, access(freshName()).reverse())
    expect(plan.preview?.steps.map(({ id }) => id)).toEqual(['res', 'app', 'grant'])
    await approve(world, plan)
    expect((await apply(world, plan)).plan.state).toBe('applied')
  })

  test('objects may be named; what is shown, approved and applied names them by id', async () => {
    const [app, res] = [await make.application(), await make.resource()]
    const input = { application_id: app.name.toUpperCase(), resource_id: res.name, scopes: [] }
    const named = { ...input, scopes: ['invoices:read'] }
    const steps = [{ id: 'grant', operation: 'grants.create', input: named }]
    const plan = await propose(world, steps, { zone: make.zone })
    const ids = { application_id: app.id, resource_id: res.id }
    expect(plan.preview?.steps[0]?.input).toMatchObject(ids)
    await apply(world, await approve(world, plan))
    const { items } = await make.call('grants.list', ids)
    expect(items).toMatchObject([{ scopes: ['invoices:read'] }])
  })

  test('a name that an earlier step gives is found', async () => {
    const res = await make.resource()
    const steps = [
      application('Fresh Agent'),
      {
        id: 'grant',
        operation: 'grants.create',
        depends_on: ['app'],
        input: { application_id: 'fresh agent', resource_id: res.id, scopes: ['invoices:read'] },
      },
    ]
    const plan = await propose(world, steps, { zone: make.zone })
    await apply(world, await approve(world, plan))
    const { items } = await make.call('grants.list', { resource_id: res.id })
    expect(items).toHaveLength(1)
  })

  test('a plan of as many steps as there may be is applied whole', async () => {
    const own = await newZone(world)
    const { zone } = own
    const plan = await propose(world, many(limits.planSteps), { zone })
    const applied = await apply(world, await approve(world, plan))
    expect(applied.events).toHaveLength(limits.planSteps)
    expect(applied.secrets).toHaveLength(limits.planSteps)
    const ids = (await own.call('applications.list', {})).items.map(({ id }) => id)
    expect(ids.sort()).toEqual(plan.preview?.steps.map(({ changes }) => changes[0]?.id).sort())
  })
})

interface Draw {
  readonly kind: 'application' | 'resource' | 'grant' | 'policy' | 'relabel' | 'rescope' | 'archive'
  readonly pick: number
  readonly words: readonly string[]
}

const draws: fc.Arbitrary<Draw[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<Draw['kind']>(
      ...(['application', 'resource', 'grant', 'policy', 'relabel', 'rescope', 'archive'] as const),
    ),
    pick: fc.nat(5),
    words: fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}:[a-z]{1,8}$/), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
  { minLength: 1, maxLength: 8 },
)

/** Steps that refer to what earlier ones have made; a draw that has nothing to refer to makes it. */
function stepsOf(drawn: readonly Draw[]): PlanStep[] {
  const steps: PlanStep[] = []
  const made = { application: [] as string[], resource: [] as string[] }
  const add = (operation: string, input: PlanStep['input'] = {}): string => {
    const id = `s${String(steps.length)}`
    steps.push({ id, operation, input })
    return `{{steps.${id}.output.id}}`
  }
  const creates = {
    application: (words: readonly string[]) =>
      add('applications.create', { name: freshName('agent'), labels: words }),
    resource: (words: readonly string[]) =>
      add('resources.create', { name: freshName('Things'), scopes: ['a:read', ...words] }),
  }
  const one = (kind: keyof typeof made, { pick, words }: Draw): string => {
    if (made[kind].length === 0) made[kind].push(creates[kind](words))
    return made[kind][pick % made[kind].length] ?? ''
  }
  for (const draw of drawn) {
    const { kind, words } = draw
    if (kind === 'application' || kind === 'resource') made[kind].push(creates[kind](words))
    if (kind === 'policy')
      add('policies.create', {
        name: freshName('policy'),
        language: 'json',
        source: JSON.stringify({ risk: words.map((scope) => ({ scope, tier: 'high' })) }),
      })
    if (kind === 'grant')
      add('grants.create', {
        application_id: one('application', draw),
        resource_id: one('resource', draw),
        scopes: ['a:read'],
      })
    if (kind === 'relabel')
      add('applications.patch', { application_id: one('application', draw), labels: words })
    if (kind === 'rescope')
      add('resources.patch', { resource_id: one('resource', draw), scopes: ['a:read', ...words] })
    if (kind === 'archive') add('applications.delete', { application_id: one('application', draw) })
  }
  return steps
}

const tables: Readonly<Record<string, string>> = {
  application: 'applications',
  resource: 'resources',
  grant: 'grants',
  policy: 'policies',
  policyVersion: 'policy_versions',
}

/** The shown fields of an object as they lie in the database. */
async function stored(kind: string, id: string): Promise<Record<string, unknown>> {
  const [row] = await world.sql(`select * from ${tables[kind] ?? ''} where id = $1`, [id])
  return JSON.parse(JSON.stringify(row ?? null)) as Record<string, unknown>
}

test('what is applied is what was shown: the same ids, every field as it was previewed', async () => {
  const { zone } = await newZone(world)
  await fc.assert(
    fc.asyncProperty(draws, async (drawn) => {
      const plan = await propose(world, stepsOf(drawn), { zone })
      if (plan.state !== 'pending_approval') return
      const released = await approve(world, plan, { reason: 'alone here' })
      const { plan: applied } = await apply(world, released)
      expect(applied.preview).toEqual(plan.preview)
      const last = new Map<string, { kind: string; fields: Map<string, unknown> }>()
      for (const { kind, id, effect, fields } of applied.preview?.steps.flatMap((s) => s.changes) ??
        []) {
        if (effect === 'archive') continue
        const known = last.get(id) ?? { kind, fields: new Map<string, unknown>() }
        for (const { field, after } of fields) known.fields.set(field, after)
        last.set(id, known)
      }
      for (const [id, { kind, fields }] of last) {
        const row = await stored(kind, id)
        for (const [field, after] of fields)
          if (after !== 'generated at apply') expect(row[field], `${kind}.${field}`).toEqual(after)
      }
    }),
    { numRuns: 25 },
  )
})

function nested(depth: number): unknown {
  return depth === 0 ? 'bottom' : { in: nested(depth - 1) }
}
