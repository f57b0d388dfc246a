import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { Tx } from './tx.ts'

/** The compiled form of a custom policy. */
export interface PolicyModule {
  /** Content hash of the wasm, as `sha256:<hex>`. */
  readonly digest: string
  readonly wasm: Buffer
  readonly readsContext: boolean
}

/** Keeps a module in the zone; the same bytes are kept once. Index: primary key. */
export async function keepModule(
  tx: Tx,
  { digest, wasm, readsContext }: PolicyModule,
): Promise<void> {
  await tx.queries
    .insertInto('policy_modules')
    .values({
      zone_id: tx.zone,
      digest,
      wasm,
      reads_context: readsContext,
      created_at: tx.now,
    })
    .onConflict((conflict) => conflict.columns(['zone_id', 'digest']).doNothing())
    .execute()
}

/** The wasm of a digest, if the zone has it. Index: primary key. */
export async function findModule(
  queries: Queries,
  zone: ZoneId,
  digest: string,
): Promise<Buffer | undefined> {
  const row = await queries
    .selectFrom('policy_modules')
    .select('wasm')
    .where('zone_id', '=', zone)
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row?.wasm
}
