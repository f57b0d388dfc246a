import { type Clause, has, is, isSilent, named, scopeClassOf, take, takeAll } from './clause.ts'
import { names, saysAccess } from './intent-features.ts'
import { canonical, mention, type Part, type Scene } from './scene.ts'
import { kindNames, quoted } from './texts.ts'

const kinds = ['application', 'resource', 'provider', 'policy', 'policySet'] as const

/** `the secret of support-bot leaked`, `Metrics is obsolete`: why something is asked for. */
export function isRemark(clause: Clause): boolean {
  if (saysAccess(clause) && !has(clause, 'noun:secret')) return false
  const given = clause.head === null && has(clause, 'word:useless')
  return (given || isUnusedByUs(clause)) && kinds.some((kind) => names(clause, kind))
}

/** `we don't use mailer-west any more`, `we no longer need Metrics`. */
function isUnusedByUs(clause: Clause): boolean {
  return (
    clause.items.some(({ fold }) => ['we', 'nobody', 'no one'].includes(fold)) &&
    has(clause, 'no-longer', 'any-more') &&
    has(clause, 'verb:attach', 'verb:require') &&
    !has(clause, 'noun:access', 'verb:give')
  )
}

/**
 * Remembers what a remark is about, for the request that follows it: `..., please rotate it`. It
 * asks for nothing by itself.
 */
export async function noteRemark(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const meant = kinds.flatMap((kind) =>
    named(clause, kind).map(({ entity }) => canonical(scene, entity)),
  )
  mention(scene, ...meant)
  const said = scene.message.slice(clause.items.at(-1)?.end ?? 0)
  if (isUnusedByUs(clause)) takeAll(clause, 'negation', 'no-longer', 'any-more')
  takeAll(
    clause,
    'verb:attach',
    'verb:require',
    'word:useless',
    'noun:secret',
    'noun:keys',
    'noun:access',
    'noun:upstream',
  )
  take(clause, ...clause.items.filter((item) => item.entities.length > 0 || isKind(item)))
  if (/[\p{L}\p{N}]/u.test(said)) return []
  const who = meant.map((entity) => `the ${kindNames[entity.kind]} ${quoted(entity.name)}`)
  return [{ kind: 'question', text: `What should be done about ${who.join(' and ')}?` }]
}

function isKind(item: Clause['items'][number]): boolean {
  return [...item.classes].some((name) => name.startsWith('kind:'))
}

const factual = /(?:s|ed|ing)$/

/** `billing-agent reads orders`: how things are, or how they should be; nobody can tell. */
export function isStatement(clause: Clause): boolean {
  if (clause.modal || clause.asks || (clause.head !== null && scopeClassOf(clause.head) === null))
    return false
  if (clause.items.some(({ fold }) => /^(?:please|pls|plz|kindly)$/.test(fold))) return false
  const content = clause.items.filter((item) => !isSilent(item) && !is(item, 'kind:application'))
  const [subject, verb] = content
  return (
    subject !== undefined &&
    verb !== undefined &&
    subject.entities.some(({ kind }) => kind === 'application') &&
    scopeClassOf(verb) !== null &&
    verb.shape === 'word' &&
    factual.test(verb.fold) &&
    !clause.items.some((item) => item.fold === ':')
  )
}

export async function askAboutStatement(_scene: Scene, clause: Clause): Promise<readonly Part[]> {
  take(clause, ...clause.items)
  return [
    {
      kind: 'question',
      text: 'Is that how it is, or how it should be? Say "let ... read ..." for what should change, or ask "can ... read ...?".',
    },
  ]
}
