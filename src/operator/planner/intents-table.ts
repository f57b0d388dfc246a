import { checkAccess, namesApplication, whatCan, whatExpires, whoCan } from './access-questions.ts'
import { addLabels, createApplications, removeLabels, rotateSecret } from './application-requests.ts'
import { whatHappened, whyRefused } from './audit-questions.ts'
import { does, has, is, isNegated, named, scopeClassOf, take, type Clause } from './clause.ts'
import { changeExpiry } from './expiry-requests.ts'
import { giveAccess } from './give-access.ts'
import { describeObject, listObjects, overview, whichActive } from './list-questions.ts'
import { deleteObjects, renameObject } from './object-requests.ts'
import { addPolicyVersion, createPolicy, deletePolicies, freezeZone, requireApproval, unfreezeZone, useTemplate, whetherFrozen } from './policy-requests.ts'
import { activateSet, cannotDeactivate, changeManifest, createPolicySet, rollBack } from './policy-set-requests.ts'
import { createProvider, patchProvider } from './provider-requests.ts'
import { addScopes, createResources, removeScopes, setProvider, setUpstream } from './resource-requests.ts'
import { type Kind } from './entities.ts'
import { type Part, type Scene } from './scene.ts'
import { isExactScope } from './scope-words.ts'
import { limitAccess, takeAccess } from './take-access.ts'
import { general, questions } from './texts.ts'
import { limitTimes } from './time-windows.ts'
import { createZone, markSystem, rotateKeys, switchDcr } from './zone-requests.ts'

/** One thing that can be asked for: when a clause means it, and what is made of it. */
export interface Intent {
  readonly id: string
  readonly fits: (clause: Clause, scene: Scene) => boolean
  readonly build: (scene: Scene, clause: Clause) => Promise<readonly Part[]>
}

function names(clause: Clause, kind: Kind): boolean {
  return named(clause, kind).some(({ item }) => !item.weak)
}

/** Words about scopes other than the verb of the request itself. */
function saysScopes(clause: Clause): boolean {
  return clause.items.some(
    (item) => item !== clause.head && (isExactScope(item) || scopeClassOf(item) !== null),
  )
}

function saysAccess(clause: Clause): boolean {
  return has(clause, 'noun:access') || saysScopes(clause)
}

function hasTime(clause: Clause): boolean {
  return clause.items.some((item) => item.time !== null)
}

function hasUrl(clause: Clause): boolean {
  return clause.items.some((item) => item.shape === 'url')
}

/** Whether the first word of one class stands before the first of the other. */
function precedes(clause: Clause, first: readonly string[], then: readonly string[], kind: Kind): boolean {
  const at = clause.items.findIndex((item) => is(item, ...first))
  const other = clause.items.findIndex(
    (item) => is(item, ...then) || item.entities.some((entity) => entity.kind === kind),
  )
  return at !== -1 && (other === -1 || at < other)
}

function fixed(text: string): Intent['build'] {
  return (_scene, clause) => {
    take(clause, ...clause.items)
    return Promise.resolve([{ kind: 'answer', text }])
  }
}

function appKind(clause: Clause): boolean {
  return has(clause, 'kind:application', 'kind:application-weak')
}

function creates(clause: Clause): boolean {
  return does(clause, 'create') || (clause.head === null && has(clause, 'word:new', 'word:naming'))
}

const timeWords = /\b(?:weekdays?|weekends?|week days?|work(?:ing)? ?days?|business days?|between \d|from \d{1,2}(?::\d\d)? ?(?:am|pm)? (?:to|until|till) \d)/i

function saysWindow(clause: Clause, scene: Scene): boolean {
  const text = scene.message.slice(clause.items[0]?.start ?? 0, clause.items.at(-1)?.end ?? 0)
  return has(clause, 'noun:business-hours') || timeWords.test(text)
}

const isPlanVerb = (clause: Clause): boolean =>
  does(clause, 'approve') &&
  (has(clause, 'kind:plan') ||
    clause.items.some((item) => item.shape === 'id' && item.text.startsWith('plan_')) ||
    !clause.items.some((item) => item !== clause.head && (item.entities.length > 0 || item.shape === 'quoted' || has(clause, 'noun:template', 'kind:policy', 'kind:policySet', 'noun:business-hours', 'noun:approval'))))

/** What a request can mean; the first that fits is taken, so the more particular come first. */
export const requests: readonly Intent[] = [
  { id: 'token', fits: (c) => has(c, 'noun:token'), build: fixed(general.adminTokens) },
  { id: 'undo', fits: (c) => does(c, 'undo'), build: fixed(general.undo) },
  {
    id: 'provider-secret',
    fits: (c) => has(c, 'noun:secret') && (has(c, 'kind:provider') || names(c, 'provider')) && !names(c, 'application') && !(creates(c) && has(c, 'word:naming')),
    build: fixed(general.providerSecret),
  },
  { id: 'template', fits: (c) => has(c, 'noun:template'), build: useTemplate },
  { id: 'approve', fits: isPlanVerb, build: fixed(general.approve) },
  {
    id: 'approval',
    fits: (c) => has(c, 'noun:approval') && (has(c, 'verb:require') || does(c, 'create', 'set', 'give') || c.modal) && !has(c, 'kind:plan'),
    build: requireApproval,
  },
  { id: 'unfreeze', fits: (c) => (does(c, 'unfreeze') && !names(c, 'application')) || (has(c, 'noun:freeze') && does(c, 'delete', 'revoke', 'off')), build: unfreezeZone },
  { id: 'rollback', fits: (c) => does(c, 'rollback') || (c.head?.fold === 'roll' && has(c, 'kind:policySet')), build: rollBack },
  { id: 'window', fits: (c, s) => saysWindow(c, s) && !creates(c), build: limitTimes },
  { id: 'dcr', fits: (c) => has(c, 'noun:dcr') && !(does(c, 'create') && has(c, 'kind:zone')), build: switchDcr },
  {
    id: 'freeze',
    fits: (c) => does(c, 'freeze') && !names(c, 'application') && !names(c, 'resource') && (has(c, 'kind:zone', 'noun:everything', 'everyone') || names(c, 'zone') || (has(c, 'all') && has(c, 'noun:access'))),
    build: freezeZone,
  },
  { id: 'system', fits: (c) => has(c, 'noun:system') && does(c, 'label', 'create', 'set', 'change'), build: markSystem },
  {
    id: 'policy-set.create',
    fits: (c) => creates(c) && has(c, 'kind:policySet') && !names(c, 'policy') && !has(c, 'kind:policy') && !names(c, 'policySet'),
    build: createPolicySet,
  },
  {
    id: 'policy-set.manifest',
    fits: (c) => (names(c, 'policy') || (has(c, 'kind:policy') && !names(c, 'policySet'))) && (has(c, 'kind:policySet') || names(c, 'policySet') || does(c, 'activate', 'on', 'off')) && !has(c, 'word:naming') && !(does(c, 'activate', 'on') && !names(c, 'policy')),
    build: changeManifest,
  },
  { id: 'policy-set.activate', fits: (c) => does(c, 'activate', 'on', 'set', 'create') && (names(c, 'policySet') || has(c, 'kind:policySet', 'noun:baseline')) && !has(c, 'kind:zone'), build: activateSet },
  { id: 'policy-set.off', fits: (c) => does(c, 'off') && (names(c, 'policySet') || has(c, 'kind:policySet')), build: (_s, c) => Promise.resolve(cannotDeactivate(c)) },
  { id: 'policy.version', fits: (c) => (names(c, 'policy') || has(c, 'kind:policy')) && (has(c, 'noun:version') || does(c, 'change')) && !does(c, 'delete', 'rename'), build: addPolicyVersion },
  { id: 'policy.create', fits: (c) => creates(c) && has(c, 'kind:policy'), build: createPolicy },
  { id: 'policy.delete', fits: (c) => does(c, 'delete') && (names(c, 'policy') || (has(c, 'kind:policy') && !names(c, 'policySet'))), build: deletePolicies },
  { id: 'zone.create', fits: (c) => (creates(c) || does(c, 'copy')) && has(c, 'kind:zone') && !names(c, 'application') && !has(c, 'noun:keys', 'noun:system'), build: createZone },
  {
    id: 'keys',
    fits: (c) => has(c, 'noun:keys') && (does(c, 'rotate') || has(c, 'word:new')) && !names(c, 'application') && !appKind(c),
    build: rotateKeys,
  },
  {
    id: 'secret',
    fits: (c, s) => (has(c, 'noun:secret', 'noun:keys') && (does(c, 'rotate', 'change', 'set') || has(c, 'word:new'))) || (does(c, 'rotate') && (names(c, 'application') || (has(c, 'pronoun') && s.recent.has('application')))),
    build: rotateSecret,
  },
  { id: 'rename', fits: (c) => does(c, 'rename') || (does(c, 'change', 'set', 'give') && has(c, 'noun:name')), build: renameObject },
  {
    id: 'label.remove',
    fits: (c) => (does(c, 'delete', 'revoke', 'detach') && has(c, 'noun:label')) || does(c, 'unlabel') || (has(c, 'noun:label') && c.modal && isNegated(c)),
    build: removeLabels,
  },
  {
    id: 'label.add',
    fits: (c) => !isNegated(c) && (does(c, 'label') || (has(c, 'noun:label', 'verb:label') && !(creates(c) && appKind(c) && !precedes(c, ['noun:label'], ['kind:application', 'kind:application-weak'], 'application')))),
    build: addLabels,
  },
  { id: 'provider.create', fits: (c) => creates(c) && has(c, 'kind:provider') && !names(c, 'resource') && !has(c, 'kind:resource'), build: createProvider },
  {
    id: 'scope.remove',
    fits: (c) => does(c, 'delete', 'revoke', 'detach') && !names(c, 'application') && !appKind(c) && !(has(c, 'pronoun') && names(c, 'resource')) && !has(c, 'noun:upstream', 'kind:provider') && (has(c, 'noun:scope') || saysScopes(c)) && (names(c, 'resource') || has(c, 'kind:resource')) && !saysOnlyAccess(c) && !has(c, 'everyone'),
    build: removeScopes,
  },
  {
    id: 'scope.add',
    fits: (c) => !isNegated(c) && !names(c, 'application') && !appKind(c) && (names(c, 'resource') || has(c, 'kind:resource') || has(c, 'pronoun')) && (has(c, 'noun:scope') || c.items.some(isExactScope)) && (does(c, 'create', 'give', 'set', 'attach') || c.modal) && !startsResource(c) && !has(c, 'kind:zone') && !saysOnlyAccess(c),
    build: addScopes,
  },
  { id: 'upstream', fits: (c) => !startsResource(c) && (has(c, 'noun:upstream') || (does(c, 'set') && hasUrl(c) && !names(c, 'provider'))), build: setUpstream },
  {
    id: 'provider.set',
    fits: (c) => (names(c, 'provider') || has(c, 'kind:provider')) && (names(c, 'resource') || has(c, 'kind:resource', 'pronoun')) && !startsResource(c) && (does(c, 'attach', 'detach', 'set', 'delete', 'revoke', 'create', 'give') || c.modal || has(c, 'verb:attach')),
    build: setProvider,
  },
  { id: 'provider.patch', fits: (c) => names(c, 'provider') && does(c, 'set', 'change'), build: patchProvider },
  {
    id: 'expiry',
    fits: (c) =>
      (does(c, 'extend', 'shorten') && !has(c, 'noun:secret')) ||
      has(c, 'noun:expiry') ||
      (has(c, 'permanent') && !(does(c, 'give') || (c.modal && saysScopes(c)))) ||
      (has(c, 'verb:expire') && hasTime(c)) ||
      (has(c, 'noun:expiring') && c.head === null && !has(c, 'word:member')),
    build: changeExpiry,
  },
  {
    id: 'limit',
    fits: (c) => (does(c, 'limit') && !isNegated(c)) || (does(c, 'create', 'set', 'change') && has(c, 'scope:read-only', 'scope:write-only') && !has(c, 'kind:resource') && (has(c, 'noun:access') || names(c, 'application'))),
    build: limitAccess,
  },
  { id: 'access.take', fits: takesAccess, build: takeAccess },
  { id: 'resource.create', fits: (c) => creates(c) && (has(c, 'kind:resource') || (has(c, 'noun:scope') && c.items.some(isExactScope) && !names(c, 'application') && !appKind(c))), build: createResources },
  { id: 'delete', fits: (c) => does(c, 'delete'), build: deleteObjects },
  { id: 'application.create', fits: (c) => creates(c) && appKind(c) && !has(c, 'noun:access') && !(saysScopes(c) && names(c, 'resource')), build: createApplications },
  {
    id: 'suspend',
    fits: (c) => does(c, 'off', 'freeze') && names(c, 'application'),
    build: (_scene, clause) => {
      const who = named(clause, 'application').map(({ entity }) => entity.name)
      take(clause, ...clause.items)
      return Promise.resolve([{ kind: 'question', text: questions.cannotSuspend(who.join(', ')) }])
    },
  },
  { id: 'access.give', fits: givesAccess, build: giveAccess },
  {
    id: 'denied',
    fits: (c) => isNegated(c) && c.head !== null,
    build: (_scene, clause) => {
      take(clause, ...clause.items)
      return Promise.resolve([{ kind: 'question', text: questions.denied('') }])
    },
  },
]

/** `a resource called X with scopes`: the resource itself is new, and not the scope. */
function startsResource(clause: Clause): boolean {
  if (!creates(clause)) return false
  const first = clause.items.find((item) => is(item, 'kind:resource', 'noun:scope', 'noun:upstream', 'kind:provider') || isExactScope(item))
  return first !== undefined && is(first, 'kind:resource')
}

function saysOnlyAccess(clause: Clause): boolean {
  return clause.items.some(
    (item) => (is(item, 'noun:access') && !is(item, 'noun:scope')) || is(item, 'scope:all'),
  )
}

/** An application and a resource, by two names: one name that both have does not say which. */
function namesBoth(clause: Clause): boolean {
  const [application] = named(clause, 'application')
  return named(clause, 'resource').some(({ item }) => application !== undefined && item !== application.item)
}

function takesAccess(clause: Clause): boolean {
  const app = names(clause, 'application') || has(clause, 'pronoun', 'pronoun-of', 'pronoun-plural', 'everyone') || appKind(clause)
  if (has(clause, 'no-longer', 'any-more')) return saysAccess(clause) || names(clause, 'resource')
  if (does(clause, 'revoke')) return !isNegated(clause)
  if (does(clause, 'delete')) return !isNegated(clause) && (saysOnlyAccess(clause) || has(clause, 'kind:grant') || (saysScopes(clause) && app) || (namesBoth(clause) && !has(clause, 'kind:application', 'kind:resource')))
  return clause.head === null && clause.modal && isNegated(clause) && saysAccess(clause) && !clause.items.some((item) => is(item, 'scope:all') && item.fold === 'without')  && !mixes(clause)
}

/** `should read but not write`: what is given stands before what is not. */
function mixes(clause: Clause): boolean {
  const no = clause.items.findIndex((item) => is(item, 'negation'))
  return clause.items.slice(0, no).some((item) => scopeClassOf(item) !== null || isExactScope(item))
}

function givesAccess(clause: Clause): boolean {
  if (does(clause, 'give')) return true
  if (clause.modal && clause.head === null) return saysAccess(clause) || names(clause, 'application')
  if (does(clause, 'create', 'set'))
    return saysAccess(clause) || (names(clause, 'application') && names(clause, 'resource'))
  return clause.head === null && saysAccess(clause) && (names(clause, 'application') || names(clause, 'resource'))
}

const hasModal = (clause: Clause): boolean => has(clause, 'modal', 'word:able')

/** What a question can be about, in the same way. */
export const inquiries: readonly Intent[] = [
  { id: 'how', fits: (c) => has(c, 'ask:how') && has(c, 'verb:approve'), build: fixed(general.approve) },
  { id: 'how-token', fits: (c) => has(c, 'noun:token'), build: fixed(general.adminTokens) },
  { id: 'how-secret', fits: (c) => has(c, 'noun:secret') && (has(c, 'kind:provider') || names(c, 'provider')) && has(c, 'ask:how'), build: fixed(general.providerSecret) },
  { id: 'how-help', fits: (c) => has(c, 'ask:how'), build: fixed(general.help) },
  {
    id: 'why',
    fits: (c) => has(c, 'ask:why') || c.items.some((item) => item.shape === 'id' && item.text.startsWith('req_')),
    build: (scene, clause) => (has(clause, 'ask:why') && hasModal(clause) && !isNegated(clause) && !has(clause, 'noun:refusal') ? checkAccess(scene, clause) : whyRefused(scene, clause)),
  },
  { id: 'expires', fits: (c) => (has(c, 'verb:expire', 'noun:expiry', 'noun:expiring', 'word:time-boxed') && !hasModal(c)) || (has(c, 'ask:when') && saysAccess(c)), build: whatExpires },
  { id: 'templates', fits: (c) => has(c, 'noun:template'), build: listObjects },
  { id: 'active', fits: (c) => (has(c, 'word:active') || c.items.some((item) => item.fold.startsWith('decide'))) && has(c, 'kind:policy', 'kind:policySet') && !has(c, 'ask:how-many'), build: whichActive },
  { id: 'overview', fits: (c) => has(c, 'noun:dcr', 'noun:issuer'), build: overview },
  { id: 'frozen', fits: (c) => has(c, 'verb:freeze', 'noun:freeze') && !names(c, 'application') && !has(c, 'verb:revoke'), build: whetherFrozen },
  {
    id: 'happened',
    fits: (c) => !hasModal(c) && (has(c, 'noun:happen', 'noun:event') || (has(c, 'noun:refusal', 'noun:change') && !names(c, 'resource'))),
    build: whatHappened,
  },
  {
    id: 'list',
    fits: (c) => has(c, 'kind:plan', 'kind:provider', 'kind:policy', 'kind:policySet', 'kind:grant') && !names(c, 'provider') && !names(c, 'policy') && !names(c, 'policySet') && !hasModal(c),
    build: listObjects,
  },
  {
    id: 'what-can',
    fits: (c, s) => has(c, 'ask:what', 'verb:show') && namesApplication(s, c) && (hasModal(c) || saysOnlyAccess(c) || has(c, 'noun:scope')),
    build: whatCan,
  },
  {
    id: 'what-has',
    fits: (c, s) => has(c, 'ask:what') && namesApplication(s, c) && (saysOnlyAccess(c) || has(c, 'noun:scope') || hasModal(c)) && !names(c, 'resource'),
    build: whatCan,
  },
  { id: 'check', fits: (c, s) => namesApplication(s, c) && (names(c, 'resource') || saysScopes(c)) && !has(c, 'ask:who'), build: checkAccess },
  {
    id: 'who-can',
    fits: (c) => (has(c, 'ask:who') && (saysAccess(c) || hasModal(c))) || (has(c, 'ask:what', 'verb:show', 'ask:how-many') && (saysAccess(c) || hasModal(c)) && (appKind(c) || saysOnlyAccess(c)) && !has(c, 'noun:label', 'verb:label')),
    build: whoCan,
  },
  {
    id: 'describe',
    fits: (c) => (['application', 'resource', 'provider', 'policy', 'policySet'] as const).some((kind) => names(c, kind)) || (has(c, 'pronoun', 'pronoun-of') && has(c, 'noun:scope', 'noun:label', 'verb:show')),
    build: describeObject,
  },
  { id: 'zone', fits: (c) => has(c, 'noun:overview') || (has(c, 'kind:zone') && !c.items.some((item) => item.fold === 'zones')) || names(c, 'zone'), build: overview },
  { id: 'list-kind', fits: (c) => appKind(c) || has(c, 'kind:resource', 'kind:zone'), build: listObjects },
]
