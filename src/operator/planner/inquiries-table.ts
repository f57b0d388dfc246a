import { checkAccess, namesApplication, whatCan, whatExpires, whoCan } from './access-questions.ts'
import { whatHappened, whyRefused } from './audit-questions.ts'
import { type Clause, has, isNegated } from './clause.ts'
import { whetherFrozen } from './freeze-requests.ts'
import {
  appKind,
  fixed,
  type Intent,
  names,
  saysAccess,
  saysOnlyAccess,
  saysScopes,
} from './intent-features.ts'
import { describeObject, listObjects, overview, whichActive } from './list-questions.ts'
import { listPeople, peopleNouns } from './people-questions.ts'
import { general } from './texts.ts'

const permitted: ReadonlySet<string> = new Set([
  'allowed',
  'permitted',
  'authorized',
  'authorised',
  'entitled',
])

function hasModal(clause: Clause): boolean {
  return has(clause, 'modal', 'word:able') || clause.items.some(({ fold }) => permitted.has(fold))
}

/** What a question can be about, in the same way. */
export const inquiries: readonly Intent[] = [
  {
    id: 'how',
    fits: (c) => has(c, 'ask:how') && has(c, 'verb:approve'),
    build: fixed(general.approve),
  },
  { id: 'how-token', fits: (c) => has(c, 'noun:token'), build: fixed(general.adminTokens) },
  {
    id: 'how-secret',
    fits: (c) =>
      has(c, 'noun:secret') &&
      (has(c, 'kind:provider') || names(c, 'provider')) &&
      has(c, 'ask:how'),
    build: fixed(general.providerSecret),
  },
  { id: 'how-help', fits: (c) => has(c, 'ask:how'), build: fixed(general.help) },
  {
    id: 'why',
    fits: (c) =>
      has(c, 'ask:why') ||
      c.items.some((item) => item.shape === 'id' && item.text.startsWith('req_')),
    build: (scene, clause) =>
      has(clause, 'ask:why') &&
      hasModal(clause) &&
      !isNegated(clause) &&
      !has(clause, 'noun:refusal')
        ? checkAccess(scene, clause)
        : whyRefused(scene, clause),
  },
  {
    id: 'expires',
    fits: (c) =>
      (has(c, 'verb:expire', 'noun:expiry', 'noun:expiring', 'word:time-boxed') && !hasModal(c)) ||
      (has(c, 'ask:when') && saysAccess(c)),
    build: whatExpires,
  },
  // Who did something is in the audit log alone, and not to be mistaken for who may.
  {
    id: 'who-did',
    fits: (c) =>
      has(c, 'ask:who') &&
      names(c, 'application') &&
      has(c, 'verb:give', 'verb:create', 'verb:delete') &&
      !hasModal(c),
    build: () => Promise.resolve([]),
  },
  { id: 'templates', fits: (c) => has(c, 'noun:template'), build: listObjects },
  {
    id: 'active',
    fits: (c) =>
      (has(c, 'word:active') || c.items.some((item) => item.fold.startsWith('decide'))) &&
      has(c, 'kind:policy', 'kind:policySet') &&
      !has(c, 'ask:how-many'),
    build: whichActive,
  },
  { id: 'overview', fits: (c) => has(c, 'noun:dcr', 'noun:issuer'), build: overview },
  {
    id: 'frozen',
    fits: (c) =>
      has(c, 'verb:freeze', 'noun:freeze') && !names(c, 'application') && !has(c, 'verb:revoke'),
    build: whetherFrozen,
  },
  {
    id: 'happened',
    fits: (c) =>
      !hasModal(c) &&
      (has(c, 'noun:happen', 'noun:event') ||
        (has(c, 'noun:refusal', 'noun:change') && !names(c, 'resource'))),
    build: whatHappened,
  },
  { id: 'people', fits: (c) => has(c, ...peopleNouns) && !hasModal(c), build: listPeople },
  {
    id: 'list',
    fits: (c) =>
      (has(c, 'kind:plan', 'kind:provider', 'kind:policy', 'kind:policySet', 'kind:grant') ||
        (has(c, 'word:awaiting') && has(c, 'noun:approval'))) &&
      !names(c, 'provider') &&
      !names(c, 'policy') &&
      !names(c, 'policySet') &&
      !hasModal(c) &&
      !(has(c, 'kind:provider') && names(c, 'resource')),
    build: listObjects,
  },
  {
    id: 'what-can',
    fits: (c, s) =>
      has(c, 'ask:what', 'verb:show') &&
      !(names(c, 'resource') && c.items.some(({ fold }) => /^(?:check|verify|see)\b/.test(fold))) &&
      namesApplication(s, c) &&
      (hasModal(c) || saysOnlyAccess(c) || has(c, 'noun:scope')),
    build: whatCan,
  },
  {
    id: 'what-has',
    fits: (c, s) =>
      (has(c, 'ask:what') || saysOnlyAccess(c)) &&
      !has(c, 'ask:who') &&
      namesApplication(s, c) &&
      (saysOnlyAccess(c) || has(c, 'noun:scope') || hasModal(c)) &&
      !names(c, 'resource'),
    build: whatCan,
  },
  {
    id: 'check',
    fits: (c, s) =>
      namesApplication(s, c) && (names(c, 'resource') || saysScopes(c)) && !has(c, 'ask:who'),
    build: checkAccess,
  },
  {
    id: 'who-can',
    fits: (c) =>
      ((has(c, 'ask:who') || has(c, 'everyone')) && (saysAccess(c) || hasModal(c))) ||
      (has(c, 'ask:who') && has(c, 'word:member') && names(c, 'resource')) ||
      (has(c, 'ask:what', 'verb:show', 'ask:how-many') &&
        (saysAccess(c) || hasModal(c)) &&
        (appKind(c) || saysOnlyAccess(c)) &&
        !has(c, 'noun:label', 'verb:label')),
    build: whoCan,
  },
  {
    id: 'describe',
    fits: (c) =>
      (['application', 'resource', 'provider', 'policy', 'policySet'] as const).some((kind) =>
        names(c, kind),
      ) ||
      (has(c, 'pronoun', 'pronoun-of') && has(c, 'noun:scope', 'noun:label', 'verb:show')),
    build: describeObject,
  },
  { id: 'list-kind', fits: (c) => appKind(c) || has(c, 'kind:resource'), build: listObjects },
  {
    id: 'zone',
    fits: (c) =>
      has(c, 'noun:overview') ||
      (has(c, 'kind:zone') && !c.items.some((item) => item.fold === 'zones')) ||
      names(c, 'zone'),
    build: overview,
  },
  { id: 'zones', fits: (c) => has(c, 'kind:zone'), build: listObjects },
]
