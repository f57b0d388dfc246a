import { isDeepStrictEqual } from 'node:util'
import type { Call } from '../../gate/handler.ts'
import type { ShownChange } from '../../gate/inverse.ts'
import type { ZoneId } from '../../kernel/ids.ts'
import { laterVersions, latestChangeOf, type ChangeEvent } from '../../store/later-changes.ts'
import type { PlanRecord } from '../../store/plans.ts'
import { revisionOf } from '../../store/revisions.ts'
import { findZone } from '../../store/zones.ts'
import type { Preview } from './plan-view.ts'

/** Why a plan cannot be undone: what cannot come back, or what came later and when. */
export interface Reason {
  readonly code:
    | 'cannot_come_back'
    | 'cannot_be_set_back'
    | 'nothing_before'
    | 'changed_since'
    | 'depends_on_it'
    | 'blocked'
  readonly kind: string
  readonly id: string
  readonly name: string | null
  readonly message: string
  /** The later change, where the log names it. */
  readonly event: ChangeEvent | null
}

/** Every change that a plan has shown, in the order of its steps. */
export function changesOf(plan: Pick<PlanRecord, 'preview'>): readonly ShownChange[] {
  return (plan.preview as Preview).steps.flatMap(({ changes }) => changes)
}

/** The objects of an applied plan that are no longer as it has left them. The zone is locked. */
export async function movedSince(call: Call, plan: PlanRecord): Promise<readonly Reason[]> {
  const moved: Reason[] = []
  for (const change of lastChanges(plan)) {
    const isMoved =
      change.kind === 'zone'
        ? await zoneHasMoved(call, plan, change)
        : ((await revisionOf(call.queries, change.zone_id as ZoneId, change.kind, change.id)) ??
            0) > revisionAfter(plan, change.zone_id)
    if (isMoved) moved.push(await reasonOf(call, plan, change, 'changed_since'))
  }
  return [...moved, ...(await versionsSince(call, plan))]
}

/** The revision that a zone had when a plan was applied: its steps together move it by one. */
function revisionAfter(plan: PlanRecord, zone: string): number {
  const base = plan.base_revisions[zone]
  if (base !== undefined) return base + 1
  const filled = changesOf(plan).some(({ id, zone_id }) => zone_id === zone && id !== zone)
  return filled ? 2 : 1
}

/** One change for each object, with every field that was changed as it was left. */
function lastChanges(plan: PlanRecord): readonly ShownChange[] {
  const byId = new Map<string, ShownChange>()
  for (const change of changesOf(plan)) {
    const fields = [...(byId.get(change.id)?.fields ?? []), ...change.fields]
    const latest = new Map(fields.map((field) => [field.field, field]))
    byId.set(change.id, { ...change, fields: [...latest.values()] })
  }
  return [...byId.values()]
}

/** A zone's revision moves with every object in it, so that its own fields are compared. */
async function zoneHasMoved(call: Call, plan: PlanRecord, change: ShownChange): Promise<boolean> {
  const row = await findZone(call.queries, change.id)
  if (row === undefined) return true
  if (plan.base_revisions[change.id] === undefined)
    return row.revision > revisionAfter(plan, change.id)
  const now = JSON.parse(JSON.stringify(row)) as Readonly<Record<string, unknown>>
  return change.fields.some(({ field, after }) => !isDeepStrictEqual(now[field] ?? null, after))
}

/** Later versions that follow those of the plan, or hold them. */
async function versionsSince(call: Call, plan: PlanRecord): Promise<readonly Reason[]> {
  const changes = changesOf(plan)
  const idsOf = (...kinds: string[]): string[] =>
    changes.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => id)
  const owners = changes.flatMap(({ fields }) =>
    fields.filter(({ field }) => ownerFields.has(field)).map(({ after }) => after),
  )
  const later = await laterVersions(call.queries, call.zone, revisionAfter(plan, call.zone), {
    owners: [...idsOf('policy', 'policySet'), ...owners.filter((id) => typeof id === 'string')],
    versions: idsOf('policyVersion'),
  })
  const reasons: Reason[] = []
  for (const version of later) reasons.push(await reasonOf(call, plan, version, 'depends_on_it'))
  return reasons
}

const ownerFields: ReadonlySet<string> = new Set(['policy_id', 'policy_set_id'])

/** What the preview of an inverse plan says against it: later objects that it would take along. */
export async function dependentsOf(
  call: Call,
  plan: PlanRecord,
  preview: Preview,
): Promise<readonly Reason[]> {
  const changes = preview.steps.flatMap((step) => step.changes)
  const renewed = changes.filter(({ effect }) => effect === 'create')
  const own = new Set([...changesOf(plan), ...renewed].map(({ id }) => id))
  const taken = changes.filter(({ id, zone_id }) => !own.has(id) && !own.has(zone_id))
  const reasons: Reason[] = preview.steps.flatMap(({ blocked, summary, id }) =>
    blocked === null
      ? []
      : [
          {
            code: 'blocked',
            kind: 'step',
            id,
            name: summary,
            message: blocked.message,
            event: null,
          },
        ],
  )
  const later = [...taken, ...(await grantsThatLose(call, plan, preview, own))]
  for (const change of new Map(later.map((one) => [one.id, one])).values())
    reasons.push(await reasonOf(call, plan, change, 'depends_on_it'))
  return reasons
}

/** Grants made or changed later that would no longer give what they give now. */
async function grantsThatLose(
  call: Call,
  plan: PlanRecord,
  { access }: Preview,
  own: ReadonlySet<string>,
): Promise<readonly Named[]> {
  const grants = new Map(
    access.lost.flatMap(({ rules, application_name, resource_name }) =>
      rules
        .filter((rule) => rule.startsWith('grant:'))
        .map((rule) => [rule.slice('grant:'.length), `${application_name} on ${resource_name}`]),
    ),
  )
  const later: Named[] = []
  for (const [id, name] of grants) {
    if (own.has(id)) continue
    const revision = await revisionOf(call.queries, call.zone, 'grant', id)
    if ((revision ?? 0) > revisionAfter(plan, call.zone)) later.push({ kind: 'grant', id, name })
  }
  return later
}

type Named = Pick<Reason, 'kind' | 'id' | 'name'>

async function reasonOf(
  call: Call,
  plan: PlanRecord,
  { kind, id, name }: Named,
  code: 'changed_since' | 'depends_on_it',
): Promise<Reason> {
  const event = (await latestChangeOf(call.queries, call.zone, id, plan.updated_at)) ?? null
  const what = `${kind} ${name ?? id}`
  const by = event === null ? '' : ` (${event.type} by ${event.actor}, ${event.time})`
  const message =
    code === 'changed_since'
      ? `The ${what} has been changed since${by}.`
      : `The ${what}, of a later change, depends on it${by}.`
  return { code, kind, id, name, message, event }
}
