import type { Command } from 'commander'
import type { OutputOf } from '../../tools/catalogue.ts'
import { approvalHint } from './decide-plan.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { renderPlan, renderPreview } from './render-plan.ts'
import { safeText } from './safe-text.ts'
import type { Session } from './session.ts'

type WithSession = (work: (session: Session) => Promise<ExitCode>) => Promise<void>
type Drafted = OutputOf<'policies.draft'>

interface DraftOptions {
  /** Propose the plan of the draft. */
  readonly plan?: boolean
}

/** The operations of the catalogue that have a command of their own here. */
export const ownPolicyCommands: ReadonlySet<string> = new Set(['policies.draft'])

/** Adds `policy draft`: a policy from words, shown with what it would change. */
export function addPolicyDraft(policy: Command, run: WithSession): void {
  policy
    .command('draft')
    .summary('Draft a policy from words; nothing is stored or activated')
    .description(
      'Draft a policy from words: it is checked by the contract and shown with who gains and loses ' +
        'by it. Nothing is kept, unless --plan proposes it. Exit codes: 3 it asks back, 4 refused.',
    )
    .argument('<words...>', 'what the policy is to do, or - for standard input')
    .option('--plan', 'propose the plan that puts it in force; it waits for approval')
    .action((words: string[], options: DraftOptions) =>
      run((session) => draftCommand(session, words, options)),
    )
}

async function draftCommand(
  session: Session,
  given: readonly string[],
  options: DraftOptions,
): Promise<ExitCode> {
  const { io, json, zone } = session
  const said = given.join(' ').trim()
  const words = said === '-' ? (await io.readInput()).trim() : said
  const client = session.client()
  const drafted = await client.policies.draft(zone, { words })
  if (drafted.outcome !== 'drafted' || options.plan !== true) {
    io.out(json ? JSON.stringify(drafted, null, 2) : renderDraft(drafted, session))
    if (drafted.outcome === 'drafted') return exitCodes.done
    return drafted.outcome === 'question' ? exitCodes.question : exitCodes.refused
  }
  const { steps, text: summary } = drafted
  const plan = await client.plans.create(zone, { steps, intent: words, summary })
  if (json) io.out(JSON.stringify(plan, null, 2))
  else io.out(`${renderPlan(plan, io)}\n\n${approvalHint(plan)}`)
  return exitCodes.approvalNeeded
}

function renderDraft(drafted: Drafted, { io }: Session): string {
  const { paint } = io
  const { source, preview } = drafted
  const words = safeText(drafted.text)
  if (drafted.outcome !== 'drafted' || preview === null)
    return drafted.outcome === 'question' ? words : `${paint.red('No draft.')} ${words}`
  const widens = drafted.widens ? paint.yellow('Somebody gets more by it, as the words ask.') : ''
  const hint = paint.dim('Nothing is kept. With --plan it becomes a plan that waits for approval.')
  return [words, safeText(source ?? ''), widens, renderPreview(preview, io), hint]
    .filter((part) => part !== '')
    .join('\n\n')
}
