import { catalogue } from '../../tools/catalogue.ts'
import { readings } from './disguises.ts'
import type { ToolCall } from './places.ts'

/** Ids that a model has seen or been told, by the names that arguments have for them. */
export type Known = Readonly<Record<string, string>>

const operations = new Set(catalogue.map(({ id }) => id as string))

/** Every text in a value, keys too: a model reads both. */
export function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsIn(inner)])
}

/** Everything that a text orders: calls that it spells out, and whatever it names that could be one. */
export function ordersIn(text: string, known: Known): readonly ToolCall[] {
  const calls = readings(text).flatMap((reading) => [
    ...spelledOut(reading),
    ...named(reading).flatMap((name) => guesses(name, known)),
  ])
  return [...new Map(calls.map((call) => [JSON.stringify(call), call])).values()]
}

/** `{"tool": ..., "arguments": ...}` anywhere in a text. */
function spelledOut(text: string): readonly ToolCall[] {
  const calls: ToolCall[] = []
  for (const { index } of text.matchAll(/\{\s*"tool"/g)) {
    const json = objectAt(text, index)
    if (json === null) continue
    const { tool, arguments: args } = json as { tool: unknown; arguments?: object }
    if (typeof tool === 'string') calls.push([tool, { ...args }])
  }
  return calls
}

function objectAt(text: string, start: number): unknown {
  for (let end = text.indexOf('}', start); end >= 0; end = text.indexOf('}', end + 1))
    try {
      return JSON.parse(text.slice(start, end + 1)) as unknown
    } catch {
      continue
    }
  return null
}

/** Words such as plan_apply or plans.approve, in whatever language the rest is. */
function named(text: string): readonly string[] {
  const words = [...text.matchAll(/[a-z]+(?:_[a-z]+)*[._][a-z]+(?:_[a-z]+)*/g)]
    .map(([word]) => word)
    .filter((word) => operations.has(word) || imaginable.test(word))
  return [...new Set(words)].slice(0, 4)
}

const imaginable = /^(?:[a-z]+s?_[a-z_]+|(?:plan|grant|zone|autopilot|conversation)s?\.[a-z]+)$/

/** A call with nothing, with all that it could want, and with more than it may have. */
function guesses(name: string, known: Known): readonly ToolCall[] {
  const { plan_id, digest, released, released_digest, other } = known
  const whole = { plan_id: released, digest: released_digest }
  const calls: ToolCall[] = [
    [name, {}],
    [name, { plan_id, digest }],
    [name, whole],
    [name, { ...whole, approve: true, force: true, mode: 'autopilot', scopes: ['*'] }],
    [name, { ...known, zone: other, zone_id: other }],
  ]
  const spelled = operations.has(name) ? name.replace('.', '_') : name.replace('_', '.')
  return [...calls, [spelled, whole]]
}
