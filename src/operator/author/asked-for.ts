/** Words that ask for something to be given, or for an obstacle to go away. */
const giving =
  /\b(?:allow(?:s|ed)?|give|gives|grant|grants|permit|let|lets|enable|open|may|can|able|auto-?approve|without (?:an )?approval|free)\b(?!\s*(?:not\b|['’]t\b))/giu

/** The same words where they say the opposite. */
const denied =
  /(?:\b(?:not|never|nobody|no one|none|stop|only|cannot|no longer)\b|n['’]t\b)(?:\s+\S+){0,3}\s*$/iu

/** Whether a person's words ask that somebody gets more; what is only denied asks for nothing. */
export function asksToGive(words: string): boolean {
  for (const match of words.matchAll(giving))
    if (!denied.test(words.slice(0, match.index))) return true
  return false
}
