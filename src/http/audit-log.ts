import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { acceptCosignatures } from '../audit/cosign.ts'
import {
  readCheckpointFile,
  readTileFile,
  verifierKeyOf,
  type LogFile,
} from '../audit/log-files.ts'
import { parseTilePath, tileWidth } from '../audit/tiles.ts'
import type { Context } from '../context.ts'
import { perform } from '../gate/perform.ts'
import type { Principal } from '../gate/principal.ts'
import { refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { sourceKey } from '../kernel/rate-limiter.ts'
import { sourceAddress } from '../policy/input.ts'
import { findLog } from '../store/audit-log.ts'
import { authenticateForDoor } from './authenticate.ts'
import { recordEarly } from './record-early.ts'
import { sendFault } from './errors.ts'
import { traceIdOf } from './request-facts.ts'

interface LogRequest {
  Params: { zone_id: string; '*': string }
  Body: string
}

const noteBytes = 65_536
/** The checkpoint is another a moment later; a tile of some width never changes. */
const caching = {
  checkpoint: 'public, max-age=1',
  hashes: 'public, max-age=31536000, immutable',
  entries: 'private, max-age=31536000, immutable',
} as const

/**
 * The log of every zone as C2SP tlog-tiles has it, at `/audit/zones/{zone}/`. Checkpoint and hashes
 * are as public as the key that they are checked with and say nothing of any event; entries are read
 * with a credential that may read the audit log.
 */
export function auditLogRoutes(context: Context): (app: FastifyInstance) => Promise<void> {
  return (app) => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
      done(null, body)
    })
    app.setErrorHandler(async (error, request, reply) => {
      await recordEarly(context, request, error)
      return sendFault(request, reply, error)
    })
    const readers = recentReaders(() => context.clock.now())
    const hidden = { schema: { hide: true } }
    app.get<LogRequest>('/audit/zones/:zone_id/checkpoint', hidden, async (request, reply) => {
      const zone = await zoneOf(context, request)
      const file = await context.db.transaction(zone, (queries) =>
        readCheckpointFile(queries, zone),
      )
      return send(reply.type('text/plain; charset=utf-8'), file, caching.checkpoint)
    })
    app.get<LogRequest>('/audit/zones/:zone_id/key', hidden, async (request, reply) => {
      const zone = await zoneOf(context, request)
      const log = await context.db.transaction(zone, (queries) => findLog(queries, zone))
      const bytes = log === undefined ? null : Buffer.from(`${verifierKeyOf(log)}\n`)
      return send(reply.type('text/plain; charset=utf-8'), bytes && { bytes }, caching.checkpoint)
    })
    app.get<LogRequest>(
      '/audit/zones/:zone_id/tile/*',
      { ...hidden, config: { operation: 'audit.entries' } },
      (request, reply) => tile(context, readers, request, reply),
    )
    cosignatures(app, context)
    return Promise.resolve()
  }
}

async function tile(
  context: Context,
  readers: RecentReaders,
  request: FastifyRequest<LogRequest>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const path = request.params['*']
  const asked = parseTilePath(path)
  const entries = asked?.level === 'entries'
  if (entries) await admitReader(context, readers, request, asked.index * tileWidth)
  const zone = await zoneOf(context, request)
  request.atDoor = true
  const file = await context.db.transaction(zone, (queries) => readTileFile(queries, zone, path))
  const caches = entries ? caching.entries : caching.hashes
  return send(reply.type('application/octet-stream'), file, caches)
}

function send(reply: FastifyReply, file: LogFile, caches: string): FastifyReply {
  if (file === null) refuse('not_found', 'The log of this zone has no such file.')
  if (file === 'pruned')
    refuse('audit_pruned', 'Retention has removed these entries; their hashes stay in the tiles.')
  return reply.header('cache-control', caches).send(file.bytes)
}

/** Entries are read through the door like every read of the audit log, and leave its event. */
async function admitReader(
  context: Context,
  readers: RecentReaders,
  request: FastifyRequest<LogRequest>,
  from: number,
): Promise<void> {
  const principal = await authenticateForDoor(context, request)
  request.principal = principal
  if (readers.has(request.params.zone_id, principal)) return
  request.atDoor = true
  await perform(context, principal, {
    operation: 'audit.entries',
    zone: request.params.zone_id,
    input: { from, limit: 1 },
    requestId: request.id,
    traceId: traceIdOf(request),
  })
  readers.add(request.params.zone_id, principal)
}

/**
 * Who has been let in to a zone's entries within the last minute: whoever reads a log of a million
 * events leaves an event a minute and not one for each bundle.
 */
interface RecentReaders {
  has(zone: string, principal: Principal): boolean
  add(zone: string, principal: Principal): void
}

const readerMs = 60_000

function recentReaders(now: () => number): RecentReaders {
  const until = new Map<string, number>()
  return {
    has(zone, principal) {
      const key = keyOf(zone, principal)
      return key !== null && (until.get(key) ?? 0) > now()
    },
    add(zone, principal) {
      const key = keyOf(zone, principal)
      if (key === null) return
      for (const [one, ends] of until) if (ends <= now()) until.delete(one)
      until.set(key, now() + readerMs)
    },
  }
}

/** By the credential and what it holds: whoever has lost some of it is asked at the door again. */
function keyOf(zone: string, principal: Principal): string | null {
  if (principal.kind !== 'admin') return null
  const { tokenId, zone: reach, capabilities } = principal
  return JSON.stringify([zone, tokenId, reach, [...capabilities].sort()])
}

/** Witnesses post the checkpoint with their signatures under it. */
function cosignatures(app: FastifyInstance, context: Context): void {
  app.post<LogRequest>(
    '/audit/zones/:zone_id/cosignatures',
    { bodyLimit: noteBytes, schema: { hide: true } },
    async (request, reply) => {
      const source = sourceKey(sourceAddress(request.ip))
      context.rates.refuseOver('cosignatures_of_source', source)
      context.rates.count('cosignatures_of_source', source)
      const zone = await zoneOf(context, request)
      const note = typeof request.body === 'string' ? request.body : ''
      const traceId = traceIdOf(request)
      await acceptCosignatures(context, { zone, note, requestId: request.id, traceId })
      return reply.code(204).send()
    },
  )
}

async function zoneOf(context: Context, request: FastifyRequest<LogRequest>): Promise<ZoneId> {
  return (await context.zoneIdOf(request.params.zone_id)) as ZoneId
}
