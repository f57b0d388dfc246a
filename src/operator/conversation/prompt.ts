import { readFileSync } from 'node:fs'
import { catalogue } from '../../../tools/catalogue.ts'
import type { Operation } from '../../../tools/operation.ts'
import { packageFile } from '../../kernel/package-root.ts'
import { inertJson } from '../model/fence.ts'
import { signatureOf } from './signature.ts'

export interface PromptFacts {
  readonly zone: { readonly id: string; readonly name: string; readonly slug: string }
  readonly person: string
  readonly mode: 'ask' | 'agent'
  readonly nowMs: number
  readonly timeZone: string
}

/** A placeholder, `{such_as_this}`; a reference, `{{such.as.this}}`, is text of the prompt. */
const placeholder = /(?<!\{)\{([a-z_]+)\}(?!\})/g

const files = new Map<string, string>()

/**
 * The text of `prompts/<name>.md` with its placeholders filled in. A value without a placeholder, or
 * the other way about, is a programmer's error: a prompt must not silently lose a fact.
 */
export function promptText(name: string, values: Readonly<Record<string, string>>): string {
  const unused = new Set(Object.keys(values))
  const text = fileOf(name).replace(placeholder, (_, key: string) => {
    unused.delete(key)
    const value = values[key]
    if (value === undefined) throw new Error(`prompts/${name}.md: nothing fills {${key}}`)
    return value
  })
  if (unused.size > 0) throw new Error(`prompts/${name}.md has no {${[...unused].join('}, {')}}`)
  return text.trimEnd()
}

function fileOf(name: string): string {
  const known = files.get(name)
  if (known !== undefined) return known
  const text = readFileSync(packageFile('prompts', `${name}.md`), 'utf8')
  files.set(name, text)
  return text
}

/** What the model is told before the conversation: the same for the same facts, to the byte. */
export function systemPrompt(facts: PromptFacts): string {
  return promptText('operator', {
    // Names are data: in quotes, on one line, and unable to look like a fence.
    person: inertJson(facts.person),
    zone_name: inertJson(facts.zone.name),
    zone_slug: facts.zone.slug,
    zone_id: facts.zone.id,
    now: localTime(facts.nowMs, facts.timeZone),
    mode:
      facts.mode === 'agent'
        ? promptText('mode-agent', { operations: plannable() })
        : promptText('mode-ask', {}),
  })
}

let listed: string | undefined

/** The operations that a step may name; they are the same for as long as the process lives. */
function plannable(): string {
  const operations: readonly Operation[] = catalogue
  return (listed ??= operations
    .filter((operation) => operation.plannable)
    .map(
      (operation) =>
        `- ${signatureOf(operation)}: ${operation.summary}. Risk ${riskOf(operation)}.`,
    )
    .join('\n'))
}

function riskOf({ risk, raises }: Operation): string {
  return [risk, ...raises.map(({ risk: higher, reason }) => `${higher} if it ${reason}`)].join(', ')
}

/** `Tuesday, 2026-11-24T05:33:00+01:00 (Europe/Berlin)`: what "tomorrow at six" is worked out from. */
function localTime(nowMs: number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'long',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'longOffset',
  }).formatToParts(nowMs)
  const part = (type: Intl.DateTimeFormatPartTypes): string =>
    parts.find((one) => one.type === type)?.value ?? ''
  const offset = part('timeZoneName').replace('GMT', '') || '+00:00'
  const date = `${part('year')}-${part('month')}-${part('day')}`
  const time = `${part('hour')}:${part('minute')}:${part('second')}`
  return `${part('weekday')}, ${date}T${time}${offset} (${timeZone})`
}
