import { describe, expect, test } from 'vitest'
import { findOperation } from '../../tools/catalogue.ts'
import { expectedSteps, messagesOf, phraseFiles, stepsOf, withAliases, zoneOf } from './phrases.ts'
import { converse } from './tool-backend.ts'

const references = /^(?:\{\{steps\.[a-z_0-9]+\.output\.[a-z_.]+\}\}|[a-z]+_[0-7][0-9a-z]{25})$/

describe.each(phraseFiles())('%s', (_file, phrases) => {
  test.each(phrases.map((phrase) => [messagesOf(phrase).join(' / '), phrase] as const))(
    '%s',
    async (_said, phrase) => {
      const zone = zoneOf(phrase)
      const answer = await converse(zone, messagesOf(phrase))
      const text = withAliases(answer.text, zone)
      if ('plan' in phrase) {
        expect(answer.last, text).toBeDefined()
        const steps = answer.last?.steps ?? []
        expect(stepsOf(steps)).toEqual(expectedSteps(phrase.plan, zone))
        expect(answer.outcome).toBe('done')
        expect(text).toContain('waits for approval')
        return
      }
      expect(answer.last?.steps ?? []).toEqual([])
      if ('question' in phrase) {
        expect(text).toContain(phrase.question)
        expect(answer.outcome).toBe('question')
      } else if ('answer' in phrase) {
        expect(text).toContain(phrase.answer)
        expect(answer.outcome).toBe('done')
      } else {
        expect(text).toContain(phrase.not_understood)
        expect(answer.outcome).toBe('not_understood')
      }
    },
  )
})

test('every step that is expected anywhere is one that the catalogue plans, with input that fits', () => {
  for (const [file, phrases] of phraseFiles())
    for (const phrase of phrases) {
      if (!('plan' in phrase)) continue
      for (const step of expectedSteps(phrase.plan, zoneOf(phrase))) {
        const { operation: id, input } = step as {
          operation: string
          input: Record<string, unknown>
        }
        const operation = findOperation(id)
        expect(operation?.plannable, `${file}: ${id}`).toBe(true)
        const shape = operation?.input.shape ?? {}
        expect(
          Object.keys(input).filter((key) => !(key in shape)),
          `${file}: ${id}`,
        ).toEqual([])
        for (const [key, value] of Object.entries(input))
          if (key.endsWith('_id') && typeof value === 'string' && key !== 'user_id')
            expect(value).toMatch(references)
      }
    }
})

test('every write that a plan may hold is in some phrase', async () => {
  const { catalogue } = await import('../../tools/catalogue.ts')
  const wanted = catalogue
    .filter((operation) => operation.plannable && operation.effect !== 'read')
    .map(({ id }) => id)
  const said = new Set(
    phraseFiles().flatMap(([, phrases]) =>
      phrases.flatMap((phrase) =>
        'plan' in phrase ? phrase.plan.flatMap((step) => Object.keys(step)) : [],
      ),
    ),
  )
  expect(wanted.filter((id) => !said.has(id))).toEqual([])
})
