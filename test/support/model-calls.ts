import { newId } from '../../src/kernel/ids.ts'
import type { World } from '../world.ts'

/** A call to a model in a zone, as the Operator notes one that was answered. */
export async function noteModelCall(world: World, zone: string): Promise<void> {
  await world.sql(
    `insert into model_calls (id, zone_id, conversation_id, message_id, principal_id, purpose, host,
       model, state, spent, input_tokens, cache_write_tokens, cache_read_tokens, output_tokens,
       duration_ms, created_at)
     values ($1, $2, 'conv', 'msg', 'prn', 'answer', 'host', 'model', 'answered', 3, 2, 0, 0, 1, 9,
       now())`,
    [newId('modelCall', world.now()), zone],
  )
}
