import type { Model, Turn, TurnResult } from '../../src/operator/model/model.ts'

/** What the model does with a turn; a text alone is the answer of a turn that went well. */
export type Script = (turn: Turn) => Promise<string | TurnResult>

/** A model that does what the test says, and keeps the turns that it was given. */
export interface ScriptedModel extends Model {
  readonly turns: readonly Turn[]
  /** What the next turns do. */
  follow(script: Script): void
}

export function scriptedModel(): ScriptedModel {
  const turns: Turn[] = []
  let script: Script = () => Promise.resolve('Hello.')
  return {
    name: 'scripted',
    offline: true,
    turns,
    follow(next) {
      script = next
    },
    async answer(turn) {
      turns.push(turn)
      const said = await script(turn)
      return typeof said === 'string'
        ? { text: said, outcome: 'done', usage: { calls: 1, inputTokens: 3, outputTokens: 2 } }
        : said
    },
  }
}
