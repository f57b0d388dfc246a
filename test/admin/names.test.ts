import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findOperation, type OperationId } from '../../tools/catalogue.ts'
import type { FaultCode } from '../../src/kernel/faults.ts'
import { foldName } from '../../src/kernel/names.ts'
import { expectError, expectRefused } from '../support/refused.ts'
import { callOperation } from '../support/requests.ts'
import { freshName, newZone, scopes, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

interface Kind {
  readonly create: OperationId
  readonly taken: FaultCode
  /** What the object needs besides its name. */
  readonly rest: () => Readonly<Record<string, unknown>>
  readonly patch: { readonly id: OperationId; readonly field: string } | null
  readonly remove: { readonly id: OperationId; readonly field: string }
}

const source = '{"risk":[]}'

const kinds: readonly Kind[] = [
  {
    create: 'zones.create',
    taken: 'zone_name_taken',
    rest: () => ({ slug: freshName('slug') }),
    patch: { id: 'zones.patch', field: '' },
    remove: { id: 'zones.delete', field: '' },
  },
  {
    create: 'applications.create',
    taken: 'application_name_taken',
    rest: () => ({}),
    patch: { id: 'applications.patch', field: 'application_id' },
    remove: { id: 'applications.delete', field: 'application_id' },
  },
  {
    create: 'providers.create',
    taken: 'provider_name_taken',
    rest: () => ({ settings: { kind: 'none' } }),
    patch: { id: 'providers.patch', field: 'provider_id' },
    remove: { id: 'providers.delete', field: 'provider_id' },
  },
  {
    create: 'resources.create',
    taken: 'resource_name_taken',
    rest: () => ({ identifier: `https://${freshName('r')}.example/`, scopes }),
    patch: { id: 'resources.patch', field: 'resource_id' },
    remove: { id: 'resources.delete', field: 'resource_id' },
  },
  {
    create: 'policies.create',
    taken: 'policy_name_taken',
    rest: () => ({ language: 'json', source }),
    patch: null,
    remove: { id: 'policies.delete', field: 'policy_id' },
  },
  {
    create: 'policy_sets.create',
    taken: 'policy_set_name_taken',
    rest: () => ({}),
    patch: null,
    remove: { id: 'policy_sets.delete', field: 'policy_set_id' },
  },
]

function send(id: OperationId, zone: string, input: object): Promise<Answer> {
  const operation = findOperation(id)
  if (operation === undefined) throw new Error(id)
  return callOperation(world, operation, zone, { ...input })
}

function create(kind: Kind, make: ZoneMaker, name: string): Promise<Answer> {
  return send(kind.create, make.zone, { name, ...kind.rest() })
}

/** Sends `change` for an object that exists; a zone is the call's zone itself. */
function change(
  { id, field }: { id: OperationId; field: string },
  make: ZoneMaker,
  objectId: string,
  input: object = {},
): Promise<Answer> {
  return field === ''
    ? send(id, objectId, input)
    : send(id, make.zone, { [field]: objectId, ...input })
}

describe.each(kinds.map((kind) => [kind.create, kind] as const))(
  'a name given to %s',
  (_, kind) => {
    test.each([
      ['the same', 'Team Straße'],
      ['another case', 'TEAM STRASSE'],
      ['another form', 'Ｔｅａｍ Straße'],
      ['other spaces', '  Team\u2003 Straße '],
    ])('is taken for %s, and writes nothing', async (_why, again) => {
      const make = await newZone(world)
      const name = `Team Straße`
      const first = await create(kind, make, name)
      expect([201, kind.taken]).toContain(first.body.error ?? first.status)
      await expectRefused(world, kind.taken, () => create(kind, make, again))
    })

    test('is taken for a change to it', async () => {
      if (kind.patch === null) return
      const make = await newZone(world)
      const { patch } = kind
      const names = [freshName('One'), freshName('Two')]
      const [one = '', two = ''] = names
      const { body } = await create(kind, make, one)
      expect((await create(kind, make, two)).status).toBe(201)
      await expectRefused(world, kind.taken, () =>
        change(patch, make, body.id, { name: two.toUpperCase() }),
      )
      const own = await change(patch, make, body.id, { name: one.toUpperCase() })
      expect([own.status, own.body.name]).toEqual([200, one.toUpperCase()])
    })

    test('is free again once its object is archived', async () => {
      const make = await newZone(world)
      const name = freshName('Again')
      const { body } = await create(kind, make, name)
      expect((await change(kind.remove, make, body.id)).status).toBe(204)
      expect((await create(kind, make, name)).status).toBe(201)
    })

    test('in another zone is another name', async () => {
      if (kind.create === 'zones.create') return
      const name = freshName('Shared')
      for (const make of [await newZone(world), await newZone(world)])
        expect((await create(kind, make, name)).status).toBe(201)
    })

    test('of ten at once goes to one', async () => {
      const make = await newZone(world)
      const name = freshName('Race')
      const answers = await Promise.all(Array.from({ length: 10 }, () => create(kind, make, name)))
      expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)])
    })

    test.each([
      ['empty', ''],
      ['of spaces', ' \u2003 '],
      ['of 121 characters', 'n'.repeat(121)],
      ['with a line end', 'a\nb'],
      ['with a tab', 'a\tb'],
      ['with a zero-width space', 'a\u200bb'],
      ['that turns the direction of text', 'a\u202eb'],
      ['of a blank letter', '\u3164'],
      ['with half a character', 'a\ud800'],
      ['with a NUL', 'a\u0000'],
      ['that is a number', 7],
      ['that is null', null],
    ])('%s is no name', async (_why, name) => {
      const make = await newZone(world)
      await expectRefused(world, 'invalid_body', () =>
        send(kind.create, make.zone, { ...kind.rest(), name }),
      )
    })
  },
)

describe('any two names', () => {
  test('exist together exactly where they differ after NFKC and case folding', async () => {
    const make = await newZone(world)
    const word = fc
      .array(fc.constantFrom(...Array.from('aAáÁａßẞſsSσςΣkKKﬁF i1①é'), 'e\u0301', 'ǆ', 'Ǆ'), {
        minLength: 1,
        maxLength: 4,
      })
      .map((parts) => parts.join('').trim())
      .filter((name) => name !== '')
    const given = new Map<string, string>()
    await fc.assert(
      fc.asyncProperty(word, async (name) => {
        const answer = await send('policy_sets.create', make.zone, { name })
        const key = foldName(name)
        if (given.has(key)) expectError(answer, 'policy_set_name_taken')
        else expect([answer.status, answer.body.name]).toEqual([201, name])
        given.set(key, name)
      }),
      { numRuns: 150 },
    )
  })
})

describe('the slug of a zone', () => {
  test('is made from its name, and stays its own when the zone is archived', async () => {
    const name = `Größe ${freshName('Team')}!`
    const { body } = await world.call('POST', '/v1/zones', { name })
    expect(body.slug).toBe(`gr-sse-${foldName(name).split(' ')[1]?.slice(0, -1)}`)
    expect((await world.call('DELETE', `/v1/zones/${body.slug}`)).status).toBe(204)
    await expectRefused(world, 'zone_name_taken', () => world.call('POST', '/v1/zones', { name }))
    const again = await world.call('POST', '/v1/zones', { name, slug: freshName('team') })
    expect(again.status).toBe(201)
  })

  test.each(['Default', 'a_b', '-a', 'a-', 'a b', 'ä', '', 'x'.repeat(64)])(
    'is not %j',
    async (slug) => {
      await expectRefused(world, 'invalid_body', () =>
        world.call('POST', '/v1/zones', { name: freshName('zone'), slug }),
      )
    },
  )

  test('must be given where none can be made', async () => {
    await expectRefused(world, 'invalid_body', () =>
      world.call('POST', '/v1/zones', { name: '日本' }),
    )
  })
})
