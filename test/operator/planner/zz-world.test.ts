import { expect, test } from 'vitest'
import { World } from '../../world.ts'
test('real', async () => {
  await using world = await (World as any).start({ config: { } })
  const conv = await world.call('POST', 'conversations', { mode: 'agent' })
  console.log(conv.status, JSON.stringify(conv.body).slice(0, 300))
  const say = async (text: string) => {
    const r = await world.call('POST', `conversations/${conv.body.id}/messages`, { text })
    console.log('>', text, r.status, JSON.stringify(r.body).slice(0, 700))
    return r
  }
  await say('who can read invoices?')
  expect(1).toBe(1)
})
