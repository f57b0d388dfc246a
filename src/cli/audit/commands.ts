import type { Command } from 'commander'
import type { Writable } from 'node:stream'
import { usage, type ExitCode } from '../exit-codes.ts'
import type { Session } from '../session.ts'
import { exportLog, type ExportOptions } from './export.ts'
import { tail, type TailOptions } from './tail.ts'
import { trace } from './trace.ts'
import { verify, type VerifyOptions } from './verify.ts'

type WithSession = (work: (session: Session) => Promise<ExitCode>) => Promise<void>

/** The operations of the catalogue that have a command of their own here. */
export const ownAuditCommands: ReadonlySet<string> = new Set([
  'audit.verify',
  'audit.export',
  'audit.follow',
])

/** Adds `verify`, `tail`, `trace` and `export` below `audit`. */
export function addAuditCommands(audit: Command, output: Writable, run: WithSession): void {
  audit
    .command('verify')
    .summary('Hash the whole log again, and check it against its signed checkpoint')
    .description(
      'Hash every event of the log again on this machine and check the tree, the signature of its ' +
        'checkpoint, and that it continues the checkpoint that was verified here before. Exit code ' +
        '1: something is wrong, and the first event concerned is named.',
    )
    .option(
      '--key <key>',
      'public key of the log, name+id+key; the one verified before when absent',
    )
    .option('--checkpoint <file>', 'a checkpoint kept elsewhere, which the log must continue')
    .option(
      '--folder <folder>',
      'a folder made by "audit export --format tiles"; no service is asked',
    )
    .option('--save <file>', 'write the verified checkpoint to a file')
    .action((options: VerifyOptions) => run((session) => verify(session, options)))
  withFilters(
    audit
      .command('follow')
      .alias('tail')
      .summary('Show the newest events, and go on as they come')
      .description('Show the newest events, and go on as they come, until Ctrl-C.')
      .option('-n, --lines <count>', 'events to begin with', countOf, 10)
      .option('--after <place>', 'begin behind this place of the log instead', placeOf)
      .option('--no-follow', 'show them and end'),
  ).action((options: TailOptions) => run((session) => tail(session, options)))
  audit
    .command('trace')
    .summary('Show what one request left, in order, and why it was decided so')
    .description('Show what one request left, in order, and why it was decided so.')
    .argument('<request>', 'id of the request, req_...')
    .action((request: string) => run((session) => trace(session, request)))
  withFilters(
    audit
      .command('export')
      .summary('Export the log as JSON lines, CSV, or a folder that can be verified offline')
      .description('Export the log as JSON lines, CSV, or a folder that can be verified offline.')
      .option('--format <format>', 'jsonl, csv or tiles', 'jsonl')
      .option('--output <path>', 'file, or folder of tiles; standard output when absent')
      .option('--from <time>', 'RFC 3339; events at or after it')
      .option('--to <time>', 'RFC 3339; events before it'),
  ).action((options: ExportOptions) => run((session) => exportLog(session, output, options)))
  audit.summary(audit.commands.map((command) => command.name()).join(', '))
}

function withFilters(command: Command): Command {
  return command
    .option('--type <type>', 'type of event, such as token.exchange')
    .option('--outcome <outcome>', 'allow, deny, applied, refused or failed')
    .option('--actor <id>', 'id of who acted')
    .option('--application-id <id>', 'id of the application')
    .option('--session-id <id>', 'id of the session')
    .option('--request-id <id>', 'id of the request')
    .option('--plan-id <id>', 'id of the plan')
}

function placeOf(text: string): number {
  if (!/^(?:-1|\d{1,15})$/.test(text)) throw usage('--after takes a place of the log, or -1.')
  return Number(text)
}

function countOf(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw usage('--lines takes a number of events, up to 500.')
  return Math.min(Number(text), 500)
}
