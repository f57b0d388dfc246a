import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bringTo, exportZone, importFile, type ZoneFile } from '../../support/zone-files.ts'
import { newZone } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

/**
 * Guarantee: whatever a zone says, a pruning file brings it to exactly what the file declares, and then
 * the file has nothing to change. What a zone exports brings an empty zone to the same.
 */
let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

type Part<Section extends keyof ZoneFile> = NonNullable<ZoneFile[Section]>

const scopes = fc.subarray(['a:read', 'a:write', 'b:read'], { minLength: 1 })
function names(word: string): fc.Arbitrary<string[]> {
  return fc.subarray([`${word} one`, `${word} two`, `${word} ü`])
}

function named<T extends object>(word: string, rest: fc.Arbitrary<T>) {
  return names(word).chain((list) =>
    fc.tuple(...list.map((name) => rest.map((fields) => ({ name, ...fields })))),
  )
}

const settings = fc.constantFrom<Part<'providers'>[number]['settings']>(
  { kind: 'none' },
  { kind: 'bearer_token' },
  { kind: 'api_key', in: 'query', name: 'key' },
)
const source = fc.constantFrom(
  ...['a:read', 'a:write'].map((scope) => JSON.stringify({ risk: [{ scope, tier: 'high' }] })),
  'risk:\n  - { scope: "b:read", tier: high }   \n\n# end\n',
)

/** Lists as the export orders them: by folded name, grants by theirs. */
const files = fc
  .record({
    providers: named('login', fc.record({ settings })),
    applications: named(
      'agent',
      fc.record({
        auth_method: fc.constant('client_secret' as const),
        labels: fc.subarray(['team:a', 'team:b']),
        dpop_required: fc.boolean(),
        redirect_uris: fc.subarray(['https://a.example/back']),
      }),
    ),
    policies: named('policy', fc.record({ description: fc.constant('why'), source })).map((list) =>
      list.map((one) => ({
        ...one,
        language: one.source.startsWith('{') ? ('json' as const) : ('yaml' as const),
      })),
    ),
    settings: fc.record({
      dcr_enabled: fc.boolean(),
      audit_retention_days: fc.constantFrom(null, 30),
    }),
    retention: fc.nat(),
  })
  .chain(({ retention: _, ...file }) =>
    fc.record({
      format: fc.constant('caracal-zone/1' as const),
      settings: fc.constant(file.settings),
      providers: fc.constant(file.providers),
      resources: named(
        'books',
        fc.record({
          scopes,
          upstream_url: fc.constantFrom(null, 'https://a.example/'),
          credential_provider: fc.constantFrom(null, ...file.providers.map(({ name }) => name)),
        }),
      ).map((list) =>
        list.map((one) => ({
          ...one,
          identifier: `urn:${encodeURI(one.name.replace(' ', '-'))}`,
          operations: [],
        })),
      ),
      applications: fc.constant(file.applications),
      policies: fc.constant(file.policies),
      policy_sets: fc
        .subarray(file.policies.map(({ name }) => name))
        .map((policies) => [{ name: 'rules', description: '', policies }]),
      active_policy_set: fc.constant({ name: 'rules' }),
    }),
  )
  .chain((file) =>
    fc
      .array(
        fc.record({
          application: fc.constantFrom('', ...file.applications.map(({ name }) => name)),
          resource: fc.constantFrom('', ...file.resources.map(({ name }) => name)),
          user_id: fc.constantFrom(null, 'user-1'),
          expires_at: fc.constantFrom(null, '2099-01-01T00:00:00.000Z'),
          pick: fc.nat({ max: 2 }),
        }),
        { maxLength: 4 },
      )
      .map((grants) => ({
        ...file,
        grants: grants.flatMap(({ pick, ...grant }) => {
          const resource = file.resources.find(({ name }) => name === grant.resource)
          if (resource === undefined || grant.application === '') return []
          const granted = resource.scopes.slice(0, 1 + (pick % resource.scopes.length))
          return [{ ...grant, scopes: granted }]
        }),
      })),
  )

/** Grants in an order of no account: the same ones of a pair may stand in any. */
function settled(file: object): unknown {
  const { grants = [], ...rest } = file as ZoneFile
  const texts = grants.map((grant) => JSON.stringify(grant, Object.keys(grant).sort())).sort()
  return { ...rest, grants: texts }
}

test(
  'any zone is brought to any declared state, and stays there',
  { timeout: 240_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(files, files, async (first, second) => {
        const { zone } = await newZone(world, false)
        await bringTo(world, zone, first)
        expect(settled(await exportZone(world, zone))).toEqual(settled(first))
        await bringTo(world, zone, { ...second, prune: true })
        const exported = await exportZone(world, zone)
        expect(settled(exported)).toEqual(settled(second))
        for (const file of [second, { ...second, prune: true }, exported])
          expect(await importFile(world, zone, file)).toBeNull()

        const copy = await newZone(world, false)
        await bringTo(world, copy.zone, exported)
        expect(settled(await exportZone(world, copy.zone))).toEqual(settled(exported))
      }),
      { numRuns: 20 },
    )
  },
)
