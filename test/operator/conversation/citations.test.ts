import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { builtInPlanner } from '../../../src/operator/planner/planner.ts'
import { converse, say } from '../../support/conversations.ts'
import { scriptedModel } from '../../support/scripted-model.ts'
import { freshName, newZone, type ZoneMaker } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

/**
 * Guarantee (operator.md, Conversation): what an answer cites is worked out from what tools returned
 * in its turn. An id that a model makes up, or takes from elsewhere, is never a citation.
 */
const model = scriptedModel()
let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld({ model })
  make = await newZone(world)
})
afterAll(() => world[Symbol.asyncDispose]())

async function answer(text: string, ...tools: readonly string[]) {
  model.follow(async (turn) => {
    for (const tool of tools) {
      const told = await turn.call(tool, {})
      expect(told.ok, JSON.stringify(told)).toBe(true)
    }
    return text
  })
  const conversation = await converse(world, { zone: make.zone })
  const { reply } = await say(world, conversation, 'who is it?')
  const { messages } = await world.admin.conversations.get(make.zone, {
    conversation_id: conversation.id,
  })
  expect(messages[1]).toEqual(reply)
  expect(messages[0]).toMatchObject({ citations: [], unverified_ids: [] })
  return reply
}

function application(name: string) {
  return make.call('applications.create', { name })
}

/** Well made, and nothing's id. */
const unmade = `grt_${'0'.repeat(25)}1`

describe('an answer cites', () => {
  test('what it names, by name or by id, in its order, and nothing else that was read', async () => {
    const short = await application(freshName('mail'))
    const east = await application(`${short.name}-east`)
    const other = await make.application()
    const grant = await make.grant()
    const text = `See ${grant.id}: ${east.name}, "${other.name}"; not ${short.name}-west or x${short.name}.`
    const reply = await answer(text, 'applications_list', 'grants_list')
    expect(reply.citations).toEqual([
      { kind: 'grant', id: grant.id, name: null },
      { kind: 'application', id: east.id, name: east.name },
      { kind: 'application', id: other.id, name: other.name },
    ])
    expect(reply.unverified_ids).toEqual([])
  })

  test('every object of a name that several have, and each once', async () => {
    const { id, name } = await make.application()
    const resource = await make.call('resources.create', { name, scopes: ['a:read'] })
    const reply = await answer(`${name} ${id} ${name}`, 'applications_list', 'resources_list')
    expect(reply.citations.map((one) => one.id).toSorted()).toEqual([id, resource.id].toSorted())
  })

  test('no id that no tool returned: made up, of another zone, or read in another turn', async () => {
    const elsewhere = await (await newZone(world)).application()
    const unread = await make.resource()
    const { id, name } = await application(unmade)
    const made = [name, 'app_01ZZZZ0000', 'evt_01m8cpzzzzzzzzzzzzzzzzzzzz', elsewhere.id, unread.id]
    const text = `It is ${made.join(', ')}; the field sub_type, the tool plan_propose.`
    const reply = await answer(text, 'applications_list')
    expect(reply.citations).toEqual([{ kind: 'application', id, name }])
    expect(reply.unverified_ids).toEqual(made)
  })

  test('the events that were looked up, where it names none of few; else those that it names', async () => {
    const quiet = await newZone(world)
    make = quiet
    const silent = await answer('It was you.', 'audit_list')
    expect(silent.citations.length).toBeGreaterThan(0)
    expect(new Set(silent.citations.map(({ kind }) => kind))).toEqual(new Set(['event']))
    const [event] = silent.citations
    expect(event?.name).toMatch(/^[a-z_]+\.[a-z_]+$/)
    const named = await answer(`It was ${event?.id}.`, 'audit_list')
    expect(named.citations).toEqual([event])
  })

  test('nothing where no tool was asked, and nothing of an answer that failed', async () => {
    const { id, name } = await make.application()
    const silent = await answer(`${name} is ${id} of ${make.zone}.`)
    expect([silent.citations, silent.unverified_ids]).toEqual([[], [id]])
    model.follow(async (turn) => {
      await turn.call('applications_list', {})
      throw new Error(name)
    })
    const { reply } = await say(world, await converse(world, { zone: make.zone }), 'hm')
    expect(reply).toMatchObject({ outcome: 'failed', citations: [], unverified_ids: [] })
  })
})

test('the built-in planner’s answers rest on the objects that they name', async () => {
  const { application_id, resource_id } = await make.grant()
  const resource = await make.call('resources.get', { resource_id })
  model.follow((turn) => builtInPlanner().answer(turn))
  const conversation = await converse(world, { zone: make.zone, mode: 'ask' })
  const { reply } = await say(world, conversation, `who can read "${resource.name}"?`)
  const ids = reply.citations.map(({ id }) => id)
  expect(ids, reply.text).toContain(application_id)
  expect(ids, reply.text).toContain(resource_id)
  expect(reply.unverified_ids).toEqual([])
})
