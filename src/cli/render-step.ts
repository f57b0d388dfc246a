import type { Names } from './names.ts'
import type { PreviewView, Screen } from './plan-view.ts'
import { inline, labelOf, multiline } from './render-value.ts'
import { padEnd, safeLine, wrapLine } from './safe-text.ts'

type Step = PreviewView['steps'][number]
type Change = Step['changes'][number]

const signs: Readonly<Record<Step['effect'], string>> = {
  create: '+',
  update: '~',
  delete: '-',
  'no-op': '=',
  blocked: '!',
}

const changeSigns: Readonly<Record<Change['effect'], string>> = {
  create: '+',
  update: '~',
  archive: '-',
}

/** Values that a created object has when nobody says anything are no news. */
const silent: ReadonlySet<unknown> = new Set([null, undefined, ''])

/** One step: what it does in a sentence, then every field of every object that it touches. */
export function renderStep(
  step: Step,
  number: number | null,
  names: Names,
  screen: Screen,
): string {
  const { paint, columns } = screen
  const sign = paintSign(signs[step.effect], paint)
  const at = number === null ? '' : `${number}. `
  const [first = '', ...more] = wrapLine(safeLine(step.summary), columns - 6 - at.length)
  const head = [
    `${sign} ${at}${paint.bold(first)}`,
    ...more.map((line) => `    ${' '.repeat(at.length)}${paint.bold(line)}`),
  ]
  return [...head, ...bodyOf(step, names, screen)].join('\n')
}

function bodyOf(step: Step, names: Names, screen: Screen): readonly string[] {
  const { paint } = screen
  if (step.blocked !== null)
    return [
      paint.red(`    blocked: ${safeLine(step.blocked.message)} (${safeLine(step.blocked.code)})`),
      paint.dim(`    ${safeLine(step.operation)} ${inline(step.input)}`),
    ]
  if (step.effect === 'no-op') return [paint.dim('    nothing changes: it is so already')]
  return step.changes.flatMap((change) =>
    renderChange(change, step.changes.length > 1, names, screen),
  )
}

function renderChange(
  change: Change,
  several: boolean,
  names: Names,
  screen: Screen,
): readonly string[] {
  const { paint } = screen
  const sign = paintSign(changeSigns[change.effect], paint)
  const name = change.name === null ? '' : ` ${safeLine(change.name)}`
  const head = `    ${several ? `${sign} ` : ''}${paint.dim(`${labelOf(kindWords(change.kind))}${name} ${change.id}`)}`
  const shown = change.fields.filter(
    ({ before, after }) => !(silent.has(before) && isSilent(after)),
  )
  const width = Math.max(0, ...shown.map(({ field }) => labelOf(field).length))
  return [
    head,
    ...shown.flatMap((field) => renderField(withName(field, names), change.effect, width, screen)),
  ]
}

/** An id with the name of its object beside it, where the preview tells it. */
function withName(field: Change['fields'][number], names: Names): Change['fields'][number] {
  const named = (value: unknown): unknown => {
    const name = typeof value === 'string' ? names.get(value) : undefined
    return name === undefined ? value : `${String(value)} (${name})`
  }
  return { ...field, before: named(field.before), after: named(field.after) }
}

/** An empty list of a new object says as little as nothing does. */
function isSilent(value: unknown): boolean {
  return silent.has(value) || (Array.isArray(value) && value.length === 0)
}

function renderField(
  { field, before, after }: Change['fields'][number],
  effect: Change['effect'],
  width: number,
  screen: Screen,
): readonly string[] {
  const { paint } = screen
  const label = `      ${padEnd(labelOf(safeLine(field)), width)}  `
  if (effect === 'create') return under(label, after, paint.green, screen)
  if (effect === 'archive' && silent.has(after)) return under(label, before, paint.red, screen)
  if (Array.isArray(before) && Array.isArray(after) && isScalars(before) && isScalars(after))
    return [`${label}${listDiff(before, after, screen)}`]
  const [from, to] = [multiline(before), multiline(after)]
  const short =
    !`${from}${to}`.includes('\n') && label.length + from.length + to.length + 4 <= screen.columns
  if (short) return [`${label}${paint.red(from)} -> ${paint.green(to)}`]
  return [
    `${label}before`,
    ...block(from, paint.red),
    `${' '.repeat(label.length)}after`,
    ...block(to, paint.green),
  ]
}

/** Both lists in one: what stays, what goes and what comes. */
function listDiff(
  before: readonly unknown[],
  after: readonly unknown[],
  { paint }: Screen,
): string {
  const [held, wanted] = [before.map(inline), after.map(inline)]
  const parts = [
    ...held.map((item) => (wanted.includes(item) ? item : paint.red(`-${item}`))),
    ...wanted.filter((item) => !held.includes(item)).map((item) => paint.green(`+${item}`)),
  ]
  const moved = parts.length === held.length && parts.every((part, i) => part === held[i])
  return moved ? `${held.join(', ')} -> ${wanted.join(', ')}` : parts.join(', ')
}

function isScalars(list: readonly unknown[]): boolean {
  return list.every((item) => typeof item !== 'object' || item === null)
}

function under(
  label: string,
  value: unknown,
  tint: (text: string) => string,
  { columns }: Screen,
): readonly string[] {
  const text = multiline(value)
  if (text.includes('\n')) return [label.trimEnd(), ...block(text, tint)]
  return wrapLine(text, columns - label.length).map(
    (line, i) => `${i === 0 ? label : ' '.repeat(label.length)}${tint(line)}`,
  )
}

function block(text: string, tint: (text: string) => string): readonly string[] {
  return text.split('\n').map((line) => `        ${tint(line)}`)
}

function kindWords(kind: string): string {
  return safeLine(kind).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function paintSign(sign: string, paint: Screen['paint']): string {
  if (sign === '+') return paint.green(sign)
  if (sign === '-' || sign === '!') return paint.red(sign)
  return sign === '~' ? paint.yellow(sign) : paint.dim(sign)
}
