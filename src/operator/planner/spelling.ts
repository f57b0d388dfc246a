import { editDistance } from './entities.ts'
import type { Item } from './items.ts'
import { knownWords } from './lexicon.ts'

export interface Correction {
  readonly message: string
  /** What was read as what, for the answer. */
  readonly words: readonly (readonly [string, string])[]
}

/** Words of times, which the lexicon does not hold. */
const timeWords: readonly string[] = (
  'until today tomorrow tonight monday tuesday wednesday thursday friday saturday sunday ' +
  'minutes hours weeks months january february september october november december'
).split(' ')

/** Shorter words are one edit from too many others; of four letters, two may be swapped. */
const lettersLeast = 5
const correctionsMost = 3

/**
 * The message with unknown words put right that are one edit from one word of the grammar alone:
 * `acess`, `raed`. Null where none is, or where so many are that the message means something else.
 */
export function corrected(message: string, items: readonly Item[]): Correction | null {
  const found = items.flatMap((item) => {
    if (item.shape !== 'word' || item.classes.size > 0 || item.entities.length > 0) return []
    const word = nearestWord(item.fold)
    return word === null ? [] : [{ item, word }]
  })
  if (found.length === 0 || found.length > correctionsMost) return null
  let text = message
  for (const { item, word } of found.toReversed())
    text = text.slice(0, item.start) + word + text.slice(item.end)
  return { message: text, words: found.map(({ item, word }) => [item.text, word] as const) }
}

function nearestWord(fold: string): string | null {
  if (!/^[a-z]{4,}$/.test(fold)) return null
  const near = [...knownWords(fold.length), ...timeWords].filter((word) => isNear(fold, word))
  return near.length === 1 ? (near[0] ?? null) : null
}

function isNear(said: string, word: string): boolean {
  if (editDistance(said, word) !== 1) return false
  const swapped =
    said.length === word.length && [...said].sort().join('') === [...word].sort().join('')
  if (swapped) return true
  // Another first letter, or another letter in a short word, is another word: `form`, `lease`.
  return (
    said.length >= lettersLeast &&
    said[0] === word[0] &&
    (said.length !== word.length || said.length > 6)
  )
}
