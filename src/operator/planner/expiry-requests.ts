import type { AccessFrame, AccessRequest } from './access-pieces.ts'
import { accessRequestOf } from './access-request.ts'
import { describeInstant } from './civil-time.ts'
import { type Clause, does, has, isNegated, take, takeAll } from './clause.ts'
import type { GrantFacts } from './draft.ts'
import { addDuration } from './durations.ts'
import { timeGap } from './give-access.ts'
import { patchGrant, untilText } from './grant-steps.ts'
import { factsOf, grantsOf, isLive, type Part, type Scene } from './scene.ts'
import { scopesFor } from './scope-words.ts'
import { askFor, gap } from './slots.ts'
import { entityOf } from './take-access.ts'
import { capitalized, count, listed, questions, quoted } from './texts.ts'
import type { TimeMeaning } from './times.ts'

/** What a request does to the end of access: put off, brought forward, set, or taken away. */
type Manner = 'extend' | 'shorten' | 'set' | 'permanent'

/** `extend the access of billing-agent to invoices until Friday`. */
export async function changeExpiry(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const manner = mannerOf(clause)
  const denied = isNegated(clause)
  takeAll(
    clause,
    'verb:extend',
    'verb:shorten',
    'verb:expire',
    'noun:expiry',
    'verb:set',
    'verb:change',
    'verb:create',
    'verb:delete',
    'verb:limit',
    'verb:revoke',
    'verb:give',
    'noun:access',
    'kind:grant',
    'verb:require',
    'verb:clear',
  )
  take(clause, ...clause.items.filter(({ fold }) => /^(?:run|last|continue)s?$/.test(fold)))
  const parsed = accessRequestOf(scene, clause)
  if (!parsed.ok) return [parsed.part]
  if (denied) return [{ kind: 'question', text: questions.denied('') }]
  const [frame, second] = parsed.request.frames
  if (frame === undefined || second !== undefined)
    return [{ kind: 'question', text: 'Whose access to which one resource do you mean?' }]
  if (frame.time === null && manner !== 'permanent') return [gap(clause, questions.untilWhen, '')]
  const grants = await grantsIn(scene, parsed.request, frame)
  if (grants.length === 0) return noGrant(scene, clause, frame)
  const timed = grants.filter((grant) => grant.expires_at !== null)
  if ((manner === 'extend' || manner === 'permanent') && timed.length === 0)
    return [neverEnds(frame)]
  const among = manner === 'set' || manner === 'shorten' ? grants : timed
  return setEnds(scene, clause, among, manner, frame.time)
}

function mannerOf(clause: Clause): Manner {
  if (
    has(clause, 'permanent') ||
    (has(clause, 'noun:expiry') && does(clause, 'delete', 'revoke', 'clear'))
  )
    return 'permanent'
  const adds = clause.items.some((item) => item.time?.kind === 'by')
  if (has(clause, 'verb:extend') || (adds && !does(clause, 'shorten'))) return 'extend'
  // What is stopped or ended on a day never lasts longer for it.
  const stops = does(clause, 'revoke') && !clause.modal
  return does(clause, 'shorten') || stops ? 'shorten' : 'set'
}

/** The grants meant: with all of the scopes that are named, or all of the application's there. */
async function grantsIn(
  scene: Scene,
  request: AccessRequest,
  frame: AccessFrame,
): Promise<readonly GrantFacts[]> {
  const [application] = frame.applications
  const [resource] = frame.resources
  if (application === undefined && resource === undefined) return []
  const all = await grantsOf(scene, {
    ...(application !== undefined && { application }),
    ...(resource !== undefined && { resource }),
  })
  return all.filter((grant) => {
    if (!isLive(grant, scene.now.ms)) return false
    if (request.user !== null && grant.user_id !== request.user) return false
    if (frame.wishes.length === 0) return true
    const scopes = factsOf(scene, entityOf(scene, 'resource', grant.resource_id)).scopes ?? []
    const found = scopesFor(frame.wishes, scopes)
    return found.ok && found.scopes.some((scope) => grant.scopes.includes(scope))
  })
}

function noGrant(scene: Scene, clause: Clause, frame: AccessFrame): readonly Part[] {
  const [application] = frame.applications
  const [resource] = frame.resources
  if (application === undefined && resource === undefined) {
    const found = askFor(scene, clause, 'application')
    return found.ok ? [] : [found.part]
  }
  const who = application === undefined ? 'No application' : quoted(application.name)
  const on = resource === undefined ? '' : ` on ${quoted(resource.name)}`
  return [{ kind: 'note', text: `${who} has no live grant${on}.` }]
}

function neverEnds(frame: AccessFrame): Part {
  const who = listed(frame.applications.map(({ name }) => quoted(name)))
  const on = listed(frame.resources.map(({ name }) => quoted(name)))
  return {
    kind: 'note',
    text: `The access ${who === '' ? '' : `of ${who} `}${on === '' ? '' : `to ${on} `}never ends already.`,
  }
}

function setEnds(
  scene: Scene,
  clause: Clause,
  grants: readonly GrantFacts[],
  manner: Manner,
  time: TimeMeaning | null,
): readonly Part[] {
  const ends = new Set(grants.map((grant) => grant.expires_at))
  const holders = new Set(grants.map((grant) => `${grant.application_id} ${grant.resource_id}`))
  if (holders.size > 1) {
    const names = grants.map(
      (grant) =>
        `${quoted(entityOf(scene, 'application', grant.application_id).name)} on ${quoted(entityOf(scene, 'resource', grant.resource_id).name)}`,
    )
    return [
      {
        kind: 'question',
        text: `Several have such access: ${listed([...new Set(names)])}. Which do you mean?`,
      },
    ]
  }
  if (manner === 'extend' && ends.size > 1)
    return [
      {
        kind: 'question',
        text: `There are ${count(grants.length, 'grant')} that end at different times: ${listed(grants.map((grant) => `${listed(grant.scopes)}${untilText(scene, grant.expires_at)}`))}. Which scopes do you mean?`,
      },
    ]
  const parts: Part[] = []
  for (const grant of grants) {
    const part = setEnd(scene, clause, grant, manner, time)
    if (part !== null) parts.push(part)
  }
  return parts
}

function setEnd(
  scene: Scene,
  clause: Clause,
  grant: GrantFacts,
  manner: Manner,
  time: TimeMeaning | null,
): Part | null {
  const who = quoted(entityOf(scene, 'application', grant.application_id).name)
  const on = quoted(entityOf(scene, 'resource', grant.resource_id).name)
  const access = `${listed(grant.scopes)} of ${who} on ${on}`
  if (manner === 'permanent' || time?.kind === 'permanent') {
    patchGrant(scene, grant, { expires_at: null }, `let ${access} last for good`)
    return null
  }
  const target = targetOf(scene, grant, manner, time)
  if (target === null) return gap(clause, questions.untilWhen, 'until')
  if (target <= scene.now.ms)
    return timeGap(clause, questions.past(capitalized(describeInstant(target, scene.now.timeZone))))
  const present =
    grant.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(grant.expires_at)
  if (target === present) return { kind: 'note', text: `${capitalized(access)} ends then already.` }
  const against = manner === 'extend' ? target < present : manner === 'shorten' && target > present
  if (against) {
    const text = `${capitalized(access)} lasts${untilText(scene, grant.expires_at)}, so that would ${manner === 'extend' ? 'shorten' : 'extend'} it. Which do you mean?`
    return { kind: 'question', text }
  }
  const at = new Date(target).toISOString()
  patchGrant(scene, grant, { expires_at: at }, `let ${access} last${untilText(scene, at)}`)
  return null
}

/** `by two days` counts from the present end, and so does a plain length where access is extended. */
function targetOf(
  scene: Scene,
  grant: GrantFacts,
  manner: Manner,
  time: TimeMeaning | null,
): number | null {
  if (time?.kind === 'point') return time.ms
  if (time?.kind !== 'by' || grant.expires_at === null) return null
  const sign = manner === 'shorten' ? -1 : 1
  return addDuration(Date.parse(grant.expires_at), time.duration, scene.now.timeZone, sign)
}
