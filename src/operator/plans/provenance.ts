import type { StepsPreview } from '../../gate/preview.ts'
import type { Call } from '../../gate/handler.ts'
import { referencesIn } from '../../gate/references.ts'
import type { Step } from '../../gate/steps.ts'
import { limits } from '../../kernel/limits.ts'
import { lastMessages } from '../../store/conversations.ts'
import { knownValues } from '../../store/known-values.ts'

type Provenance = NonNullable<StepsPreview['provenance']>

/**
 * Where every argument of the Operator's steps comes from: the words that the person wrote in the
 * conversation, the zone's state, or an earlier step; `neither` is the model's own. What a model says
 * that the person has asked for counts for nothing here.
 */
export async function provenanceOf(call: Call, steps: readonly Step[]): Promise<Provenance> {
  const { principal } = call
  const conversation = principal.kind === 'control' ? principal.conversationId : null
  const messages =
    conversation === null
      ? []
      : await lastMessages(call.queries, conversation, limits.conversationMessages)
  const words = messages.filter(({ role }) => role === 'person').map(({ text }) => spoken(text))
  const given = steps.flatMap(({ id, input }) =>
    leavesOf(input, []).map(([path, value]) => ({ step: id, argument: path.join('.'), value })),
  )
  const texts = given.flatMap(({ value }) => (typeof value === 'string' ? [value] : []))
  const known = await knownValues(call.queries, call.zone, [...new Set(texts)])
  return given.map(({ step, argument, value }) => ({
    step,
    argument,
    source: sourceOf(value, words, known),
  }))
}

function sourceOf(
  value: unknown,
  words: readonly string[],
  known: ReadonlySet<string>,
): Provenance[number]['source'] {
  if (referencesIn(value).length > 0) return 'plan'
  const text = spoken(String(value))
  if (text.trim() !== '' && words.some((said) => said.includes(text))) return 'words'
  return typeof value === 'string' && known.has(value) ? 'state' : 'neither'
}

/** A text as it is spoken: words alone, each between spaces. */
function spoken(text: string): string {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  return ` ${words.join(' ')} `
}

type Leaf = readonly [path: readonly string[], value: unknown]

function leavesOf(value: unknown, path: readonly string[]): readonly Leaf[] {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]))
}
