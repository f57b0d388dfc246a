import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CaracalError } from '../client/caracal-error.ts'
import { readConfig, processEnv } from '../config.ts'
import { homeFiles } from '../kernel/home.ts'
import { limits } from '../kernel/limits.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { probe } from './probe.ts'
import { safeLine } from './safe-text.ts'
import type { Session } from './session.ts'
import { renderTable } from './table.ts'

interface Finding {
  readonly check: string
  /** `warn` is worth knowing and stops nothing. */
  readonly state: 'ok' | 'warn' | 'fail'
  readonly finding: string
}

const marks = { ok: '✔', warn: '!', fail: '✘' } as const

/** `caracal doctor`: checks everything that the command line needs, and says what to do. */
export async function doctor(session: Session): Promise<ExitCode> {
  const { io, json } = session
  const findings = [
    node(),
    configuration(),
    home(session),
    tokenFile(session),
    ...(await service(session)),
    await credential(session),
    ...(await models(session)),
    await opa(),
  ]
  if (json) io.out(JSON.stringify({ findings }, null, 2))
  else {
    const tints = { ok: io.paint.green, warn: io.paint.yellow, fail: io.paint.red }
    const rows = findings.map(({ check, state, finding }) => [
      tints[state](marks[state]),
      check,
      safeLine(finding),
    ])
    io.out(renderTable(['', 'check', 'finding'], rows, { columns: io.columns, head: io.paint.dim }))
  }
  return findings.some(({ state }) => state === 'fail') ? exitCodes.failure : exitCodes.done
}

function node(): Finding {
  const recent = Number(process.versions.node.split('.')[0]) >= 24
  const finding = recent
    ? process.versions.node
    : `${process.versions.node} is too old: run npm ci, which brings Node 24`
  return { check: 'Node', state: recent ? 'ok' : 'fail', finding }
}

function configuration(): Finding {
  const check = 'configuration'
  try {
    readConfig(processEnv())
    return { check, state: 'ok', finding: 'every key is known and readable' }
  } catch (error) {
    return { check, state: 'fail', finding: error instanceof Error ? error.message : String(error) }
  }
}

function home({ config }: Session): Finding {
  const check = 'home folder'
  const mode = modeOf(config.home)
  if (mode === null)
    return { check, state: 'warn', finding: `${config.home} is not there: caracal up makes it` }
  const open = (mode & 0o066) !== 0
  return open
    ? { check, state: 'warn', finding: `${config.home} can be listed by others: chmod 700 it` }
    : { check, state: 'ok', finding: config.home }
}

function tokenFile({ config }: Session): Finding {
  const check = 'token file'
  const path = join(config.home, homeFiles.bootstrapToken)
  if (config.adminToken !== null)
    return { check, state: 'ok', finding: 'CARACAL_ADMIN_TOKEN is used' }
  const mode = modeOf(path)
  if (mode === null)
    return { check, state: 'warn', finding: `${path} is not there: set CARACAL_ADMIN_TOKEN` }
  return (mode & 0o077) === 0
    ? { check, state: 'ok', finding: path }
    : { check, state: 'fail', finding: `${path} can be read by others: chmod 600 it` }
}

function modeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.mode ?? null
}

async function service({ url }: Session): Promise<readonly Finding[]> {
  const [health, ready] = await Promise.all([probe(url, '/health'), probe(url, '/ready')])
  if (!health.ok)
    return [
      { check: 'service', state: 'fail', finding: `nothing answers at ${url}: npx caracal up` },
    ]
  const skewSeconds = Math.abs(health.clockAheadMs ?? 0) / 1_000
  // The Date header counts whole seconds.
  const skewed = skewSeconds > limits.clockSkewSeconds + 1
  const waiting = JSON.stringify(ready.body?.['waiting_for'] ?? 'something')
  return [
    { check: 'service', state: 'ok', finding: url },
    ready.ok
      ? { check: 'ready', state: 'ok', finding: 'yes' }
      : { check: 'ready', state: 'fail', finding: `it waits for ${waiting}` },
    skewed
      ? {
          check: 'clock',
          state: 'fail',
          finding: `it differs by ${skewSeconds.toFixed(0)} s: mandates will seem expired or early`,
        }
      : { check: 'clock', state: 'ok', finding: 'it agrees with the service' },
  ]
}

async function credential(session: Session): Promise<Finding> {
  const check = 'admin token'
  if (session.token === null)
    return { check, state: 'fail', finding: 'there is none: set CARACAL_ADMIN_TOKEN' }
  try {
    const zone = await session.client().zones.get(session.zone)
    return { check, state: 'ok', finding: `it reaches zone ${zone.slug} (${zone.id})` }
  } catch (error) {
    if (!(error instanceof CaracalError)) throw error
    return { check, state: 'fail', finding: `${error.message} (${error.code})` }
  }
}

/** Where the Operator's models answer, and which of them are left alone after failing. */
async function models(session: Session): Promise<readonly Finding[]> {
  if (session.token === null) return []
  const usage = await session
    .client()
    .operator.usage(session.zone)
    .catch(() => null)
  const endpoints = usage?.endpoints ?? []
  return endpoints.map(({ model, host, failure, rests_until }) =>
    failure === null
      ? { check: 'model', state: 'ok', finding: `${model} at ${host}` }
      : {
          check: 'model',
          state: 'warn',
          finding: `${model} at ${host} failed (${failure}): left alone until ${rests_until ?? ''}`,
        },
  )
}

/** Only policies in custom Rego need it; all others are data. */
async function opa(): Promise<Finding> {
  const check = 'opa'
  const program = processEnv().OPA_BIN ?? 'opa'
  try {
    const { stdout } = await promisify(execFile)(program, ['version'], { timeout: 5_000 })
    return { check, state: 'ok', finding: stdout.split('\n')[0] ?? program }
  } catch {
    return { check, state: 'warn', finding: 'not found: needed for custom Rego alone (OPA_BIN)' }
  }
}
