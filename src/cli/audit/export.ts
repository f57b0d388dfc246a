import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseCheckpoint } from '../../audit/checkpoint.ts'
import { parseNote } from '../../audit/note.ts'
import { tilePath, tileWidth, widthIn } from '../../audit/tiles.ts'
import { CliError, exitCodes, usage, type ExitCode } from '../exit-codes.ts'
import { startProgress, type Progress } from '../progress.ts'
import type { Session } from '../session.ts'
import { filtersOf, type FilterOptions } from './filters.ts'
import { serviceSource, type KeyedLogSource } from './log-sources.ts'

export interface ExportOptions extends FilterOptions {
  readonly format: string
  readonly output?: string
  readonly from?: string
  readonly to?: string
}

/** Writes the log to a file, a folder or standard output. */
export async function exportLog(
  session: Session,
  output: Writable,
  options: ExportOptions,
): Promise<ExitCode> {
  const { format } = options
  if (format === 'tiles') return exportTiles(session, options)
  if (format !== 'jsonl' && format !== 'csv') throw usage('--format takes jsonl, csv or tiles.')
  const { from, to } = options
  const body = await session.client().audit.export(session.zone, {
    format,
    ...filtersOf(options),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  })
  using progress = startProgress(session.io, 'exporting the audit log')
  const counted = count(body, progress)
  if (options.output === undefined) await pipeline(counted, output, { end: false })
  else await pipeline(counted, createWriteStream(options.output))
  return exitCodes.done
}

async function* count(
  body: AsyncIterable<Uint8Array>,
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    progress.stage(`exporting the audit log: ${Math.ceil(bytes / 1_024)} KiB`)
    yield chunk
  }
}

/** A folder in the layout of C2SP tlog-tiles, which `audit verify --folder` reads. */
async function exportTiles(session: Session, { output }: ExportOptions): Promise<ExitCode> {
  if (output === undefined) throw usage('--format tiles needs --output, the folder to write.')
  const source = serviceSource(session)
  const note = await source.read('checkpoint')
  const checkpoint = parseCheckpoint(parseNote(note?.toString() ?? '')?.text ?? '')
  if (note === null || checkpoint === null)
    throw new CliError(exitCodes.failure, 'not_ready', 'This log has no checkpoint yet.')
  using progress = startProgress(session.io, 'exporting the audit log')
  for (const path of pathsOf(checkpoint.size)) {
    await copy(source, output, path, path.startsWith('tile/entries/'))
    progress.stage(`exporting the audit log: ${path}`)
  }
  await copy(source, output, 'key', false)
  write(join(output, 'checkpoint'), note)
  session.io.note(
    `${checkpoint.size} events; verify them with: caracal audit verify --folder ${output}`,
  )
  return exitCodes.done
}

function* pathsOf(size: number): Generator<string> {
  for (let level = 0; widthIn(size, { level, index: 0 }) > 0; level += 1)
    for (let index = 0; widthIn(size, { level, index }) > 0; index += 1)
      yield `tile/${tilePath(level, index, widthIn(size, { level, index }))}`
  for (let index = 0; index < Math.ceil(size / tileWidth); index += 1)
    yield `tile/${tilePath('entries', index, widthIn(size, { level: 0, index }))}`
}

async function copy(
  source: KeyedLogSource,
  folder: string,
  path: string,
  mayBePruned: boolean,
): Promise<void> {
  const bytes = await source.read(path)
  if (bytes !== null) write(join(folder, path), bytes)
  else if (!mayBePruned)
    throw new CliError(exitCodes.failure, 'unexpected_answer', `The log does not serve ${path}.`)
}

function write(file: string, bytes: Buffer): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
}
