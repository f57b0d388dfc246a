import type { Operation } from '../../tools/operation.ts'

/** Names that people use beside the one that an object's own gives. */
const objectAliases: Readonly<Record<string, readonly string[]>> = {
  applications: ['app', 'apps'],
  admin_tokens: ['tokens', 'admin-token'],
}

/** Objects that people call otherwise than the catalogue does. */
const mainNames: Readonly<Record<string, string>> = { admin_tokens: 'token' }

const verbAliases: Readonly<Record<string, readonly string[]>> = {
  get: ['show'],
  list: ['ls'],
  patch: ['update'],
  delete: ['rm'],
}

/** Objects whose name alone means one of their verbs: `caracal audit` is its list. */
export const defaultVerbs: Readonly<Record<string, string>> = {
  audit: 'list',
  access: 'list',
  autopilot: 'status',
}

/** What an object is called on the command line: singular first, then plural and short names. */
export function namesOfObject(object: string): readonly [string, ...string[]] {
  const plural = kebab(object)
  const singular = mainNames[object] ?? plural.replace(/ies$/, 'y').replace(/(?<![si])s$/, '')
  const names = [singular, plural, ...(objectAliases[object] ?? [])]
  return [singular, ...new Set(names.filter((name) => name !== singular))]
}

/** What a verb is called: `rotate_secret` is `rotate-secret`. */
export function namesOfVerb(verb: string): readonly [string, ...string[]] {
  return [kebab(verb), ...(verbAliases[verb] ?? [])]
}

/** An object of the catalogue in words: `policy set`. */
export function wordsOfObject(object: string): string {
  return namesOfObject(object)[0].replaceAll('-', ' ')
}

export function verbOf({ id }: Pick<Operation, 'id'>): string {
  return id.slice(id.indexOf('.') + 1)
}

export function kebab(snake: string): string {
  return snake.replaceAll('_', '-')
}

/** As the typed client calls objects and verbs: `policy_sets` is `policySets`. */
export function camelOf(snake: string): string {
  return snake.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
