import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/kernel/limits.ts'
import { catalogue } from '../../tools/catalogue.ts'
import { application, propose, sendPlan, type Plan, type PlanStep } from '../support/plans.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
})

afterAll(() => world[Symbol.asyncDispose]())

/** A graph without circles: each step may need those with a smaller number. */
interface Drawn {
  readonly steps: readonly PlanStep[]
  readonly shuffled: readonly PlanStep[]
}

/** How one step needs another. */
const ties = fc.constantFrom<'depends_on' | 'label' | 'description'>(
  ...(['depends_on', 'label', 'description'] as const),
)

const graphs: fc.Arbitrary<Drawn> = fc
  .integer({ min: 2, max: limits.planSteps })
  .chain((count) =>
    fc.tuple(
      ...Array.from({ length: count }, (_, nth) =>
        fc.array(fc.tuple(fc.nat(Math.max(0, nth - 1)), ties), { maxLength: nth === 0 ? 0 : 3 }),
      ),
    ),
  )
  .chain((needed) => {
    const steps = needed.map((edges, nth) => stepOf(nth, edges))
    const orders = fc.shuffledSubarray(steps, { minLength: steps.length, maxLength: steps.length })
    return orders.map((shuffled) => ({ steps, shuffled }))
  })

function stepOf(nth: number, edges: readonly (readonly [number, string])[]): PlanStep {
  const needs = (tie: string) =>
    edges.filter(([, kind]) => kind === tie).map(([other]) => `s${String(other)}`)
  const [described] = needs('description')
  const labels = needs('label').map((id) => `{{steps.${id}.output.id}}`)
  const depends_on = needs('depends_on')
  // A policy can quote another step in its text, an application in its labels.
  if (described === undefined)
    return {
      ...application(`agent ${String(nth)}`, `s${String(nth)}`),
      input: { name: `agent ${String(nth)}`, labels: [...new Set(labels)] },
      depends_on,
    }
  const description = `{{steps.${described}.output.name}}`
  const source = JSON.stringify({ risk: [] })
  const input = { name: `policy ${String(nth)}`, description, language: 'json', source }
  return { id: `s${String(nth)}`, operation: 'policies.create', input, depends_on }
}

function needsOf({ input, depends_on = [] }: PlanStep): readonly string[] {
  const quoted = JSON.stringify(input).matchAll(/\{\{steps\.(s\d+)\./g)
  return [...depends_on, ...[...quoted].map(([, id = '']) => id)]
}

/** What a plan shows of each step, whatever the order, and with new ids called by their step. */
function shownBy({ preview }: Plan): Readonly<Record<string, unknown>> {
  const steps = preview?.steps ?? []
  const idOf = new Map(steps.map(({ id, changes }) => [changes[0]?.id ?? '', id]))
  const text = JSON.stringify(Object.fromEntries(steps.map((step) => [step.id, step])))
  const named = text.replace(/\b(?:app|polv?)_[0-9a-z]{26}\b/g, (id) => idOf.get(id) ?? 'version')
  return JSON.parse(named) as Record<string, unknown>
}

test('whatever the order of the steps, each comes after what it needs, and shows the same', async () => {
  await fc.assert(
    fc.asyncProperty(graphs, async ({ steps, shuffled }) => {
      const as = { zone: make.zone }
      const [sorted, mixed] = [await propose(world, steps, as), await propose(world, shuffled, as)]
      const order = mixed.preview?.steps.map(({ id }) => id) ?? []
      expect([...order].sort()).toEqual(steps.map(({ id }) => id).sort())
      for (const step of steps)
        for (const needed of needsOf(step))
          expect(order.indexOf(needed)).toBeLessThan(order.indexOf(step.id))
      expect(mixed.state).toBe('pending_approval')
      expect(shownBy(mixed)).toEqual(shownBy(sorted))
    }),
    { numRuns: 15 },
  )
})

const word = fc.constantFrom(
  ...['a', 'b', 'app', 'constructor', '__proto__', 'toString', 'hasOwnProperty', ''],
  ...[
    '{{steps.a.output.id}}',
    '{{steps.b.output.constructor}}',
    '{{steps.}}',
    '{{steps.a.output}}',
  ],
  ...['\u0000', '\ud800', '\u202e', '%s', '1e999', 'NaN', '*', 'x'.repeat(300)],
)

const value: fc.Arbitrary<unknown> = fc.oneof(
  { maxDepth: 3 },
  word,
  fc.constantFrom(null, true, -0, 1e308, -1, 2 ** 53, 0.1),
  fc.array(fc.oneof(word, fc.array(word, { maxLength: 2 })), { maxLength: 3 }),
  fc.dictionary(word, word, { maxKeys: 3 }),
)

/** The fields that operations have, so that some garbage comes far. */
const fields = [...new Set(catalogue.flatMap(({ input }) => Object.keys(input.shape)))]

const garbage = fc.record(
  {
    id: fc.oneof({ weight: 6, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') }, value),
    operation: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...catalogue.map(({ id }) => id as string)) },
      value,
    ),
    zone: fc.oneof(word, value),
    input: fc.oneof(
      { weight: 6, arbitrary: fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 5 }) },
      value,
    ),
    depends_on: fc.oneof(fc.array(fc.constantFrom('a', 'b', 'c', 'z'), { maxLength: 2 }), value),
  },
  { requiredKeys: ['id', 'operation'] },
)

test('garbage for steps is refused or blocked, and never a failure; nothing is written', async () => {
  const before = await world.state()
  await fc.assert(
    fc.asyncProperty(fc.array(garbage, { minLength: 1, maxLength: 6 }), async (steps) => {
      const mark = await world.eventCount()
      const answer = await sendPlan(world, { steps }, { zone: make.zone })
      expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(500)
      expect(await world.eventCount()).toBe(mark + 1)
      if (answer.status === 201)
        expect((answer.body as Plan).preview?.steps).toHaveLength(steps.length)
    }),
    { numRuns: 150 },
  )
  expect(await world.state()).toBe(before)
})
