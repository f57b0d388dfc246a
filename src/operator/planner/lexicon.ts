import { phrasesByClass } from './lexicon-table.ts'
import { foldText } from './tokens.ts'

const irregular: Readonly<Record<string, readonly string[]>> = {
  give: ['gave', 'given', 'gives', 'giving'],
  take: ['took', 'taken', 'takes', 'taking'],
  let: ['lets', 'letting'],
  withdraw: ['withdrew', 'withdrawn', 'withdraws', 'withdrawing'],
  cut: ['cuts', 'cutting'],
  set: ['sets', 'setting'],
  put: ['puts', 'putting'],
  make: ['made', 'makes', 'making'],
  freeze: ['froze', 'frozen', 'freezes', 'freezing'],
  get: ['got', 'gotten', 'gets', 'getting'],
  write: ['wrote', 'written', 'writes', 'writing'],
  overwrite: ['overwrote', 'overwritten', 'overwrites', 'overwriting'],
  read: ['reads', 'reading'],
  see: ['saw', 'seen', 'sees', 'seeing'],
  forbid: ['forbade', 'forbidden', 'forbids', 'forbidding'],
  send: ['sent', 'sends', 'sending'],
  build: ['built', 'builds', 'building'],
  bind: ['bound', 'binds', 'binding'],
  unbind: ['unbound', 'unbinds', 'unbinding'],
  lose: ['lost', 'loses', 'losing'],
  keep: ['kept', 'keeps', 'keeping'],
  bring: ['brought', 'brings', 'bringing'],
  tell: ['told', 'tells', 'telling'],
  find: ['found', 'finds', 'finding'],
  show: ['shown', 'showed', 'shows', 'showing'],
  run: ['ran', 'runs', 'running'],
  shut: ['shuts', 'shutting'],
  undo: ['undid', 'undone', 'undoes', 'undoing'],
  tear: ['tore', 'torn', 'tears', 'tearing'],
  stop: ['stops', 'stopped', 'stopping'],
  permit: ['permits', 'permitted', 'permitting'],
}

/** Verbs of one vowel before the last consonant double it: `tag`, `tagging`. */
const doubled = /^(?:[^aeiou]*[aeiou][bdgkmnprt]|enrol|enroll)$/

/** Every form of a verb, the base itself included. */
export function inflections(base: string): readonly string[] {
  const known = irregular[base]
  if (known !== undefined) return [base, ...known]
  if (base.endsWith('e')) return [base, `${base}s`, `${base}d`, `${base.slice(0, -1)}ing`]
  if (/[^aeiou]y$/.test(base)) {
    const stem = base.slice(0, -1)
    return [base, `${stem}ies`, `${stem}ied`, `${base}ing`]
  }
  if (/(?:s|x|sh|ch)$/.test(base)) return [base, `${base}es`, `${base}ed`, `${base}ing`]
  const stem = doubled.test(base) ? base + base.slice(-1) : base
  return [base, `${base}s`, `${stem}ed`, `${stem}ing`]
}

/** Longest phrase of the lexicon, in words. */
export const longestPhrase = 7

const classesByPhrase = new Map<string, Set<string>>()
for (const [kind, phrases] of Object.entries(phrasesByClass))
  for (const phrase of phrases.split(',').map((text) => text.trim()))
    for (const form of formsOf(phrase)) note(form, kind)

function formsOf(phrase: string): readonly string[] {
  const [first = '', ...rest] = phrase.split(' ')
  if (!first.endsWith('~')) return [phrase]
  return inflections(first.slice(0, -1)).map((form) => [form, ...rest].join(' '))
}

function note(phrase: string, kind: string): void {
  const classes = classesByPhrase.get(phrase) ?? new Set<string>()
  classes.add(kind)
  classesByPhrase.set(phrase, classes)
}

/** The classes of a phrase, folded and with single spaces; empty when it is unknown. */
export function classesOf(phrase: string): ReadonlySet<string> {
  return classesByPhrase.get(foldText(phrase)) ?? none
}

const wordsByLength = new Map<number, string[]>()
const weightless = /^(?:filler|polite|wish|modal|greeting|thanks|but|because|help|yes|cancel)$/
for (const [phrase, classes] of classesByPhrase)
  if (/^[a-z]{4,}$/.test(phrase) && ![...classes].some((name) => weightless.test(name)))
    wordsByLength.set(phrase.length, [...(wordsByLength.get(phrase.length) ?? []), phrase])

/**
 * Single words of the lexicon that mean something by themselves, at most one letter longer or
 * shorter. A word that was misspelt into one that says nothing would just vanish.
 */
export function knownWords(length: number): readonly string[] {
  return [length - 1, length, length + 1].flatMap((one) => wordsByLength.get(one) ?? [])
}

const none: ReadonlySet<string> = new Set()
