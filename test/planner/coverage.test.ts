import { expect, test } from 'vitest'
import { catalogue } from '../../tools/catalogue.ts'
import { messagesOf, phraseFiles, zoneOf } from './phrases.ts'
import { converse } from './tool-backend.ts'

const fromLists = 'The planner describes an object from the list that it has read anyway.'
const ownSurface = 'It has a surface of its own on the console and the command line.'
const notOffered = 'The Operator has no tool for it: its read mandate is narrower than its person.'

/** Reads that no words reach, and why. */
const unreached: Readonly<Record<string, string>> = {
  'applications.get': fromLists,
  'providers.get': fromLists,
  'resources.get': fromLists,
  'policies.get': fromLists,
  'policy_sets.get': fromLists,
  'subject_issuers.get': fromLists,
  'approvals.get': fromLists,
  'approvals.counts': fromLists,
  'plans.get': fromLists,
  'audit.by_request': 'A request is explained with audit.explain, which reads its events too.',
  'policies.validate': 'A document is checked when the plan that holds it is previewed.',
  'policy_sets.simulate': 'It decides a JSON input, which nobody says in words.',
  'policy_sets.replay': 'Every preview of a plan replays the decisions it would change.',
  'operator.status': 'The built-in planner is the model that is asked.',
  'operator.capabilities': 'The help answer says what it can plan.',
  'webhooks.list': notOffered,
  'webhooks.get': notOffered,
  'webhooks.deliveries': notOffered,
  'sessions.list': notOffered,
  'sessions.get': notOffered,
  'delegations.list': notOffered,
  'delegations.get': notOffered,
  'audit.platform': notOffered,
  'autopilot.status': notOffered,
  'operator.usage': ownSurface,
  'operator.calls': ownSurface,
  'audit.checkpoint': ownSurface,
  'audit.proof': ownSurface,
  'audit.consistency': ownSurface,
  'audit.entries': ownSurface,
  'audit.verify': ownSurface,
  'audit.export': ownSurface,
  'audit.follow': ownSurface,
  'plans.evidence': ownSurface,
  'zones.export': ownSurface,
  'witnesses.get': notOffered,
  'witnesses.list': notOffered,
  'conversations.list': ownSurface,
  'conversations.get': ownSurface,
  'conversations.follow': ownSurface,
  'admin_tokens.list': notOffered,
}

test('at least three phrases reach each read, or it says why no words do', async () => {
  const uses = new Map<string, number>()
  for (const [, phrases] of phraseFiles())
    for (const phrase of phrases) {
      const { calls } = await converse(zoneOf(phrase), messagesOf(phrase))
      for (const call of new Set(calls)) uses.set(call, (uses.get(call) ?? 0) + 1)
    }
  const reads = catalogue.filter(({ effect }) => effect === 'read').map(({ id }): string => id)
  const seldom = reads.filter((id) => (uses.get(id.replace('.', '_')) ?? 0) < 3)
  expect(seldom.toSorted()).toEqual(Object.keys(unreached).toSorted())
})
