import type { Turn } from '../model/model.ts'
import { isTimeZone } from './civil-time.ts'
import { emptyDraft, type Step } from './draft.ts'
import { putInForce, type WrittenPolicy } from './policy-requests.ts'
import { loadObjects, type Scene } from './scene.ts'
import { zoneState } from './zone-state.ts'

/** The steps that store a policy, bundle it with what decides today and make that decide. */
export async function stepsInForce(turn: Turn, policy: WrittenPolicy): Promise<readonly Step[]> {
  const state = zoneState(turn)
  const draft = emptyDraft()
  const scene: Scene = {
    ...{ state, draft, objects: await loadObjects(state), message: '', before: null },
    now: {
      ms: turn.nowMs,
      timeZone: isTimeZone(turn.timeZone) ? turn.timeZone : 'UTC',
      reads: { left: 0 },
    },
    ...{ recent: new Map(), lately: [], mentioned: [] },
  }
  await putInForce(scene, policy)
  return draft.steps
}
