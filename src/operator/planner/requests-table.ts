import {
  addLabels,
  createApplications,
  removeLabels,
  rotateSecret,
} from './application-requests.ts'
import { does, has, isNegated, take } from './clause.ts'
import { changeExpiry } from './expiry-requests.ts'
import { freezeZone, unfreezeZone } from './freeze-requests.ts'
import { giveAccess } from './give-access.ts'
import {
  appKind,
  creates,
  createsKind,
  fixed,
  givesAccess,
  hasTime,
  hasUrl,
  isOfSomeone,
  type Intent,
  isPlanVerb,
  isToBeCalled,
  names,
  precedes,
  saysOnlyAccess,
  saysScopes,
  saysWindow,
  startsResource,
  takesAccess,
} from './intent-features.ts'
import { deleteObjects, renameObject } from './object-requests.ts'
import {
  addPolicyVersion,
  createPolicy,
  deletePolicies,
  requireApproval,
  useTemplate,
} from './policy-requests.ts'
import {
  activateSet,
  cannotDeactivate,
  changeManifest,
  createPolicySet,
  rollBack,
} from './policy-set-requests.ts'
import { createProvider, patchProvider } from './provider-requests.ts'
import {
  addScopes,
  createResources,
  removeScopes,
  setProvider,
  setUpstream,
} from './resource-requests.ts'
import { askAboutStatement, isRemark, isStatement, noteRemark } from './remarks.ts'
import { isExactScope } from './scope-words.ts'
import { tellsHowThingsAre } from './statements.ts'
import { limitAccess, takeAccess } from './take-access.ts'
import { settingRequests } from './setting-requests-table.ts'
import { general, questions } from './texts.ts'
import { limitTimes } from './time-windows.ts'
import { giveWithApproval, suspension, unclearEndings } from './unclear-requests-table.ts'
import { createZone, markSystem, rotateKeys, switchDcr } from './zone-requests.ts'

/** What a request can mean; the first that fits is taken, so the more particular come first. */
export const requests: readonly Intent[] = [
  { id: 'token', fits: (c) => has(c, 'noun:token'), build: fixed(general.adminTokens) },
  {
    id: 'undo',
    fits: (c) => does(c, 'undo') || (does(c, 'rollback') && has(c, 'noun:change')),
    build: fixed(general.undo),
  },
  {
    id: 'provider-secret',
    fits: (c) =>
      has(c, 'noun:secret') &&
      (has(c, 'kind:provider') || names(c, 'provider')) &&
      !names(c, 'application') &&
      !(creates(c) && has(c, 'word:naming')),
    build: fixed(general.providerSecret),
  },
  { id: 'told', fits: tellsHowThingsAre, build: askAboutStatement },
  ...settingRequests,
  {
    id: 'remark',
    fits: isRemark,
    build: noteRemark,
  },
  { id: 'template', fits: (c) => has(c, 'noun:template'), build: useTemplate },
  { id: 'approve', fits: isPlanVerb, build: fixed(general.approve) },
  giveWithApproval,
  {
    id: 'approval',
    fits: (c) =>
      !has(c, 'kind:plan') &&
      ((has(c, 'noun:approval') &&
        (has(c, 'verb:require') || does(c, 'create', 'set', 'give') || c.modal)) ||
        (has(c, 'word:human') && has(c, 'verb:approve') && c.modal && saysScopes(c))),
    build: requireApproval,
  },
  {
    id: 'unfreeze',
    fits: (c) =>
      (does(c, 'unfreeze') && !names(c, 'application')) ||
      (has(c, 'noun:freeze') &&
        (has(c, 'verb:unfreeze') || does(c, 'delete', 'revoke', 'off', 'clear'))),
    build: unfreezeZone,
  },
  {
    id: 'rollback',
    fits: (c) => does(c, 'rollback') || (c.head?.fold === 'roll' && has(c, 'kind:policySet')),
    build: rollBack,
  },
  { id: 'window', fits: (c, s) => saysWindow(c, s) && !creates(c), build: limitTimes },
  {
    id: 'dcr',
    fits: (c) => has(c, 'noun:dcr') && !(does(c, 'create') && has(c, 'kind:zone')),
    build: switchDcr,
  },
  {
    id: 'freeze',
    fits: (c) =>
      (does(c, 'freeze') || (has(c, 'noun:freeze') && does(c, 'create', 'set'))) &&
      !names(c, 'application') &&
      !names(c, 'resource') &&
      (has(c, 'kind:zone', 'noun:everything', 'everyone') ||
        names(c, 'zone') ||
        (has(c, 'all') && has(c, 'noun:access')) ||
        has(c, 'scope:all')),
    build: freezeZone,
  },
  {
    id: 'system',
    fits: (c) => has(c, 'noun:system') && does(c, 'label', 'create', 'set', 'change'),
    build: markSystem,
  },
  {
    id: 'policy-set.create',
    fits: (c) =>
      createsKind(c, 'kind:policySet') &&
      !names(c, 'policy') &&
      !has(c, 'kind:policy') &&
      !names(c, 'policySet'),
    build: createPolicySet,
  },
  {
    id: 'policy-set.manifest',
    fits: (c) =>
      (names(c, 'policy') || (has(c, 'kind:policy') && !names(c, 'policySet'))) &&
      (has(c, 'kind:policySet') ||
        names(c, 'policySet') ||
        does(c, 'activate', 'on', 'off') ||
        (names(c, 'policy') &&
          has(c, 'word:active') &&
          (c.modal || does(c, 'revoke', 'delete', 'detach')))) &&
      !has(c, 'word:naming') &&
      !(does(c, 'activate', 'on') && !names(c, 'policy')),
    build: changeManifest,
  },
  {
    id: 'policy-set.activate',
    fits: (c) =>
      (does(c, 'activate', 'on', 'set', 'create', 'switch') ||
        (c.modal && has(c, 'word:active') && names(c, 'policySet'))) &&
      !isNegated(c) &&
      (names(c, 'policySet') || has(c, 'kind:policySet', 'noun:baseline')) &&
      !has(c, 'kind:zone'),
    build: activateSet,
  },
  {
    id: 'policy-set.off',
    fits: (c) => does(c, 'off') && (names(c, 'policySet') || has(c, 'kind:policySet')),
    build: (_s, c) => Promise.resolve(cannotDeactivate(c)),
  },
  {
    id: 'policy.version',
    fits: (c) =>
      (names(c, 'policy') || has(c, 'kind:policy')) &&
      (has(c, 'noun:version') || does(c, 'change')) &&
      !does(c, 'delete', 'rename'),
    build: addPolicyVersion,
  },
  { id: 'policy.create', fits: (c) => createsKind(c, 'kind:policy'), build: createPolicy },
  {
    id: 'policy.delete',
    fits: (c) =>
      does(c, 'delete') &&
      (names(c, 'policy') || (has(c, 'kind:policy') && !names(c, 'policySet'))),
    build: deletePolicies,
  },
  {
    id: 'zone.create',
    fits: (c) =>
      (createsKind(c, 'kind:zone') || (does(c, 'copy') && has(c, 'kind:zone'))) &&
      !names(c, 'application') &&
      !has(c, 'noun:keys', 'noun:system'),
    build: createZone,
  },
  {
    id: 'keys',
    fits: (c) =>
      has(c, 'noun:keys') &&
      (does(c, 'rotate') || has(c, 'word:new')) &&
      !names(c, 'application') &&
      !appKind(c),
    build: rotateKeys,
  },
  {
    id: 'secret',
    fits: (c, s) =>
      (has(c, 'noun:secret', 'noun:keys') &&
        (does(c, 'rotate', 'change', 'set') || has(c, 'word:new'))) ||
      (does(c, 'rotate') &&
        !has(c, 'noun:access') &&
        !/^(?:renew|refresh|reset)/.test(c.head?.fold ?? '') &&
        (names(c, 'application') || (has(c, 'pronoun') && s.recent.has('application')))),
    build: rotateSecret,
  },
  {
    id: 'rename',
    fits: (c) =>
      does(c, 'rename') ||
      isToBeCalled(c) ||
      (does(c, 'change', 'set', 'give') && has(c, 'noun:name')) ||
      (c.modal && has(c, 'noun:name') && has(c, 'word:new') && !creates(c)),
    build: renameObject,
  },
  {
    id: 'label.remove',
    fits: (c) =>
      (does(c, 'delete', 'revoke', 'detach', 'clear') && has(c, 'noun:label')) ||
      does(c, 'unlabel') ||
      (has(c, 'noun:label') && c.modal && isNegated(c)),
    build: removeLabels,
  },
  {
    id: 'label.add',
    fits: (c) =>
      !isNegated(c) &&
      (does(c, 'label') ||
        (has(c, 'noun:label', 'verb:label') &&
          !(
            creates(c) &&
            appKind(c) &&
            !precedes(
              c,
              ['noun:label'],
              ['kind:application', 'kind:application-weak'],
              'application',
            )
          ))),
    build: addLabels,
  },
  {
    id: 'provider.create',
    fits: (c) =>
      createsKind(c, 'kind:provider') && !names(c, 'resource') && !has(c, 'kind:resource'),
    build: createProvider,
  },
  {
    id: 'scope.remove',
    fits: (c) =>
      ((has(c, 'no-longer', 'any-more') || (c.modal && isNegated(c))) &&
        (has(c, 'noun:scope') || (has(c, 'word:member') && c.items.some(isExactScope))) &&
        names(c, 'resource') &&
        !names(c, 'application')) ||
      (does(c, 'delete', 'revoke', 'detach') &&
        !names(c, 'application') &&
        !appKind(c) &&
        !(has(c, 'pronoun') && names(c, 'resource')) &&
        !has(c, 'noun:upstream', 'kind:provider') &&
        (has(c, 'noun:scope') || saysScopes(c)) &&
        (names(c, 'resource') || has(c, 'kind:resource')) &&
        !saysOnlyAccess(c) &&
        !has(c, 'everyone')),
    build: removeScopes,
  },
  {
    id: 'scope.add',
    fits: (c) =>
      !isNegated(c) &&
      !names(c, 'application') &&
      !appKind(c) &&
      (names(c, 'resource') || has(c, 'kind:resource') || has(c, 'pronoun')) &&
      (has(c, 'noun:scope') || c.items.some(isExactScope)) &&
      (does(c, 'create', 'give', 'set', 'attach', 'extend') || c.modal) &&
      !startsResource(c) &&
      !has(c, 'kind:zone') &&
      !saysOnlyAccess(c),
    build: addScopes,
  },
  {
    id: 'upstream',
    fits: (c) =>
      !startsResource(c) &&
      (has(c, 'noun:upstream') || (does(c, 'set') && hasUrl(c) && !names(c, 'provider'))),
    build: setUpstream,
  },
  {
    id: 'provider.set',
    fits: (c) =>
      (names(c, 'provider') || has(c, 'kind:provider')) &&
      (names(c, 'resource') || has(c, 'kind:resource', 'pronoun')) &&
      !startsResource(c) &&
      (does(
        c,
        'attach',
        'detach',
        'switch',
        'clear',
        'set',
        'delete',
        'revoke',
        'create',
        'give',
      ) ||
        c.modal ||
        has(c, 'verb:attach')),
    build: setProvider,
  },
  {
    id: 'provider.patch',
    fits: (c) =>
      names(c, 'provider') &&
      (does(c, 'set', 'change') ||
        (c.head === null &&
          has(c, 'noun:setting', 'noun:issuer') &&
          c.items.some(({ fold }) => fold === 'now'))),
    build: patchProvider,
  },
  {
    id: 'expiry',
    fits: (c) =>
      (does(c, 'extend', 'shorten') && !has(c, 'noun:secret')) ||
      (does(c, 'give') &&
        c.items.some(({ fold }) => fold === 'keep') &&
        hasTime(c) &&
        !saysScopes(c)) ||
      has(c, 'noun:expiry') ||
      (has(c, 'permanent') && !(does(c, 'give') || (c.modal && saysScopes(c)))) ||
      (has(c, 'verb:expire') && hasTime(c)) ||
      (has(c, 'noun:expiring') &&
        (c.head === null
          ? !has(c, 'word:member') && (isOfSomeone(c) || !saysScopes(c))
          : isOfSomeone(c) && !saysScopes(c))) ||
      ((c.modal || does(c, 'give', 'create') || (c.head === null && names(c, 'resource'))) &&
        !saysScopes(c) &&
        names(c, 'application') &&
        c.items.some((item) => item.time?.kind === 'by')),
    build: changeExpiry,
  },
  {
    id: 'limit',
    fits: (c) =>
      (does(c, 'limit') && !isNegated(c)) ||
      (does(c, 'create', 'set', 'change') &&
        !c.modal &&
        has(c, 'scope:read-only', 'scope:write-only') &&
        !has(c, 'kind:resource') &&
        (has(c, 'noun:access') || names(c, 'application'))),
    build: limitAccess,
  },
  ...unclearEndings,
  { id: 'access.take', fits: takesAccess, build: takeAccess },
  {
    id: 'resource.create',
    fits: (c) =>
      creates(c) &&
      (createsKind(c, 'kind:resource') ||
        (has(c, 'noun:scope') &&
          c.items.some(isExactScope) &&
          !names(c, 'application') &&
          !appKind(c))),
    build: createResources,
  },
  { id: 'delete', fits: (c) => does(c, 'delete'), build: deleteObjects },
  {
    id: 'application.create',
    fits: (c) =>
      createsKind(c, 'kind:application', 'kind:application-weak') &&
      !has(c, 'noun:access') &&
      !(saysScopes(c) && names(c, 'resource')),
    build: createApplications,
  },
  suspension,
  { id: 'statement', fits: isStatement, build: askAboutStatement },
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
