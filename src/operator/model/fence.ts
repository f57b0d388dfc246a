/** The most of a tool's answer that goes to a model, in characters: some 6,000 tokens. */
const fencedChars = 24_000

/**
 * What is written as its escape, which in JSON means the same character: angle brackets, also the
 * wide and small ones that a reader takes for them, and what shows as nothing or reorders the rest:
 * format characters with those of bidi and of tags, and separators of lines.
 */
const escaped = /[<>\uff1c\uff1e\ufe64\ufe65\p{Cf}\p{Zl}\p{Zp}]/gu

/**
 * Puts what a tool answered between marks that say it is data. No angle bracket of it survives as
 * one, so nothing that is stored in a zone can end the fence or begin another, and no character of
 * it is hidden: what people see of a text is what the model is given.
 */
export function fenced(source: string, value: unknown): string {
  const json = inertJson(value)
  const shown = json.length <= fencedChars ? json : json.slice(0, fencedChars)
  const cut = shown === json ? '' : ` cut="after ${fencedChars} of ${json.length} characters"`
  return `<data source="${source}"${cut}>\n${shown}\n</data>`
}

/** A value as JSON on one line that holds no mark and hides nothing. */
export function inertJson(value: unknown): string {
  return JSON.stringify(value).replace(escaped, escapeOf)
}

function escapeOf(character: string): string {
  return character
    .split('')
    .map((unit) => String.raw`\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
