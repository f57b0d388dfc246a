import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogue, type OperationId } from '../../tools/catalogue.ts'
import { pathFields, type Operation } from '../../tools/operation.ts'
import { preview as previewSchema } from '../../tools/plans.ts'
import { absentIds } from '../support/any-input.ts'
import { examples } from '../support/examples.ts'
import { expectRefused } from '../support/refused.ts'
import { callOperation } from '../support/requests.ts'
import { changesBetween, rowsOf, shownChanges, withoutNewIds } from '../support/row-changes.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

const writes = (catalogue as readonly Operation[]).filter(({ effect }) => effect !== 'read')
const dryRun = { query: '?dry_run=true' }

describe.each(
  writes
    .filter(({ plannable }) => plannable)
    .map((operation) => [operation.id, operation] as const),
)('a dry run of %s', (id, operation) => {
  test('shows exactly what the write then does, and writes nothing', async () => {
    const make = await newZone(world)
    const input = { ...(await examples[id as OperationId](make)) }
    const [state, mark] = [await world.state(), await world.eventCount()]
    const { status, body } = await callOperation(world, operation, make.zone, input, dryRun)
    expect(status, JSON.stringify(body)).toBe(200)
    expect(previewSchema.parse(body)).toEqual(body)
    expect(await world.state()).toBe(state)
    expect(await world.events(mark)).toEqual([])
    expect(body.steps).toMatchObject([{ operation: id, blocked: null }])
    expect(body.events).toEqual([id])

    const before = await rowsOf(world)
    const done = await callOperation(world, operation, make.zone, input)
    expect(done.status).toBe(operation.route.status)
    const written = changesBetween(before, await rowsOf(world))
    expect(withoutNewIds(written, before)).toEqual(
      withoutNewIds(shownChanges(body.steps[0].changes), before),
    )
  })

  test('is the preview of a plan of one step', async () => {
    const make = await newZone(world)
    const input = { ...(await examples[id as OperationId](make)) }
    const { body } = await callOperation(world, operation, make.zone, input, dryRun)
    const plan = await make.call('plans.create', { steps: [{ id: 'step', operation: id, input }] })
    const known = await rowsOf(world)
    // A plan of the platform is decided in the zone in which it was proposed.
    const { policy, ...shown } = body
    expect(withoutNewIds({ ...plan.preview, policy: null }, known)).toEqual(
      withoutNewIds({ ...shown, policy: null }, known),
    )
    if (operation.place === 'zone') expect(plan.preview?.policy).toEqual(policy)
  })
})

describe.each(
  writes
    .filter(({ plannable }) => !plannable)
    .map((operation) => [operation.id, operation] as const),
)('a dry run of %s', (id, operation) => {
  test('is refused: it changes nothing that could be shown', async () => {
    const make = await newZone(world)
    const input = { ...(await examples[id as OperationId](make)) }
    const caller = await make.caller(operation)
    await expectRefused(world, 'not_plannable', () =>
      callOperation(world, operation, make.zone, input, { ...caller, ...dryRun }),
    )
  })
})

describe('a dry run', () => {
  test('of what would be refused says why, and leaves no event', async () => {
    const make = await newZone(world)
    const { name } = await make.application()
    const mark = await world.eventCount()
    const path = `/v1/zones/${make.zone}/applications`
    const { status, body } = await world.call('POST', `${path}?dry_run=true`, { name })
    expect(status).toBe(200)
    expect(body.steps).toMatchObject([
      { effect: 'blocked', changes: [], blocked: { code: 'application_name_taken' } },
    ])
    expect(await world.events(mark)).toEqual([])
  })

  test('of no change says so', async () => {
    const make = await newZone(world)
    const { id, name } = await make.application()
    const path = `/v1/zones/${make.zone}/applications/${id}?dry_run=true`
    const { body } = await world.call('PATCH', path, { name })
    expect(body).toMatchObject({ risk: 'low', steps: [{ effect: 'no-op', changes: [] }] })
  })

  test('needs what the write needs', async () => {
    const token = await world.automation('reader', ['read'])
    for (const operation of writes.filter(({ plannable }) => plannable)) {
      const answer = await callOperation(world, operation, 'default', absentIds(operation), {
        ...dryRun,
        token,
      })
      expect([operation.id, answer.body.error]).toEqual([operation.id, 'admin_token_read_only'])
    }
  })

  test('of a write to what is not there is blocked by it', async () => {
    const patches = writes.filter(
      (operation) => operation.plannable && pathFields(operation).length > 0,
    )
    for (const operation of patches) {
      const make = await newZone(world)
      const input = {
        ...(await examples[operation.id as OperationId](make)),
        ...absentIds(operation),
      }
      const { body } = await callOperation(world, operation, make.zone, input, dryRun)
      expect([operation.id, body.steps?.[0].blocked?.code]).toEqual([operation.id, 'not_found'])
    }
  })

  test('generates no secret', async () => {
    const make = await newZone(world)
    const path = `/v1/zones/${make.zone}/applications?dry_run=true`
    const { body } = await world.call('POST', path, { name: 'agent' })
    expect(JSON.stringify(body)).not.toMatch(/cs_[A-Za-z0-9_-]{10}/)
    expect(body.steps[0].changes[0].fields).toContainEqual({
      field: 'client_secret',
      before: null,
      after: 'generated at apply',
    })
    expect(body.warnings).toHaveLength(1)
  })
})
