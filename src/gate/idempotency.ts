import { digestOf } from '../kernel/canonical.ts'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import type { Queries } from '../store/database.ts'
import type { GateContext, Request } from './context.ts'
import type { Principal } from './principal.ts'

/** What stands for one use of an idempotency key while its transaction runs. */
export interface Claim {
  readonly key: { readonly principal_id: string; readonly key: string } | null
  /** The answer that the key has had before. */
  readonly earlier: { readonly output: unknown } | null
}

const unkeyed: Claim = { key: null, earlier: null }

/**
 * Claims a key in the caller's transaction: two calls with the same key run one after the other,
 * since the second waits for the first's row. The kept answer is sealed, as it may hold a secret
 * that was shown once. Index: primary key.
 */
export async function claimKey(
  context: GateContext,
  queries: Queries,
  principal: Principal,
  request: Request,
): Promise<Claim> {
  if (request.idempotencyKey === undefined) return unkeyed
  const key = { principal_id: principal.id, key: request.idempotencyKey }
  const request_digest = digestOf([request.operation, request.zone, request.input ?? {}])
  const now = new Date(context.clock.now())
  await queries
    .deleteFrom('idempotency')
    .where('created_at', '<', new Date(now.getTime() - limits.idempotencyTtlMs))
    .execute()
  const claimed = await queries
    .insertInto('idempotency')
    .values({ ...key, request_digest, sealed_result: null, created_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .returning('key')
    .executeTakeFirst()
  if (claimed !== undefined) return { key, earlier: null }
  return { key, earlier: await earlierAnswer(context, queries, key, request_digest) }
}

async function earlierAnswer(
  context: GateContext,
  queries: Queries,
  key: NonNullable<Claim['key']>,
  digest: string,
): Promise<{ output: unknown }> {
  const row = await queries
    .selectFrom('idempotency')
    .select(['request_digest', 'sealed_result'])
    .where('principal_id', '=', key.principal_id)
    .where('key', '=', key.key)
    .executeTakeFirstOrThrow()
  if (row.request_digest !== digest || row.sealed_result === null)
    refuse('idempotency_key_reused', 'This Idempotency-Key came before with another request.')
  const opened = context.vault.open(row.sealed_result, purpose(key))
  return { output: JSON.parse(opened.toString()) as unknown }
}

/** Keeps the answer of a claimed key for its lifetime of 24 hours. */
export async function keepResult(
  context: GateContext,
  queries: Queries,
  claim: Claim,
  output: unknown,
): Promise<void> {
  if (claim.key === null) return
  await queries
    .updateTable('idempotency')
    .set({ sealed_result: context.vault.seal(JSON.stringify(output), purpose(claim.key)) })
    .where('principal_id', '=', claim.key.principal_id)
    .where('key', '=', claim.key.key)
    .execute()
}

function purpose(key: NonNullable<Claim['key']>): string {
  return `idempotency:${key.principal_id}:${key.key}`
}
