import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { catalogue } from '../../tools/catalogue.ts'
import type { readCliConfig } from '../config.ts'
import { packageFile } from '../kernel/package-root.ts'
import { ask, type AskOptions } from './ask.ts'
import { addAuditCommands, ownAuditCommands } from './audit/commands.ts'
import { startChat } from './chat.ts'
import { addDerivedCommands } from './derived-commands.ts'
import { doctor } from './doctor.ts'
import { addEvidenceCommands } from './evidence.ts'
import { CliError, exitCodes, usage, type ExitCode } from './exit-codes.ts'
import { report } from './failures.ts'
import type { Io, Streams } from './io.ts'
import { mandate, type MandateOptions } from './mandate.ts'
import { addPlanCommands, ownPlanCommands } from './plan-commands.ts'
import { addPolicyDraft, ownPolicyCommands } from './policy-draft.ts'
import { runOperation } from './run-operation.ts'
import { down, status, up } from './service-commands.ts'
import { openSession, type GlobalOptions, type Session } from './session.ts'
import { explainUsage } from './usage-error.ts'

/** What a run of the command has from outside. */
export interface Surroundings {
  readonly env: Parameters<typeof readCliConfig>[0]
  readonly io: Io
  readonly streams: Streams
}

type Work = (session: Session) => Promise<ExitCode>

/** Runs the command line and answers the exit code. Nothing is thrown: failures are reported. */
export async function runCli(
  args: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode> {
  let exit: ExitCode = exitCodes.done
  const { io } = surroundings
  const program = buildProgram(surroundings, async (work) => {
    const session = openSession(program.opts<GlobalOptions>(), surroundings.env, io)
    exit = await work(session)
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return exit
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done
    // A bare object, such as `caracal grant`, shows its verbs: a usage error that says it all.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage
    return report(error, io, args.includes('--json'))
  }
}

type WithSession = (work: Work) => Promise<void>

/** Every command: those made by hand and one for every operation of the catalogue. */
export function buildProgram(surroundings: Surroundings, run: WithSession): Command {
  const { io } = surroundings
  const program = new Command('caracal')
    .description('Short-lived, policy-approved authority for agents, changed by saying so.')
    .version(versionOf(), '--version', 'print the version')
    .option('--json', 'print one JSON value, for scripts')
    .option('--zone <zone>', 'zone by id or slug (CARACAL_ZONE; "default" when absent)')
    .option('--url <url>', 'base URL of the service (CARACAL_URL; found through the home)')
    .option('--home <folder>', 'home folder of the service (CARACAL_HOME; ./.caracal)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => {
        if (!text.startsWith('error:')) io.note(text.trimEnd())
      },
      getOutHelpWidth: () => io.columns,
      getErrHelpWidth: () => io.columns,
    })
    .showSuggestionAfterError()
    .commandsGroup('Talk and decide:')
  addTalk(program, surroundings, run)
  program.commandsGroup('The service:')
  addService(program, run)
  program.commandsGroup('Objects:')
  const derived = catalogue.filter(
    ({ id }) => !ownPlanCommands.has(id) && !ownAuditCommands.has(id) && !ownPolicyCommands.has(id),
  )
  addDerivedCommands(
    program,
    (invocation) =>
      run(async (session) => {
        await runOperation(session, invocation)
        return exitCodes.done
      }),
    derived,
  )
  addPlanCommands(commandOf(program, 'plan'), run)
  addPolicyDraft(commandOf(program, 'policy'), run)
  addAuditCommands(commandOf(program, 'audit'), surroundings.streams.output, run)
  addEvidenceCommands(program, run)
  explainUsage(program)
  return program
}

function commandOf(program: Command, name: string): Command {
  const found = program.commands.find((command) => command.name() === name)
  if (found === undefined) throw new Error(`the catalogue has no ${name}`)
  return found
}

function addTalk(program: Command, { streams }: Surroundings, run: WithSession): void {
  program
    .command('ask')
    .summary('Ask the Operator, or tell it what to change')
    .description(
      'Ask the Operator, or tell it what to change. A change becomes a plan, which is shown and ' +
        'applied after your approval. Exit codes: 3 it asks back, 4 refused, 5 approval needed.',
    )
    .argument('<words...>', 'what you want, or - for standard input')
    .option('--mode <mode>', 'ask: answers only; agent: plans as well', 'agent')
    .option('--conversation <id>', 'go on with a conversation')
    .option('--continue', 'go on with the latest conversation of the zone')
    .option('--autopilot', 'opt in: a plan that proves harmless is approved and applied')
    .option('--yes', 'approve and apply the plan without being asked')
    .option('--reason <text>', 'why, where the approval takes a reason')
    .action((words: string[], options: AskOptions) =>
      run((session) => ask(session, words, options)),
    )
  program
    .command('chat')
    .summary('Talk with the Operator')
    .description('Talk with the Operator at a prompt; /help lists what the prompt understands.')
    .option('--autopilot', 'opt in: plans that prove harmless are approved and applied')
    .action((options: ChatFlags) => run((session) => chat(session, streams, options)))
  program
    .command('mandate')
    .summary('Get a mandate as an application and show what is in it')
    .description(
      'Get a mandate as an application would, with its secret from CARACAL_CLIENT_SECRET.',
    )
    .requiredOption('--app <id|name>', 'the application')
    .option('--resource <uri|name>', 'the resource; without one, a session mandate')
    .option('--scope <scopes...>', 'scopes; all that the application holds when absent')
    .option('--secret-stdin', 'read the client secret from standard input')
    .option('--raw', 'print the token alone')
    .action((options: MandateOptions) => run((session) => mandate(session, options)))
}

interface ChatFlags {
  readonly autopilot?: boolean
}

async function chat(
  session: Session,
  { input, output }: Streams,
  { autopilot = false }: ChatFlags,
): Promise<ExitCode> {
  if (session.json)
    throw usage('chat is for people and has no --json.', 'Use: caracal ask --json "..."')
  const { url: apiUrl, zone, token, config } = session
  session.client()
  if (token === null) return exitCodes.refused
  await startChat({ apiUrl, token, zone, input, output, color: config.color, autopilot })
  return exitCodes.done
}

function addService(program: Command, run: WithSession): void {
  program
    .command('up')
    .summary('Start the service in the background')
    .description('Start the service of the home folder and wait until it is ready.')
    .option('--foreground', 'run it in this terminal instead')
    .action((options: { foreground?: boolean }) => run((session) => up(session, options)))
  program
    .command('down')
    .summary('Stop the service')
    .description('Stop the service of the home folder and wait until it has ended.')
    .option('--force', 'end it even if it does not answer')
    .action((options: { force?: boolean }) => run((session) => down(session, options)))
  program
    .command('status')
    .summary('Say whether the service runs, and what the zone holds')
    .action(() => run(status))
  program
    .command('doctor')
    .summary('Check everything that the command needs')
    .action(() => run(doctor))
  program
    .command('mcp')
    .summary('Serve MCP on standard input and output, for an assistant')
    .action(() => run(serveMcp))
}

/** Loaded only when asked for: no other command needs the MCP libraries. */
async function serveMcp(session: Session): Promise<ExitCode> {
  const { url: apiUrl, token, zone } = session
  if (token === null) {
    session.client()
    throw new CliError(exitCodes.refused, 'no_admin_token', 'There is no admin token.')
  }
  const { serveStdio } = await import('../mcp/stdio.ts')
  await serveStdio({ apiUrl, token, zone })
  return exitCodes.done
}

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
    version: string
  }
  return version
}
