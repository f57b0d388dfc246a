import type { AdminClient } from '../src/client/index.ts'
import { figure, percentiles, type Figure } from './figure.ts'
import { createInstallation } from './installation.ts'
import type { Settings } from './settings.ts'
import { zone } from './seed.ts'

const sizes = [1, 5, 20, 50] as const
type Size = (typeof sizes)[number]

/** Plans of 50 steps that are applied before any is measured: a zone that is in use. */
const warmUpPlans = 6

type Durations = Record<Size, number[]>

/**
 * A plan as a client sees it: the time from request to answer of `POST plans`, which previews and
 * stores it, and of `POST plans/:id/apply`. The sizes take turns, so that the zone, which every plan
 * makes larger, is as large for each of them.
 */
export async function measurePlans(settings: Settings): Promise<readonly Figure[]> {
  await using installation = await createInstallation(settings.profile)
  await using service = await installation.start()
  const { admin } = service
  for (let round = 0; round < warmUpPlans; round += 1) await runPlan(admin, 50, `w${round}`)
  const previews: Durations = { 1: [], 5: [], 20: [], 50: [] }
  const applies: Durations = { 1: [], 5: [], 20: [], 50: [] }
  for (let round = 0; round < settings.rounds; round += 1)
    for (const size of sizes) {
      const { previewMs, applyMs } = await runPlan(admin, size, `r${round}s${size}`)
      previews[size].push(previewMs)
      applies[size].push(applyMs)
    }
  const note = `${settings.rounds} plans`
  return [
    ...sizes.map((size) => figure(`preview.${size}`, { ...percentiles(previews[size]), note })),
    ...sizes.map((size) => figure(`apply.${size}`, { ...percentiles(applies[size]), note })),
  ]
}

/** Proposes, approves and applies so many steps. */
export async function runPlan(
  admin: AdminClient,
  size: number,
  mark: string,
): Promise<{ readonly previewMs: number; readonly applyMs: number }> {
  const [plan, previewMs] = await timed(() =>
    admin.plans.create(zone, { steps: stepsOf(size, mark) }),
  )
  const plan_id = plan.id
  await admin.plans.approve(zone, { plan_id, digest: plan.digest ?? '' })
  const [applied, applyMs] = await timed(() => admin.plans.apply(zone, { plan_id }))
  if (applied.plan.state !== 'applied') throw new Error(`plan ${plan_id} was not applied`)
  return { previewMs, applyMs }
}

export async function timed<T>(run: () => Promise<T>): Promise<[T, number]> {
  const begunAtMs = performance.now()
  return [await run(), performance.now() - begunAtMs]
}

export type Steps = Parameters<AdminClient['plans']['create']>[1]['steps']
type MakeStep = (mark: string, nth: number) => Steps[number]

/** An application, a resource, and a grant of the one on the other. */
const kinds: readonly MakeStep[] = [
  (mark, nth) => ({
    id: `app${nth}`,
    operation: 'applications.create',
    input: { name: `agent-${mark}-${nth}` },
  }),
  (mark, nth) => ({
    id: `res${nth}`,
    operation: 'resources.create',
    input: {
      name: `Records ${mark} ${nth}`,
      scopes: ['records:read', 'records:write', 'records:export', 'records:delete'],
    },
  }),
  (_mark, nth) => ({
    id: `grant${nth}`,
    operation: 'grants.create',
    input: {
      application_id: `{{steps.app${nth}.output.id}}`,
      resource_id: `{{steps.res${nth}.output.id}}`,
      scopes: ['records:read', 'records:write'],
    },
  }),
]

/** Applications, resources and grants in turn. */
export function stepsOf(size: number, mark: string): Steps {
  const perNth = kinds.length
  return Array.from({ length: size }, (_, i) =>
    kinds[i % perNth]?.(mark, Math.floor(i / perNth)),
  ).filter((step) => step !== undefined)
}
