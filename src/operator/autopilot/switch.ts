import type { InputOf, OutputOf } from '../../../tools/catalogue.ts'
import type { Call } from '../../gate/handler.ts'
import { refuse } from '../../kernel/faults.ts'
import { readSwitch, throwSwitch, writesOfDay } from '../../store/autopilot.ts'

type SwitchView = OutputOf<'autopilot.status'>

/** The day of a time, YYYY-MM-DD in UTC: what the budget of a day is counted by. */
export function dayOf(now: Date): string {
  return now.toISOString().slice(0, 10)
}

export async function switchStatus(call: Call): Promise<SwitchView> {
  const row = await readSwitch(call.queries)
  return {
    enabled: row.enabled,
    writes_per_plan: row.writes_per_plan,
    writes_per_conversation: row.writes_per_conversation,
    writes_per_day: row.writes_per_day,
    written_today: await writesOfDay(call.queries, dayOf(call.now)),
    changed_by:
      row.changed_by_id === null
        ? null
        : { id: row.changed_by_id, name: row.changed_by_name ?? row.changed_by_id },
    changed_at: row.changed_at?.toISOString() ?? null,
  }
}

/** Only a person hands out what is otherwise a person's to give. */
export async function switchOn(call: Call, input: InputOf<'autopilot.on'>): Promise<SwitchView> {
  if (call.principal.kind !== 'admin' || !call.principal.person)
    refuse('person_required', 'A person switches autopilot on; an automation can stop it.')
  await throwSwitch(call.queries, { ...input, ...changedBy(call), enabled: true })
  return switchStatus(call)
}

/**
 * The kill switch, for whoever may approve anything anywhere. It waits for applies that are being
 * committed at this moment; what autopilot has approved and not applied by then is not applied.
 */
export async function switchOff(call: Call): Promise<SwitchView> {
  await throwSwitch(call.queries, { ...changedBy(call), enabled: false })
  return switchStatus(call)
}

function changedBy({ principal, now }: Call) {
  return { changed_by_id: principal.id, changed_by_name: principal.name, changed_at: now }
}
