import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { encodeVerifierKey, parseVerifierKey, type VerifierKey } from '../../audit/note.ts'
import { verifyLog, type Verified } from '../../audit/verify-log.ts'
import { CliError, exitCodes, usage, type ExitCode } from '../exit-codes.ts'
import { startProgress } from '../progress.ts'
import { safeLine } from '../safe-text.ts'
import type { Session } from '../session.ts'
import { folderSource, serviceSource, type KeyedLogSource } from './log-sources.ts'

export interface VerifyOptions {
  readonly key?: string
  readonly checkpoint?: string
  readonly folder?: string
  readonly save?: string
}

/** What was verified here the last time: the key, and a checkpoint that the log must continue. */
const remembered = z.object({ verifier_key: z.string(), note: z.string() })
type Remembered = z.output<typeof remembered>

/** Verifies a log, and remembers what it was. */
export async function verify(session: Session, options: VerifyOptions): Promise<ExitCode> {
  const source =
    options.folder === undefined ? serviceSource(session) : folderSource(options.folder)
  const shown = await source.key()
  const before = options.folder === undefined ? recall(session) : null
  const key = keyOf(options, before, shown)
  const saved = options.checkpoint === undefined ? before?.note : readNote(options.checkpoint)
  const result = await run(session, source, key, saved)
  const { checkpoint, note, findings } = result
  if (findings.length === 0 && checkpoint !== null && note !== null) {
    if (options.folder === undefined) remember(session, encodeVerifierKey(key), note)
    if (options.save !== undefined) writeFileSync(options.save, note)
  }
  print(session, key, result, before === null && options.key === undefined)
  return findings.length === 0 ? exitCodes.done : exitCodes.failure
}

async function run(
  { io }: Session,
  source: KeyedLogSource,
  key: VerifierKey,
  saved: string | undefined,
): Promise<Verified> {
  using progress = startProgress(io, 'verifying the audit log')
  return await verifyLog(source, {
    key,
    saved,
    progress: (events, size) => {
      progress.stage(`verifying the audit log: ${events} of ${size} events`)
    },
  })
}

/** The key that was given, or the one verified before; the log's own only the first time. */
function keyOf(
  { key: given }: VerifyOptions,
  before: Remembered | null,
  shown: string | null,
): VerifierKey {
  const text = given ?? before?.verifier_key ?? shown
  if (text === null)
    throw new CliError(exitCodes.failure, 'not_ready', 'This log has no checkpoint yet.', {
      hint: 'The first event of a zone gets its place within a second.',
    })
  return parseVerifierKey(text) ?? refuseKey()
}

function refuseKey(): never {
  throw usage('--key takes the public key of a log: name+id+key, as "audit checkpoint" shows it.')
}

function readNote(file: string): string {
  if (!existsSync(file)) throw usage(`There is no checkpoint in ${file}.`)
  return readFileSync(file, 'utf8')
}

/** By where the log is read: whoever shows another log there is not believed a first time again. */
function fileOf({ config, url, zone }: Session): string {
  const digest = createHash('sha256').update(`${url} ${zone}`).digest('hex').slice(0, 32)
  return join(config.home, 'verified-logs', `${digest}.json`)
}

function recall(session: Session): Remembered | null {
  const file = fileOf(session)
  if (!existsSync(file)) return null
  try {
    return remembered.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    throw new CliError(exitCodes.failure, 'unreadable', `${file} cannot be read.`, {
      hint: 'It holds what was verified before. Remove it only if you know why it is damaged.',
    })
  }
}

function remember(session: Session, verifierKey: string, note: string): void {
  const file = fileOf(session)
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 })
  const facts: Remembered = { verifier_key: verifierKey, note }
  writeFileSync(file, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 })
}

function print(
  { io, json }: Session,
  key: VerifierKey,
  { checkpoint, pruned, findings }: Verified,
  first: boolean,
): void {
  if (json) {
    const facts = {
      verified: findings.length === 0,
      origin: key.name,
      size: checkpoint?.size ?? null,
      root_hash: checkpoint?.root.toString('base64') ?? null,
      pruned,
      findings,
    }
    io.out(JSON.stringify(facts, null, 2))
    return
  }
  for (const { kind, message } of findings)
    io.out(`${io.paint.red(kind.replaceAll('_', ' '))}  ${safeLine(message)}`)
  if (findings.length > 0) return
  io.out(`${io.paint.green('Verified')} ${checkpoint?.size ?? 0} events of ${safeLine(key.name)}.`)
  io.out(`  root ${checkpoint?.root.toString('base64') ?? '-'}`)
  if (pruned > 0)
    io.out(`  The text of the first ${pruned} was removed by retention; their hashes verify.`)
  if (first) io.note(`The key was believed as it was shown; compare it: ${encodeVerifierKey(key)}`)
}
