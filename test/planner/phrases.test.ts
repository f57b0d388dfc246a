import { describe, expect, test } from 'vitest'
import { catalogue, findOperation } from '../../tools/catalogue.ts'
import { judge, type Judgement, type Verdict } from './judge.ts'
import { expectedSteps, messagesOf, phraseFiles } from './phrases.ts'

const references = /^(?:\{\{steps\.[a-z_0-9]+\.output\.[a-z_.]+\}\}|[a-z]+_[0-7][0-9a-z]{25})$/

/** Files of what people say, as they mean it: the planner may ask back, and is measured by it. */
const measured = /^fresh-/

const verdicts: readonly Verdict[] = ['exact', 'asked back', 'wrong answer', 'wrong plan']
const judged = new Map<string, readonly Judgement[]>()

describe.each(phraseFiles())('%s', (file, phrases) => {
  const judgements: Judgement[] = []
  judged.set(file, judgements)
  test.each(phrases.map((phrase) => [messagesOf(phrase).join(' / '), phrase] as const))(
    '%s',
    async (_said, phrase) => {
      const one = await judge(phrase)
      judgements.push(one)
      const steps = expectedSteps(phrase)
      if (one.steps.length > 0) {
        expect(one.steps, one.text).toEqual(steps)
        expect(one.text).toContain('waits for approval')
        expect(one.outcome).toBe('done')
      }
      if (!measured.test(file)) expect(one.verdict, one.text).toBe('exact')
    },
  )
})

test('the rates of every file are reported, and no phrase of the public set makes a wrong plan', () => {
  const rows = [...judged].map(([file, list]) => {
    const count = (verdict: Verdict): number => list.filter((one) => one.verdict === verdict).length
    return { file, phrases: list.length, ...Object.fromEntries(verdicts.map((v) => [v, count(v)])) }
  })
  const all = [...judged.values()].flat()
  const rate = (verdict: Verdict): number =>
    all.filter((one) => one.verdict === verdict).length / all.length
  process.stdout.write(`${rows.map((row) => JSON.stringify(row)).join('\n')}\n`)
  process.stdout.write(
    `${String(all.length)} phrases: ${verdicts.map((v) => `${v} ${(rate(v) * 100).toFixed(1)} %`).join(', ')}\n`,
  )
  expect(all.filter((one) => one.verdict === 'wrong plan')).toEqual([])
  expect(all.length).toBeGreaterThanOrEqual(1000)
  expect(rate('exact')).toBeGreaterThanOrEqual(0.97)
  expect(rate('wrong answer')).toBeLessThanOrEqual(0.01)
})

test('every step that is expected anywhere is one that the catalogue plans, with input that fits', () => {
  for (const [file, phrases] of phraseFiles())
    for (const step of phrases.flatMap((phrase) => expectedSteps(phrase) ?? [])) {
      const { operation: id, input } = step as { operation: string; input: Record<string, unknown> }
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
})

test('at least three phrases plan each write that a plan may hold', () => {
  const plannable = catalogue
    .filter((operation) => operation.plannable && operation.effect !== 'read')
    .map(({ id }): string => id)
  const uses = phraseFiles()
    .flatMap(([, phrases]) => phrases)
    .flatMap((phrase) => [
      ...new Set(
        (expectedSteps(phrase) ?? []).map((step) => (step as { operation: string }).operation),
      ),
    ])
  const seldom = plannable.filter((id) => uses.filter((used) => used === id).length < 3)
  expect(seldom).toEqual([])
})
