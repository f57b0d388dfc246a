import { describeInstant } from './civil-time.ts'
import { type Clause, has, is, take, takeAll } from './clause.ts'
import type { Part, Scene } from './scene.ts'
import { takeKind } from './slots.ts'
import { cited, count, listed, quoted } from './texts.ts'

const asking = [
  'ask:what',
  'ask:who',
  'ask:is',
  'ask:how-many',
  'verb:show',
  'all',
  'word:member',
  'word:awaiting',
  'word:active',
  'word:human',
  'verb:require',
  'noun:everything',
  'noun:overview',
] as const

/** The classes of words for what is listed here. */
export const peopleNouns = ['noun:step-up', 'noun:subject', 'noun:subject-issuer'] as const

/** `which step-ups are waiting?`, `list the users`, `whose sign-ins does this zone trust?` */
export async function listPeople(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const counting = has(clause, 'ask:how-many')
  const waiting = has(clause, 'word:awaiting')
  const noun = peopleNouns.find((name) => has(clause, name))
  takeAll(clause, ...asking, ...peopleNouns, 'noun:approval', 'noun:request')
  takeKind(clause, 'zone')
  take(clause, ...clause.items.filter((item) => is(item, 'user')))
  switch (noun) {
    case 'noun:step-up':
      return [await stepUps(scene, waiting, counting)]
    case 'noun:subject':
      return [await users(scene, counting)]
    case 'noun:subject-issuer':
      return [await issuers(scene, counting)]
    case undefined:
      return []
  }
}

function answer(head: string, rows: readonly string[], counting: boolean): Part {
  if (counting || rows.length === 0) return { kind: 'answer', text: `${head}.` }
  return { kind: 'answer', text: [`${head}:`, ...rows.map((row) => `- ${row}`)].join('\n') }
}

async function stepUps(scene: Scene, waiting: boolean, counting: boolean): Promise<Part> {
  const found = await scene.state.all('approvals.list', waiting ? { state: 'pending' } : {})
  const rows = found.map(
    (one) =>
      `${one.id}: ${listed(one.scopes)} on ${one.resource.identifier} by ${cited(one.application)}${
        one.user_id === null ? '' : ` for user ${quoted(one.user_id)}`
      } (${one.state})`,
  )
  const head = `${count(found.length, 'step-up approval')}${waiting ? ' waiting' : ''}`
  return answer(head, rows, counting)
}

async function users(scene: Scene, counting: boolean): Promise<Part> {
  const found = await scene.state.all('subjects.list')
  const rows = found.map(
    (one) =>
      `${quoted(one.user_id)}: ${count(one.live_sessions, 'live session')}, last seen ${describeInstant(Date.parse(one.last_seen_at), scene.now.timeZone)}`,
  )
  return answer(`${count(found.length, 'user')} seen in this zone`, rows, counting)
}

async function issuers(scene: Scene, counting: boolean): Promise<Part> {
  const found = await scene.state.all('subject_issuers.list')
  const rows = found.map(
    (one) => `${cited(one)}: ${one.issuer}${one.sign_in ? ', people sign in with it' : ''}`,
  )
  return answer(`${count(found.length, 'subject issuer')} trusted by this zone`, rows, counting)
}
