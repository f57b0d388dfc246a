import type { Command } from 'commander'
import type { RequestOf } from '../../tools/catalogue.ts'
import { approvalHint, isOpen } from './decide-plan.ts'
import { exitCodes, usage, type ExitCode } from './exit-codes.ts'
import { renderPlan } from './render-plan.ts'
import type { Session } from './session.ts'
import { readYaml, toYaml, writeText } from './yaml-files.ts'

type WithSession = (work: (session: Session) => Promise<ExitCode>) => Promise<void>
type PlanFile = RequestOf<'plans.import'>['file']

/** Adds `export` and `import` below `plan`, and `plan --file`. */
export function addPlanFiles(plan: Command, run: WithSession): void {
  plan
    .option('--file <file>', 'make the plan that a file asks for; - is standard input')
    .argument('[verb]')
    .action((verb: string | undefined, { file }: { readonly file?: string }) => {
      if (verb !== undefined)
        plan.error(`error: unknown command '${verb}'`, { code: 'commander.unknownCommand' })
      return file === undefined
        ? plan.help({ error: true })
        : run((session) => importFile(session, file))
    })
  plan
    .command('import')
    .summary('Make the plan that a file asks for: a declared zone, or an exported plan')
    .description(
      'Make the plan that a file asks for. A file of "zone export" declares what the zone is to ' +
        'say, and the plan brings it there; a file of "plan export" has the steps in it.',
    )
    .argument('<file>', 'YAML or JSON; - is standard input')
    .action((file: string) => run((session) => importFile(session, file)))
  plan
    .command('export')
    .summary('Write a plan as a file: its intent, summary and steps')
    .description('Write a plan as a file: its intent, summary and steps.')
    .argument('<plan>', 'id of the plan')
    .option('--output <file>', 'file to write; standard output when absent')
    .action((id: string, { output }: { readonly output?: string }) =>
      run((session) => exportFile(session, id, output)),
    )
}

async function importFile(session: Session, path: string): Promise<ExitCode> {
  const { io, zone, json } = session
  const file = await readYaml(path, io)
  if (typeof file !== 'object' || file === null || !('format' in file))
    throw usage(`${path} declares nothing: it has no "format".`, 'Begin with: caracal zone export')
  const { plan } = await session.client().plans.import(zone, { file: file as PlanFile })
  if (json) io.out(JSON.stringify({ plan }, null, 2))
  else if (plan === null) io.out('Nothing to change: the zone says already what the file declares.')
  else {
    io.out(renderPlan(plan, io))
    if (isOpen(plan)) io.note(approvalHint(plan))
  }
  return exitCodes.done
}

async function exportFile(
  session: Session,
  id: string,
  output: string | undefined,
): Promise<ExitCode> {
  const { io, zone, json } = session
  const { intent, summary, steps } = await session.client().plans.get(zone, { plan_id: id })
  const file = { format: 'caracal-plan/1', intent, summary, steps }
  writeText(json ? JSON.stringify(file, null, 2) : toYaml(file), output, io)
  return exitCodes.done
}
