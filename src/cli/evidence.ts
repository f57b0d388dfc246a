import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { verifyEvidence, type VerifiedEvidence } from '../operator/plans/verify-evidence.ts'
import { exitCodes, usage, type ExitCode } from './exit-codes.ts'
import { safeLine } from './safe-text.ts'
import type { Session } from './session.ts'

type WithSession = (work: (session: Session) => Promise<ExitCode>) => Promise<void>

/** Adds `evidence verify`, which asks no service. */
export function addEvidenceCommands(program: Command, run: WithSession): void {
  program
    .command('evidence')
    .summary('verify')
    .description('Check what proves a plan.')
    .command('verify')
    .summary('Verify the evidence of a plan offline')
    .description(
      'Verify the evidence of a plan, as "plan evidence" writes it, without any service: its ' +
        'signature, the digest that was approved, and that the log holds its events. Exit code 1: ' +
        'something is wrong, and every part concerned is named.',
    )
    .argument('<file>', 'JSON; - is standard input')
    .option('--key <key>', 'public key of the log, name+id+key; the one in the file when absent')
    .action((file: string, { key }: { readonly key?: string }) =>
      run((session) => verify(session, file, key ?? null)),
    )
}

async function verify(session: Session, file: string, key: string | null): Promise<ExitCode> {
  const { io, json } = session
  const result = verifyEvidence(parse(file, await read(session, file)), key)
  const { evidence, findings } = result
  const verified = findings.length === 0
  if (json) {
    const facts = { verified, plan_id: evidence?.plan.id ?? null, key: result.key, findings }
    io.out(JSON.stringify(facts, null, 2))
  } else io.out(verified ? verifiedText(result, key !== null) : findingsText(result, session))
  return verified ? exitCodes.done : exitCodes.failure
}

async function read({ io }: Session, file: string): Promise<string> {
  if (file === '-') return io.readInput()
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw usage(
      `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
    )
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw usage(`${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}.`)
  }
}

function verifiedText({ evidence, key }: VerifiedEvidence, wasGiven: boolean): string {
  if (evidence === null) throw new Error('evidence that cannot be read has findings')
  const { plan, approvals, logs } = evidence
  const events = logs.reduce((sum, log) => sum + log.events.length, 0)
  const people = approvals.map(
    ({ approver, decision, kind }) =>
      `${decision} by ${kind === 'autopilot' ? 'autopilot for ' : ''}${approver.name}`,
  )
  const lines = [
    `Verified: plan ${plan.id}, ${plan.state}.`,
    `  digest     ${plan.digest ?? 'none'}`,
    `  decisions  ${people.length === 0 ? 'none' : safeLine(people.join(', '))}`,
    `  events     ${events}, each in the log`,
    `  signed by  ${safeLine(key)}`,
  ]
  const caution = 'The key is the one in the file: compare it with the log’s own, or give --key.'
  return [...lines, ...(wasGiven ? [] : [caution])].join('\n')
}

function findingsText({ findings }: VerifiedEvidence, { io }: Session): string {
  const lines = findings.map(({ path, message }) => `  ${safeLine(path)} ${safeLine(message)}`)
  return [io.paint.red('Not verified:'), ...lines].join('\n')
}
