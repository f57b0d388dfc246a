import { replayOn } from '../admin/replay.ts'
import { findZone } from '../store/zones.ts'
import type { GateContext } from './context.ts'
import type { Call } from './handler.ts'
import { takenBack } from './outcome.ts'
import { inOrder, runStep, type Step } from './steps.ts'

type Flips = Pick<
  Awaited<ReturnType<typeof replayOn>>,
  'replayed' | 'allow_to_deny' | 'deny_to_allow' | 'narrowed' | 'widened'
>

const none: Flips = {
  replayed: 0,
  allow_to_deny: 0,
  deny_to_allow: 0,
  narrowed: 0,
  widened: 0,
}

/**
 * How the zone's newest recorded decisions would be taken again, by what decides now and by what
 * would decide after some steps, which are run and taken back. A zone without a policy has none.
 */
export async function replaySteps(
  context: GateContext,
  call: Call,
  steps: readonly Step[],
  last: number,
): Promise<{ readonly before: Flips; readonly after: Flips }> {
  const before = await flips(context, call, last)
  const after = await takenBack(call, async () => {
    const outputs = new Map<string, unknown>()
    for (const step of inOrder(steps)) await runStep(context, call, step, outputs, {})
    return flips(context, call, last)
  })
  return { before, after }
}

async function flips(context: GateContext, call: Call, last: number): Promise<Flips> {
  const zone = await findZone(call.queries, call.zone)
  const version = zone?.active_policy_set_version_id ?? null
  if (version === null) return none
  const { replayed, allow_to_deny, deny_to_allow, narrowed, widened } = await replayOn(
    context,
    call,
    version,
    { last },
  )
  return { replayed, allow_to_deny, deny_to_allow, narrowed, widened }
}
