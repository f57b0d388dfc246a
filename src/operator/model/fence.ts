/** The most of a tool's answer that goes to a model, in characters: some 6,000 tokens. */
const fencedChars = 24_000

/**
 * Puts what a tool answered between marks that say it is data. No angle bracket of it survives as
 * one, so nothing that is stored in a zone can end the fence or begin another; in JSON the escapes
 * mean the same characters.
 */
export function fenced(source: string, value: unknown): string {
  const json = JSON.stringify(value).replace(/[<>]/g, (bracket) => escapes[bracket] ?? '')
  const shown = json.length <= fencedChars ? json : json.slice(0, fencedChars)
  const cut = shown === json ? '' : ` cut="after ${fencedChars} of ${json.length} characters"`
  return `<data source="${source}"${cut}>\n${shown}\n</data>`
}

const escapes: Readonly<Record<string, string>> = {
  '<': String.raw`\u003c`,
  '>': String.raw`\u003e`,
}
