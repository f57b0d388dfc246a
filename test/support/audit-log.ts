import { setTimeout as sleep } from 'node:timers/promises'
import { encodeVerifierKey, generateNoteKey, signatureTypes } from '../../src/audit/note.ts'
import type { World } from '../world.ts'

/** Waits until every event that was recorded before has its place in the log of its zone. */
export async function everythingLogged(world: Pick<World, 'sql'>): Promise<void> {
  const [newest] = await world.sql<{ position: string | null }>(
    'select max(position) as position from events',
  )
  for (;;) {
    const waiting = await world.sql('select from events_pending where position <= $1 limit 1', [
      newest?.position,
    ])
    if (waiting.length === 0) return
    await sleep(20)
  }
}

/** The public key of a witness that nobody signs with. */
export function witnessKey(): string {
  const { publicKey } = generateNoteKey()
  const { cosignature: type } = signatureTypes
  return encodeVerifierKey({ name: 'witness.example/w1', type, publicKey })
}
