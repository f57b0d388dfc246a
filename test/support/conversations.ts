import { expect } from 'vitest'
import type { OutputOf } from '../../tools/catalogue.ts'
import type { Answer, World } from '../world.ts'
import type { As } from './plans.ts'

export type Conversation = OutputOf<'conversations.create'>
export type Message = OutputOf<'conversations.send'>

/** One server-sent event as it came over the wire. */
export interface Sent {
  readonly id: number
  readonly event: string
  readonly data: Record<string, unknown>
}

export function conversationsPath({ zone = 'default' }: As = {}): string {
  return `/v1/zones/${zone}/operator/conversations`
}

export async function converse(
  world: World,
  as: As & { readonly mode?: 'ask' | 'agent' } = {},
): Promise<Conversation> {
  const { mode = 'agent', token } = as
  const answer = await world.call(
    'POST',
    conversationsPath(as),
    { mode },
    token === undefined ? {} : { token },
  )
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  return answer.body as Conversation
}

/** Sends a message without expecting anything of it. */
export function send(
  world: World,
  conversation: Pick<Conversation, 'id' | 'zone_id'>,
  body: Readonly<Record<string, unknown>>,
  as: As = {},
): Promise<Answer> {
  const path = `${conversationsPath({ zone: conversation.zone_id })}/${conversation.id}/messages`
  return world.call('POST', path, body, as.token === undefined ? {} : { token: as.token })
}

/** Says something and gives the events of the answer, of which the last is `done`. */
export async function say(
  world: World,
  conversation: Pick<Conversation, 'id' | 'zone_id'>,
  text: string,
  more: Readonly<Record<string, unknown>> = {},
  as: As = {},
): Promise<{ readonly events: readonly Sent[]; readonly reply: Message }> {
  const answer = await send(world, conversation, { text, ...more }, as)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const events = eventsOf(String(answer.body))
  const last = events.at(-1)
  expect(last?.event, JSON.stringify(last)).toBe('done')
  return { events, reply: last?.data as unknown as Message }
}

/** The events of a run that an answer holds, with their sequences; comments are left out. */
function eventsOf(stream: string): readonly Sent[] {
  return stream
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block) => {
      const lines = new Map(block.split('\n').map((line) => split(line)))
      const data = JSON.parse(lines.get('data') ?? 'null') as Record<string, unknown>
      return { id: Number(lines.get('id')), event: lines.get('event') ?? '', data }
    })
    .filter(({ event }) => event !== 'accepted')
}

function split(line: string): [string, string] {
  const at = line.indexOf(': ')
  return [line.slice(0, at), line.slice(at + 2)]
}
