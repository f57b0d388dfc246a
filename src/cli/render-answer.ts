import { z } from 'zod'
import { metaOf } from '../../tools/fields.ts'
import { objectOf, type Operation } from '../../tools/operation.ts'
import { columnsOf, columnsOfOperation, sparseColumns } from './columns-table.ts'
import { verbOf, wordsOfObject } from './command-names.ts'
import type { Names } from './names.ts'
import type { PlanView, PreviewView, Screen } from './plan-view.ts'
import { renderPlan, renderPreview, renderRebased } from './render-plan.ts'
import { inline, labelOf, multiline } from './render-value.ts'
import { safeLine, safeText } from './safe-text.ts'
import { renderFields, renderTable, tie } from './table.ts'
import { toYaml } from './yaml-files.ts'

type Fields = Readonly<Record<string, unknown>>

/** Answers that have a form of their own; all others are tables and lists of fields. */
const renderers: Readonly<Record<string, (answer: never, screen: Screen) => string>> = {
  'plans.create': renderPlan,
  'plans.get': renderPlan,
  'plans.preview': renderPlan,
  'plans.undo': renderPlan,
  'plans.rebase': renderRebased,
  'plans.approve': renderPlan,
  'plans.reject': renderPlan,
  'plans.apply': ({ plan }: { plan: PlanView }, screen: Screen) => renderPlan(plan, screen),
  'zones.export': toYaml,
  'plans.evidence': (evidence: unknown) => JSON.stringify(evidence, null, 2),
  'access.check': renderDecision,
  'policy_sets.simulate': renderDecision,
  'audit.explain': renderExplanation,
  'conversations.get': renderConversation,
}

/** The answer of an operation as people read it. */
export function renderAnswer(
  operation: Operation,
  answer: unknown,
  screen: Screen,
  names: Names = new Map(),
): string {
  const own = Object.hasOwn(renderers, operation.id) ? renderers[operation.id] : undefined
  if (own !== undefined) return own(answer as never, screen)
  const fields = (answer ?? {}) as Fields
  if (Array.isArray(fields['items']))
    return renderList(operation, fields['items'] as Fields[], names, screen)
  if (Object.keys(fields).length === 0) return `${screen.paint.green('Done')}: ${operation.id}.`
  return renderObject(operation, fields, screen)
}

/** What `--dry-run` answers. */
export function renderDryRun(answer: unknown, screen: Screen): string {
  return `${renderPreview(answer as PreviewView, screen)}\n\nNothing was changed: this was a dry run.`
}

/** The columns that a list of an operation has, in order, marks of the optional ones included. */
export function columnsFor(operation: Operation): readonly string[] | undefined {
  return columnsOfOperation[operation.id] ?? columnsOf[objectOf(operation)]
}

/** `operator.calls` lists calls and `webhooks.deliveries` deliveries, where most list their object. */
function wordsOfItems(operation: Operation): string {
  const verb = verbOf(operation)
  return verb.endsWith('s') ? verb.replaceAll('_', ' ') : wordsOfObject(objectOf(operation))
}

function renderList(
  operation: Operation,
  items: readonly Fields[],
  names: Names,
  screen: Screen,
): string {
  if (items.length === 0) return `No ${wordsOfItems(operation)} found.`
  const columns = (columnsFor(operation) ?? Object.keys(items[0] ?? {}))
    .map((column) => ({ path: column.replace(/\?$/, ''), optional: column.endsWith('?') }))
    .filter(
      ({ path }) => !sparseColumns.has(path) || items.some((item) => says(valueAt(item, path))),
    )
  const head = columns.map(({ path }) => headOf(path, names))
  const rows = items.map((item) => columns.map(({ path }) => cellOf(valueAt(item, path), names)))
  const optional = columns.flatMap((column, i) => (column.optional ? [i] : []))
  return renderTable(head, rows, styleOf(screen), optional)
}

function headOf(path: string, names: Names): string {
  const name = path.replace(/\.name$/, '').replace('.', ' ')
  return labelOf(names.size === 0 ? name : name.replace(/(application|resource)_id$/, '$1'))
}

function cellOf(value: unknown, names: Names): string {
  const name = typeof value === 'string' ? names.get(value) : undefined
  const text = inline(name ?? value)
  return /^\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?$/.test(text) ? text.replace(' ', tie) : text
}

function says(value: unknown): boolean {
  return (
    value !== null &&
    value !== undefined &&
    value !== false &&
    !(Array.isArray(value) && value.length === 0)
  )
}

function renderObject(operation: Operation, answer: Fields, screen: Screen): string {
  const secrets = secretFields(operation)
  const lines = flatten(answer).map(([name, value]) => {
    const text = multiline(value)
    const secret = secrets.has(name) && typeof value === 'string'
    return [labelOf(name), secret ? screen.paint.yellow(text) : text] as const
  })
  const table = renderFields(lines, styleOf(screen))
  return [...secrets].some((name) => typeof answer[name] === 'string')
    ? `${table}\n\n${screen.paint.yellow('Store the secret now: it is shown this once and kept nowhere.')}`
    : table
}

/** Nested objects as `outer inner`, one level deep; what is deeper stays JSON. */
function flatten(answer: Fields): readonly (readonly [string, unknown])[] {
  return Object.entries(answer).flatMap(([name, value]) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length > 0
      ? Object.entries(value).map(([inner, one]) => [`${name} ${inner}`, one] as const)
      : [[name, value] as const],
  )
}

/** The fields of an answer that are shown once. */
function secretFields(operation: Operation): ReadonlySet<string> {
  if (!(operation.output instanceof z.ZodObject)) return new Set()
  const shape = operation.output.shape as Readonly<Record<string, z.ZodType>>
  return new Set(
    Object.entries(shape).flatMap(([name, schema]) =>
      metaOf(schema).secret === true ? [name] : [],
    ),
  )
}

interface Decision {
  readonly allow: boolean
  readonly explanation: string
  readonly smallest_change: string | null
  readonly scopes: Readonly<Record<string, { verdict: string; reason: string; rules: string[] }>>
}

function renderDecision(decision: Decision, screen: Screen): string {
  const { paint } = screen
  const verdict = decision.allow ? paint.green('allowed') : paint.red('not allowed')
  const rows = Object.entries(decision.scopes).map(([scope, one]) => [
    safeLine(scope),
    one.verdict,
    safeLine(one.reason),
    one.rules.map(safeLine).join(', '),
  ])
  return [
    `${paint.bold(verdict)}: ${safeText(decision.explanation)}`,
    ...(rows.length === 0
      ? []
      : [renderTable(['scope', 'verdict', 'reason', 'rules'], rows, styleOf(screen))]),
    ...changeLine(decision.smallest_change),
  ].join('\n\n')
}

interface Explained {
  readonly event: Fields
  readonly explanation: string
  readonly smallest_change: string | null
}

function renderExplanation(explained: Explained, screen: Screen): string {
  const { event } = explained
  const fields = ['time', 'type', 'outcome', 'reason', 'rules', 'request_id'].map(
    (name) => [labelOf(name), inline(event[name])] as const,
  )
  return [
    safeText(explained.explanation),
    renderFields(fields, styleOf(screen)),
    ...changeLine(explained.smallest_change),
  ].join('\n\n')
}

function changeLine(change: string | null): readonly string[] {
  return change === null ? [] : [`What would allow it: ${safeText(change)}`]
}

interface ConversationView {
  readonly id: string
  readonly mode: string
  readonly messages: readonly { role: string; text: string; plan_ids: string[] }[]
}

function renderConversation(conversation: ConversationView, { paint }: Screen): string {
  const messages = conversation.messages.map(({ role, text, plan_ids }) => {
    const plans = plan_ids.map((id) => paint.dim(`\n  plan ${safeLine(id)}`)).join('')
    return `${paint.bold(role === 'person' ? 'You' : 'Operator')}: ${safeText(text)}${plans}`
  })
  return [paint.dim(`${conversation.id} (${conversation.mode})`), ...messages].join('\n\n')
}

function valueAt(item: Fields, path: string): unknown {
  let value: unknown = item
  for (const name of path.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Fields)[name] : undefined
  return value
}

function styleOf({ columns, paint }: Screen) {
  return { columns, head: paint.dim }
}
