import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { homeFiles, makeHome } from '../kernel/home.ts'
import { processEnv } from '../config.ts'
import { CliError, exitCodes, type ExitCode } from './exit-codes.ts'
import { probe } from './probe.ts'
import { withProgress } from './progress.ts'
import { inline } from './render-value.ts'
import { safeText } from './safe-text.ts'
import { readServiceFile, type ServiceFile, type Session } from './session.ts'
import { renderFields } from './table.ts'

const logFile = 'service.log'
const startLimitMs = 90_000
const stopLimitMs = 20_000
const pollMs = 100
const logTailLines = 12

/** The entry of the service, as source or as compiled, beside this command. */
function entryFile(): string {
  return fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url))
}

/** `caracal up`: starts the service in the background and waits until it is ready. */
export async function up(session: Session, options: { foreground?: boolean }): Promise<ExitCode> {
  const { home } = session.config
  const running = await runningService(home)
  if (running !== null) return sayUp(session, running, 'It is up already.')
  if (options.foreground === true) return inForeground(home)
  makeHome(home)
  const log = openSync(join(home, logFile), 'a', 0o600)
  const child = spawn(process.execPath, [entryFile()], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...processEnv(), CARACAL_HOME: home },
  })
  closeSync(log)
  const failed = new AbortController()
  const ended = once(child, 'exit').then(() => {
    failed.abort()
    return 'ended' as const
  })
  const service = await withProgress(session.io, 'starting', () =>
    Promise.race([ended, ready(home, child.pid, failed.signal)]),
  )
  if (service === 'ended') throw startFailed(home)
  child.unref()
  if (service === null) throw slowStart(home)
  return sayUp(session, service, 'Caracal is up.')
}

async function inForeground(home: string): Promise<ExitCode> {
  const env = { ...processEnv(), CARACAL_HOME: home }
  const child = spawn(process.execPath, [entryFile()], { stdio: 'inherit', env })
  // The terminal sends its interrupt to both; the service ends in its own order.
  const pass = (signal: NodeJS.Signals): void => {
    if (signal !== 'SIGINT') child.kill(signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, pass)
  const [code] = (await once(child, 'exit')) as [number | null]
  return code === 0 ? exitCodes.done : exitCodes.failure
}

/** The service that the home knows of and that answers; null where there is none. */
async function runningService(home: string): Promise<ServiceFile | null> {
  const service = readServiceFile(home)
  return service !== null && (await probe(service.url, '/health')).ok ? service : null
}

async function ready(
  home: string,
  pid: number | undefined,
  failed: AbortSignal,
): Promise<ServiceFile | null> {
  const limit = Date.now() + startLimitMs
  while (Date.now() < limit && !failed.aborted) {
    const service = readServiceFile(home)
    if (service?.pid === pid && (await probe(service?.url ?? '', '/ready')).ok) return service
    await delay(pollMs)
  }
  return null
}

function sayUp(session: Session, { url, pid }: ServiceFile, head: string): ExitCode {
  const { io, json, config } = session
  const token_file = join(config.home, homeFiles.bootstrapToken)
  const log = join(config.home, logFile)
  if (json) {
    io.out(JSON.stringify({ url, pid, token_file, log }, null, 2))
    return exitCodes.done
  }
  const fields = [
    ['API', `${url}/v1`],
    ['API pages', `${url}/docs`],
    ['console', `${url}/console`],
    ['admin token', token_file],
    ['log', log],
    ['process', String(pid)],
  ] as const
  io.out(
    `${io.paint.green(head)}\n${renderFields(fields, { columns: io.columns, head: io.paint.dim })}`,
  )
  io.note(io.paint.dim('Ask it something: npx caracal ask "what can you do?"'))
  return exitCodes.done
}

function startFailed(home: string): CliError {
  return new CliError(
    exitCodes.failure,
    'cannot_start',
    `The service did not start.\n${tail(home)}`,
    {
      hint: `The whole log: ${join(home, logFile)}`,
    },
  )
}

function slowStart(home: string): CliError {
  const message = `The service is not ready after ${startLimitMs / 1_000} seconds; it goes on starting.`
  return new CliError(exitCodes.failure, 'not_ready', message, {
    hint: `See its log, ${join(home, logFile)}, and then: caracal status`,
  })
}

function tail(home: string): string {
  const lines = readFileSync(join(home, logFile), 'utf8').trimEnd().split('\n')
  return safeText(lines.slice(-logTailLines).join('\n'))
}

/** `caracal down`: ends the service of the home in order, and waits until it has ended. */
export async function down(session: Session, options: { force?: boolean }): Promise<ExitCode> {
  const { io, json, config } = session
  const service = readServiceFile(config.home)
  if (service === null || !isAlive(service.pid)) {
    if (json) io.out(JSON.stringify({ stopped: false }, null, 2))
    else io.out('The service is not running.')
    return exitCodes.done
  }
  // A process id is used again after a restart of the machine: only what answers is ours.
  if (options.force !== true && !(await probe(service.url, '/health')).ok)
    throw new CliError(
      exitCodes.failure,
      'no_answer',
      `Process ${service.pid} runs, but nothing answers at ${service.url}.`,
      { hint: 'If that process is the service, end it with: caracal down --force' },
    )
  process.kill(service.pid, 'SIGTERM')
  if (!(await withProgress(io, 'stopping', () => hasEnded(service.pid)))) {
    if (options.force !== true)
      throw new CliError(exitCodes.failure, 'still_running', 'The service has not ended yet.', {
        hint: 'Wait a little, or end it at once: caracal down --force',
      })
    process.kill(service.pid, 'SIGKILL')
    await hasEnded(service.pid)
  }
  if (json) io.out(JSON.stringify({ stopped: true, pid: service.pid }, null, 2))
  else io.out('Caracal is down.')
  return exitCodes.done
}

async function hasEnded(pid: number): Promise<boolean> {
  const limit = Date.now() + stopLimitMs
  while (Date.now() < limit) {
    if (!isAlive(pid)) return true
    await delay(pollMs)
  }
  return !isAlive(pid)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** `caracal status`: whether the service runs and is ready, its model, and what the zone holds. */
export async function status(session: Session): Promise<ExitCode> {
  const { io, json, url, zone, service, config } = session
  const [health, readiness] = await Promise.all([probe(url, '/health'), probe(url, '/ready')])
  const facts: Record<string, unknown> = {
    url,
    home: config.home,
    running: health.ok,
    ready: readiness.ok,
    ...(service === null ? {} : { pid: service.pid }),
    ...(health.ok && !readiness.ok ? { waiting_for: readiness.body?.['waiting_for'] } : {}),
  }
  if (health.ok && session.token !== null) {
    const client = session.client()
    const [operator, overview] = await Promise.all([
      client.operator.status(),
      client.zones.overview(zone),
    ])
    Object.assign(facts, {
      model: operator.model,
      offline: operator.offline,
      zone: overview.zone.slug,
      zone_id: overview.zone.id,
      issuer: overview.issuer,
      token_endpoint: overview.token_endpoint,
      ...overview.counts,
    })
  }
  if (json) io.out(JSON.stringify(facts, null, 2))
  else {
    const fields = Object.entries(facts).map(
      ([name, value]) => [name.replaceAll('_', ' '), inline(value)] as const,
    )
    io.out(renderFields(fields, { columns: io.columns, head: io.paint.dim }))
  }
  if (!health.ok && !json)
    io.note('The service is not running: start it with "npx caracal up" or "npm start"')
  return readiness.ok ? exitCodes.done : exitCodes.failure
}
