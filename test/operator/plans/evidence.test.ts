import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateNoteKey, noteSigner, parseVerifierKey, signNote } from '../../../src/audit/note.ts'
import { signedText, type Evidence } from '../../../src/operator/plans/evidence-shape.ts'
import { verifyEvidence } from '../../../src/operator/plans/verify-evidence.ts'
import { everythingLogged } from '../../support/audit-log.ts'
import { access, application, carryOut, onPlan, propose, type Plan } from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import { freshName, newZone } from '../../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../../world.ts'

let world: World
let plan: Plan
let evidence: Evidence
let key: string

beforeAll(async () => {
  world = await startWorld()
  const { zone } = await newZone(world)
  plan = await carryOut(world, access('proven'), { zone })
  evidence = await evidenceOf(plan)
  key = evidence.logs[0]?.verifier_key ?? ''
})
afterAll(() => world[Symbol.asyncDispose]())

function ask({ id, zone_id }: Plan, token?: string): Promise<Answer> {
  const path = `/v1/zones/${zone_id}/plans/${id}/evidence`
  return world.call('GET', path, undefined, token === undefined ? {} : { token })
}

async function evidenceOf(of: Plan): Promise<Evidence> {
  await everythingLogged(world)
  const answer = await ask(of)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body as Evidence
}

function findingsOf(value: unknown): string[] {
  return verifyEvidence(value, key).findings.map(({ path, message }) => `${path} ${message}`)
}

test('holds the plan, the approvals, the mandates and every event with its proof', () => {
  expect(findingsOf(evidence)).toEqual([])
  expect(evidence.plan).toMatchObject({ id: plan.id, state: 'applied', digest: plan.digest })
  expect(evidence.approvals).toMatchObject([{ digest: plan.digest, reason: 'a test' }])
  expect(evidence.mandate_ids).toEqual([expect.stringMatching(/^mdt_/)])
  const types = evidence.logs[0]?.events.map(
    ({ entry }) => (JSON.parse(entry) as Plan & { type: string }).type,
  )
  expect(types).toEqual(
    expect.arrayContaining([
      'plans.create',
      'plans.approve',
      'token.plan_mandate',
      'applications.create',
      'resources.create',
      'grants.create',
      'plans.apply',
    ]),
  )
})

test('is the same again, and grows as the log does', async () => {
  const again = await evidenceOf(plan)
  expect({ ...again.plan }).toEqual(evidence.plan)
  expect(again.logs[0]?.events.map(({ entry }) => entry)).toEqual(
    evidence.logs[0]?.events.map(({ entry }) => entry),
  )
  expect(findingsOf(again)).toEqual([])
})

test.each<readonly [string, () => Promise<Plan>]>([
  ['that waits', async () => propose(world, [application('waits')], await newZone(world))],
  [
    'that was rejected',
    async () => {
      const waiting = await propose(world, [application('no')], await newZone(world))
      return (await onPlan(world, waiting, 'reject', { reason: 'no' })).body as Plan
    },
  ],
  [
    'that was approved anew after another preview',
    async () => {
      const zone = await newZone(world)
      const first = await propose(world, [application('again')], zone)
      await onPlan(world, first, 'approve', { digest: first.digest })
      await zone.application()
      const second = (await onPlan(world, first, 'preview')).body as Plan
      await onPlan(world, second, 'approve', { digest: second.digest })
      return (await onPlan(world, second, 'apply')).body.plan as Plan
    },
  ],
  [
    'that made a zone',
    () =>
      carryOut(world, [
        {
          id: 'zone',
          operation: 'zones.create',
          input: { name: freshName('zone'), baseline: true },
        },
        { ...application('inside'), zone: '{{steps.zone.output.id}}' },
      ]),
  ],
])('of a plan %s verifies', async (_, make) => {
  const of = await evidenceOf(await make())
  expect(verifyEvidence(of, null).findings).toEqual([])
})

test('is for auditors, of their zone', async () => {
  const auditor = await world.person(freshName('auditor'), ['audit'], plan.zone_id)
  expect((await ask(plan, auditor)).status).toBe(200)
  const writer = await world.person(freshName('writer'), ['write', 'approve'], plan.zone_id)
  await expectRefused(world, 'audit_capability_required', () => ask(plan, writer))
  const other = await newZone(world)
  await expectRefused(world, 'not_found', () => ask({ ...plan, zone_id: other.zone }))
})

/** The paths of every value in a document that has none inside. */
function leavesOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return [path]
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]))
}

function altered(path: readonly string[], change: (value: unknown) => unknown): unknown {
  const copy = structuredClone(evidence) as unknown
  const last = path.at(-1) ?? ''
  let at = copy as Record<string, unknown>
  for (const step of path.slice(0, -1)) at = at[step] as Record<string, unknown>
  at[last] = change(at[last])
  return copy
}

function another(value: unknown): unknown {
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  if (typeof value !== 'string') return 'x'
  const flipped = value.startsWith('a') ? 'b' : 'a'
  return `${flipped}${value.slice(1)}`
}

function namesPart(
  findings: readonly { readonly path: string }[],
  path: readonly string[],
): boolean {
  const text = path.join('.')
  return findings.some(({ path: named }) => `${text}.`.startsWith(`${named}.`))
}

describe('tampering', () => {
  test('with any value is found, and the part is named', () => {
    const leaves = leavesOf(evidence)
    expect(leaves.length).toBeGreaterThan(150)
    const unseen = leaves.filter((path) => {
      const { findings } = verifyEvidence(altered(path, another), key)
      return !namesPart(findings, path)
    })
    expect(unseen.map((path) => path.join('.'))).toEqual([])
  })

  test('by leaving any field out, or adding one, is found', () => {
    const objects = new Set(leavesOf(evidence).map((path) => path.slice(0, -1).join('.')))
    objects.delete('')
    expect(findingsOf({ ...evidence, extra: 'x' })).not.toEqual([])
    const unseen = [...objects].filter((text) => {
      const path = text.split('.')
      const added = altered([...path], (value) =>
        Array.isArray(value)
          ? [...(value as unknown[]), 'x']
          : { ...(value as object), extra: 'x' },
      )
      return verifyEvidence(added, key).findings.length === 0
    })
    expect(unseen).toEqual([])
    const kept = leavesOf(evidence).filter((path) => {
      const left = altered(path, () => undefined)
      return verifyEvidence(JSON.parse(JSON.stringify(left)), key).findings.length === 0
    })
    expect(kept).toEqual([])
  })

  const forged: readonly (readonly [string, () => unknown, string])[] = [
    [
      'an event of another plan',
      () => altered(['logs', '0', 'events', '1'], () => evidence.logs[0]?.events[0]),
      'logs.0.events',
    ],
    [
      'the proof of another event',
      () => altered(['logs', '0', 'events', '1', 'hashes'], () => []),
      'logs.0.events.1 is not in the log',
    ],
    [
      'no events',
      () => altered(['logs', '0', 'events'], () => []),
      'logs have no plans.apply of this plan',
    ],
    [
      'no approvals',
      () => altered(['approvals'], () => []),
      'approvals are 0 of the 1 that it needed',
    ],
    [
      'an approval of another digest',
      () => altered(['approvals', '0', 'digest'], () => `sha256:${'0'.repeat(64)}`),
      'approvals.0.digest names another plan than this',
    ],
    [
      'an approval of somebody else',
      () => altered(['approvals', '0', 'approver', 'id'], () => 'prn_other'),
      'approvals.0 has no plans.approve in the log',
    ],
    [
      'another plan',
      () => altered(['plan', 'preview', 'risk'], () => 'high'),
      'plan.digest is not the digest of this plan',
    ],
    [
      'other mandates',
      () => altered(['mandate_ids'], () => ['mdt_other']),
      'mandate_ids are not those that the events name',
    ],
    [
      'no signature',
      () => altered(['signature'], () => 'none'),
      'signature is not made by this key',
    ],
    ['no evidence', () => [], ' '],
  ]
  test.each(forged)('%s is found by itself, whatever is signed', (_, make, words) => {
    expect(findingsOf(make()).join('\n')).toContain(words)
  })

  test('signed anew by another key, it is of one piece and not of the log', () => {
    const { publicKey, privateDer } = generateNoteKey()
    const { signature: _, ...body } = evidence
    const name = parseVerifierKey(key)?.name ?? ''
    const signed = signNote(signedText(body), noteSigner(name, publicKey, privateDer))
    expect(findingsOf({ ...body, signature: signed })).toEqual([
      'signature is not made by this key under this text',
    ])
  })

  test('the evidence of another zone is not taken for this key', async () => {
    const elsewhere = await propose(world, [application('else')], await newZone(world))
    const findings = findingsOf(await evidenceOf(elsewhere))
    expect(findings.join('\n')).toContain('logs.0.verifier_key is not the key')
  })
})
