import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogue, findOperation, type OperationId } from '../../tools/catalogue.ts'
import { objectOf, pathFields, type Operation } from '../../tools/operation.ts'
import { examples } from '../support/examples.ts'
import { expectError, expectRefused } from '../support/refused.ts'
import { callOperation } from '../support/requests.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

/** Objects without a revision: what runs at this moment, and talk about it. */
const unversioned: ReadonlySet<string> = new Set(['conversations', 'sessions', 'delegations'])

/** Writes whose target is an object with a revision of its own, or the zone that they add to. */
const writes = (catalogue as readonly Operation[]).filter(
  (operation) =>
    operation.effect !== 'read' &&
    !unversioned.has(objectOf(operation)) &&
    // The STS gives the mandate of an apply, with an event of its own, before the plan is locked.
    operation.id !== 'plans.apply',
)

/** The ETag that a client has seen of what the write is about. */
async function etagOf(
  make: ZoneMaker,
  operation: Operation,
  input: Record<string, unknown>,
): Promise<string> {
  const read = findOperation(`${objectOf(operation)}.get`)
  const field = pathFields(operation).at(-1)
  if (field !== undefined && read !== undefined) {
    const answer = await callOperation(world, read, make.zone, { [field]: input[field] })
    return answer.headers.get('etag') ?? ''
  }
  if (field !== undefined) {
    const tokens = await make.call('admin_tokens.list', { limit: 500 })
    return `"${tokens.items.find(({ id }) => id === input[field])?.revision ?? ''}"`
  }
  const zone = operation.place === 'zone' ? make.zone : 'caracal-sys'
  return (await world.call('GET', `/v1/zones/${zone}`)).headers.get('etag') ?? ''
}

describe.each(writes.map((operation) => [operation.id, operation] as const))(
  'If-Match on %s',
  (id, operation) => {
    test('with another revision is refused, with the one that was read goes through', async () => {
      const make = await newZone(world)
      const input = { ...(await examples[id as OperationId](make)) }
      const etag = await etagOf(make, operation, input)
      expect(etag).toMatch(/^"\d+"$/)
      const revision = Number(etag.slice(1, -1))
      const send = (match: string) =>
        callOperation(world, operation, make.zone, input, { headers: { 'if-match': match } })
      const refused = await expectRefused(world, 'revision_conflict', () =>
        send(`"${revision + 1}"`),
      )
      expect(refused.body.details).toEqual({ expected: revision + 1, current: revision })
      const done = await send(etag)
      expect(done.status, JSON.stringify(done.body)).toBe(operation.route.status)
    })
  },
)

describe('If-Match', () => {
  test('is read again after every change', async () => {
    const make = await newZone(world)
    const { id } = await make.application()
    const path = `/v1/zones/${make.zone}/applications/${id}`
    const patch = (match: string) =>
      world.call('PATCH', path, { name: freshName('agent') }, { headers: { 'if-match': match } })
    const first = (await world.call('GET', path)).headers.get('etag') ?? ''
    const second = (await patch(first)).headers.get('etag') ?? ''
    expect(second).not.toBe(first)
    await expectRefused(world, 'revision_conflict', () => patch(first))
    expect((await patch(second)).status).toBe(200)
  })

  test('* asks for nothing, and a weak tag counts as its revision', async () => {
    const make = await newZone(world)
    const { id, revision } = await make.application()
    const path = `/v1/zones/${make.zone}/applications/${id}`
    for (const match of ['*', `W/"${revision}"`]) {
      const headers = { 'if-match': match }
      expect((await world.call('PATCH', path, {}, { headers })).status).toBe(200)
    }
  })

  test('of ten writers with the same tag lets one through', async () => {
    const make = await newZone(world)
    const { id, revision } = await make.application()
    const path = `/v1/zones/${make.zone}/applications/${id}`
    const headers = { 'if-match': `"${revision}"` }
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        world.call('PATCH', path, { name: freshName('agent') }, { headers }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(412)])
  })

  test('on a dry run is checked too', async () => {
    const make = await newZone(world)
    const { id } = await make.application()
    const path = `/v1/zones/${make.zone}/applications/${id}?dry_run=true`
    await expectRefused(world, 'revision_conflict', () =>
      world.call('DELETE', path, undefined, { headers: { 'if-match': '"999"' } }),
    )
  })

  test('on the apply of a plan refuses without ending the plan', async () => {
    const make = await newZone(world)
    const { id, digest, revision } = await make.plan()
    await make.call('plans.approve', { plan_id: id, digest: digest ?? '' })
    const path = `/v1/zones/${make.zone}/plans/${id}`
    const state = await world.state()
    const apply = (headers: Record<string, string>) =>
      world.call('POST', `${path}/apply`, {}, { headers })
    expectError(await apply({ 'if-match': `"${revision}"` }), 'revision_conflict')
    expect(await world.state()).toBe(state)
    expect((await world.call('GET', path)).body.state).toBe('approved')
    const etag = (await world.call('GET', path)).headers.get('etag') ?? ''
    expect((await apply({ 'if-match': etag })).body.plan.state).toBe('applied')
  })

  test('on what has no ETag never matches', async () => {
    const make = await newZone(world)
    const { id } = await make.conversation()
    const path = `/v1/zones/${make.zone}/operator/conversations/${id}`
    await expectRefused(world, 'revision_conflict', () =>
      world.call('DELETE', path, undefined, { headers: { 'if-match': '"1"' } }),
    )
  })
})
