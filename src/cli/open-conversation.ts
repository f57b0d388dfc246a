import type { AdminClient } from '../client/admin-client.ts'

/** Opens a conversation, opted in to autopilot where that is wanted, and answers its id. */
export async function openConversation(
  client: AdminClient,
  zone: string,
  wanted: { readonly mode: 'ask' | 'agent'; readonly title: string; readonly autopilot: boolean },
): Promise<string> {
  const { mode, title, autopilot } = wanted
  const { id } = await client.conversations.create(zone, { mode, title })
  if (autopilot) await client.conversations.autopilotOn(zone, { conversation_id: id })
  return id
}
