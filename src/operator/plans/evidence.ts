import type { InputOf } from '../../../tools/catalogue.ts'
import { parseCheckpoint } from '../../audit/checkpoint.ts'
import { logKeyPurpose } from '../../audit/integrate.ts'
import { noteOf, verifierKeyOf } from '../../audit/log-files.ts'
import { noteSigner, parseNote, signNote } from '../../audit/note.ts'
import { inclusionProof } from '../../audit/proofs.ts'
import type { GateContext } from '../../gate/context.ts'
import type { Call } from '../../gate/handler.ts'
import { refuse } from '../../kernel/faults.ts'
import type { ZoneId } from '../../kernel/ids.ts'
import { limits } from '../../kernel/limits.ts'
import {
  checkpointFrom,
  findLog,
  placeOfEvent,
  readTiles,
  type Log,
} from '../../store/audit-log.ts'
import { seeEveryZone } from '../../store/database.ts'
import { searchEvents } from '../../store/events.ts'
import { approvalsOf, type PlanRecord } from '../../store/plans.ts'
import { signedText, type Evidence, type EvidenceBody } from './evidence-shape.ts'
import { planOf } from './plan-lookup.ts'
import { planView } from './plan-view.ts'

type LogPart = Evidence['logs'][number]

/**
 * What proves a plan to somebody who has nothing but the public key of the log: the plan with its
 * diffs, the decisions on exactly its digest, and every event that it left with the proof that the log
 * holds it. Refuses `not_ready` for the moment until the log holds all of them.
 */
export async function evidenceOf(
  context: GateContext,
  call: Call,
  { plan_id }: InputOf<'plans.evidence'>,
): Promise<Evidence> {
  const plan = await planOf(call.queries, call.zone, plan_id)
  const logs: LogPart[] = []
  for (const zone of await zonesOf(context, call, plan)) {
    const part = await logPart(call, zone, plan.id)
    if (part !== null) logs.push(part)
  }
  const own = await findLog(call.queries, call.zone)
  if (own === undefined || logs[0]?.zone_id !== call.zone) refuseUnready()
  const body = bodyOf(call, plan, await decisionsOn(call, plan), logs)
  const privateDer = context.vault.open(own.sealed_private, logKeyPurpose(call.zone))
  const signer = noteSigner(own.origin, own.public_key, privateDer)
  return { ...body, signature: signNote(signedText(body), signer) }
}

/** The plan's own zone first; a plan of the platform has left events elsewhere too. */
async function zonesOf(
  context: GateContext,
  call: Call,
  plan: PlanRecord,
): Promise<readonly ZoneId[]> {
  if (plan.reach === 'zone') return [call.zone]
  if (call.principal.kind !== 'admin' || call.principal.zone !== null)
    refuse('global_scope_required', 'The evidence of a plan of the platform needs global scope.')
  await seeEveryZone(call.queries)
  const { steps } = plan.preview as { steps: { zone_id: string | null }[] }
  const others = steps.flatMap(({ zone_id }) => (zone_id === null ? [] : [zone_id as ZoneId]))
  return [...new Set([call.zone, ...others, context.system().zone])]
}

async function decisionsOn(call: Call, plan: PlanRecord) {
  const decisions = await approvalsOf(call.queries, [plan.id])
  return decisions.filter(({ digest }) => digest === plan.digest)
}

function bodyOf(
  call: Call,
  plan: PlanRecord,
  decisions: Awaited<ReturnType<typeof decisionsOn>>,
  logs: readonly LogPart[],
): EvidenceBody {
  const { approvals, ...view } = planView(plan, decisions, call.nowMs)
  const entries = logs.flatMap((log) => log.events).map(({ entry }) => mandateIn(entry))
  const body = {
    format: 'caracal-evidence/1',
    made_at: call.now.toISOString(),
    plan: { ...view, assigned_ids: plan.assigned_ids },
    approvals,
    mandate_ids: [...new Set(entries.filter((id) => id !== null))].sort(),
    logs: [...logs],
  }
  return JSON.parse(JSON.stringify(body)) as EvidenceBody
}

function mandateIn(entry: string): string | null {
  return (JSON.parse(entry) as { mandate_jti?: string | null }).mandate_jti ?? null
}

/** The events of a plan in one log, each with its proof in the newest checkpoint; null: none. */
async function logPart(call: Call, zone: ZoneId, planId: string): Promise<LogPart | null> {
  const ids = await eventsOfPlan(call, zone, planId)
  if (ids.length === 0) return null
  const [log, checkpoint] = [
    await findLog(call.queries, zone),
    await checkpointFrom(call.queries, zone, undefined),
  ]
  if (log === undefined || checkpoint === undefined) refuseUnready()
  const size = parseCheckpoint(parseNote(checkpoint.note)?.text ?? '')?.size ?? 0
  const events: LogPart['events'] = []
  for (const id of ids) events.push(await proven(call, log, id, size))
  return { zone_id: zone, verifier_key: verifierKeyOf(log), checkpoint: noteOf(checkpoint), events }
}

async function proven(
  call: Call,
  { zone_id }: Log,
  id: string,
  size: number,
): Promise<LogPart['events'][number]> {
  const zone = zone_id as ZoneId
  const place = await placeOfEvent(call.queries, zone, id)
  if (place === undefined || place.sequence >= size) refuseUnready()
  const hashes = await inclusionProof(place.sequence, size, (places) =>
    readTiles(call.queries, zone, places),
  )
  const { sequence, entry } = place
  return { sequence, entry, hashes: hashes.map((hash) => hash.toString('base64')) }
}

/** The ids of the events of a plan, oldest first. Index: events_logged_plan. */
async function eventsOfPlan(call: Call, zone: ZoneId, planId: string): Promise<readonly string[]> {
  const page = { limit: limits.pageItemsMax, cursor: undefined }
  const found = await searchEvents(call.queries, zone, { equal: { plan_id: planId } }, page)
  if (found.nextCursor !== null)
    refuse('limit_reached', 'This plan has left more events than evidence holds.', {
      details: { limit: limits.pageItemsMax },
    })
  // That somebody has asked for the evidence is no part of it.
  return found.rows
    .map(({ entry }) => entry as { id: string; type: string })
    .filter(({ type }) => type !== 'plans.evidence')
    .map(({ id }) => id)
    .reverse()
}

function refuseUnready(): never {
  refuse('not_ready', 'The events of this plan get their places in the log in a moment.')
}
