import { type Clause, is, isUnknown, named, take, takeAll } from './clause.ts'
import { addPlanned, addStep } from './draft.ts'
import type { Item } from './items.ts'
import { clashWith, newNamesIn } from './new-names.ts'
import { canonical, mention, type Part, type Scene } from './scene.ts'
import { gap, objectsOf, takeKind } from './slots.ts'
import { questions, quoted } from './texts.ts'

/** A setting of a provider: the words that it stands behind, and what its value looks like. */
interface Setting {
  readonly field: string
  readonly words: RegExp
  readonly shape: 'url' | 'word'
  readonly required: boolean
}

interface ProviderKind {
  readonly kind: string
  readonly words: RegExp
  readonly settings: readonly Setting[]
}

const tokenUrl: Setting = {
  field: 'token_url',
  words: /\btoken[ _-]?(?:url|uri|endpoint)\b/i,
  shape: 'url',
  required: true,
}
const clientId: Setting = {
  field: 'client_id',
  words: /\bclient[ _-]?id\b/i,
  shape: 'word',
  required: true,
}
const audience: Setting = {
  field: 'audience',
  words: /\baudience\b/i,
  shape: 'word',
  required: false,
}
const authorizationUrl: Setting = {
  field: 'authorization_url',
  words: /\bauthori[sz]ation[ _-]?(?:url|uri|endpoint)\b/i,
  shape: 'url',
  required: true,
}
const username: Setting = {
  field: 'username',
  words: /\b(?:user ?name|user)\b/i,
  shape: 'word',
  required: true,
}
const headerName: Setting = {
  field: 'name',
  words: /\b(?:header|query parameter|parameter|query)(?: (?:named|called))?\b/i,
  shape: 'word',
  required: false,
}

/** Kinds of providers by the words for them; the first that matches is meant. */
const providerKinds: readonly ProviderKind[] = [
  {
    kind: 'oauth2_authorization_code',
    words: /\b(?:oauth ?2? )?authori[sz]ation[ _-]code\b/i,
    settings: [authorizationUrl, tokenUrl, clientId],
  },
  {
    kind: 'oauth2_client_credentials',
    words: /\b(?:oauth2?[ _]?)?client[ _-]credentials?\b/i,
    settings: [tokenUrl, clientId, audience],
  },
  { kind: 'api_key', words: /\bapi[ _-]?keys?\b/i, settings: [headerName] },
  { kind: 'bearer_token', words: /\bbearer(?:[ _-]tokens?)?\b/i, settings: [] },
  {
    kind: 'http_basic',
    words: /\b(?:http )?basic(?:[ _-]auth(?:entication)?)?\b|\bhttp_basic\b/i,
    settings: [username],
  },
  { kind: 'caracal_mandate', words: /\b(?:caracal[ _])?mandates?\b/i, settings: [] },
  {
    kind: 'none',
    words: /\b(?:no (?:credentials?|authentication|auth)|kind none|none)\b/i,
    settings: [],
  },
]

/** `create a provider called Stripe with an api key in the header X-Api-Key`. */
export async function createProvider(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'word:new')
  const read = settingsIn(scene, clause)
  const [name] = newNamesIn(scene, clause, 'provider')
  takeKind(clause, 'provider')
  if (name === undefined) return [gap(clause, questions.needsName('provider'), 'called')]
  const clash = clashWith(scene, 'provider', name.text)
  if (clash !== null) return [clash]
  if (!read.ok) return [read.part]
  const step = addStep(scene.draft, {
    operation: 'providers.create',
    name: 'provider',
    input: { name: name.text, settings: read.settings },
    phrase: `create ${String(read.settings['kind']).replaceAll('_', ' ')} provider ${quoted(name.text)}`,
  })
  mention(scene, addPlanned(scene.draft, step, 'provider', name.text))
  return needsSecret.has(String(read.settings['kind']))
    ? [
        {
          kind: 'note',
          text: `The secret of ${quoted(name.text)} is set apart from the plan, with \`caracal provider set-secret\` or in the console.`,
        },
      ]
    : []
}

const needsSecret: ReadonlySet<string> = new Set([
  'oauth2_authorization_code',
  'oauth2_client_credentials',
  'api_key',
  'bearer_token',
  'http_basic',
])

type Settings =
  | { readonly ok: true; readonly settings: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly part: Part }

function settingsIn(scene: Scene, clause: Clause): Settings {
  const start = clause.items[0]?.start ?? 0
  const text = scene.message.slice(start, clause.items.at(-1)?.end ?? start)
  const known = providerKinds
    .map((one) => ({ one, match: one.words.exec(maskQuotes(text)) }))
    .find(({ match }) => match !== null)
  if (known === undefined || known.match === null)
    return {
      ok: false,
      part: gap(
        clause,
        'How does it authenticate: api key, bearer token, basic auth, client credentials, authorization code, caracal mandate or none?',
        'with',
      ),
    }
  takeRange(clause, start + known.match.index, start + known.match.index + known.match[0].length)
  const settings: Record<string, unknown> = { kind: known.one.kind }
  for (const setting of known.one.settings) {
    const value = valueOf(clause, text, start, setting)
    if (value !== null) settings[setting.field] = value
  }
  const lacking = known.one.settings.filter(
    (one) => one.required && settings[one.field] === undefined,
  )
  if (lacking.length > 0) {
    const fields = lacking.map((one) => one.field.replaceAll('_', ' ')).join(' and ')
    return {
      ok: false,
      part: gap(clause, `A provider of this kind needs its ${fields}. What is it?`, fields),
    }
  }
  if (known.one.kind === 'api_key' && /\bquery\b/i.test(text)) {
    settings['in'] = 'query'
    takeWord(clause, 'query', 'parameter')
  }
  takeWord(clause, 'auth', 'authentication', 'oauth2', 'oauth', 'using', 'type', 'kind')
  return { ok: true, settings }
}

function maskQuotes(text: string): string {
  return text.replace(/["“”][^"“”]*["“”]/gu, (found) => '_'.repeat(found.length))
}

function takeRange(clause: Clause, from: number, to: number): void {
  take(
    clause,
    ...clause.items.filter((item) => item.start < to && item.end > from && item.shape !== 'quoted'),
  )
}

function takeWord(clause: Clause, ...words: readonly string[]): void {
  take(clause, ...clause.items.filter((item) => words.includes(item.fold)))
}

function valueOf(clause: Clause, text: string, start: number, setting: Setting): string | null {
  const match = setting.words.exec(maskQuotes(text))
  if (match === null) return null
  const behind = start + match.index + match[0].length
  const accepts = (item: Item): boolean =>
    setting.shape === 'url' ? item.shape === 'url' : item.shape !== 'punct' && !is(item, 'filler')
  const value = clause.items.find(
    (item) => item.start >= behind && !clause.taken.has(item) && accepts(item),
  )
  if (value === undefined) return null
  takeRange(clause, start + match.index, behind)
  take(clause, value)
  return value.text
}

/** `change the token url of Stripe to https://...`: settings of a kind are changed one at a time. */
export async function patchProvider(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'verb:set', 'verb:change', 'noun:url', 'noun:issuer')
  const [found] = named(clause, 'provider')
  const target = objectsOf(scene, clause, 'provider', { runs: found === undefined })
  if (!target.ok) return [target.part]
  const [provider] = target.entities
  const row = scene.objects.providers.find(({ id }) => id === provider?.id)
  const kind = providerKinds.find((one) => one.kind === row?.settings.kind)
  if (provider === undefined || row === undefined || kind === undefined)
    return [{ kind: 'question', text: 'Which setting of which provider should change?' }]
  const start = clause.items[0]?.start ?? 0
  const text = scene.message.slice(start, clause.items.at(-1)?.end ?? start)
  const change: Record<string, string> = {}
  for (const setting of kind.settings) {
    const match = setting.words.exec(text)
    if (match === null) continue
    const value = clause.items.findLast(
      (item) =>
        !clause.taken.has(item) &&
        (setting.shape === 'url'
          ? item.shape === 'url'
          : isUnknown(item) || item.shape === 'quoted'),
    )
    takeRange(clause, start + match.index, start + match.index + match[0].length)
    if (value === undefined) continue
    take(clause, value)
    change[setting.field] = value.text
  }
  const fields = Object.keys(change)
  if (fields.length === 0)
    return [
      gap(
        clause,
        `Which setting of ${quoted(row.name)} should change, and to what: ${kind.settings.map((one) => one.field.replaceAll('_', ' ')).join(', ')}?`,
        '',
      ),
    ]
  addStep(scene.draft, {
    operation: 'providers.patch',
    name: 'provider',
    input: { provider_id: canonical(scene, provider).id, settings: { ...row.settings, ...change } },
    phrase: `set ${fields.map((field) => field.replaceAll('_', ' ')).join(' and ')} of provider ${quoted(row.name)}`,
  })
  return []
}
