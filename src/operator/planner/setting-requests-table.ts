import { changeRedirects, requireDpop, saysDpop } from './application-settings.ts'
import { has, isNegated } from './clause.ts'
import { createsKind, type Intent } from './intent-features.ts'
import { saysRetention, setRetention } from './retention-requests.ts'

/** Single settings of applications and of the zone, each by a noun of its own. */
export const settingRequests: readonly Intent[] = [
  { id: 'retention', fits: saysRetention, build: setRetention },
  { id: 'dpop', fits: saysDpop, build: requireDpop },
  {
    id: 'redirects',
    fits: (c) =>
      has(c, 'noun:redirect') &&
      !(createsKind(c, 'kind:application', 'kind:application-weak') && has(c, 'word:naming')) &&
      !isNegated(c),
    build: changeRedirects,
  },
]
