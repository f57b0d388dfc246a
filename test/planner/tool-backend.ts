import type { ToolAnswer, Turn, TurnEvent, Utterance } from '../../src/operator/model/model.ts'
import { builtInPlanner } from '../../src/operator/planner/planner.ts'
import { meterInto } from '../support/one-turn.ts'
import { nowMs, timeZone } from './zone-fixture.ts'
import { idOf, type ZoneFixture } from './zone-parts.ts'

type Args = Readonly<Record<string, unknown>>

export interface ProposedStep {
  readonly id: string
  readonly operation: string
  readonly zone?: string
  readonly input: Readonly<Record<string, unknown>>
}

export interface Proposal {
  readonly intent: string
  readonly summary: string
  readonly steps: readonly ProposedStep[]
}

export interface Backend {
  readonly call: Turn['call']
  readonly proposals: Proposal[]
  readonly calls: string[]
}

function page(items: readonly unknown[]): ToolAnswer {
  return { ok: true, value: { items, next_cursor: null } }
}

function accessOf(zone: ZoneFixture, args: Args): readonly unknown[] {
  return zone.grants
    .filter((grant) => grant.expires_at === null || Date.parse(grant.expires_at) > nowMs)
    .filter(
      (grant) =>
        args['application_id'] === undefined || grant.application_id === args['application_id'],
    )
    .filter(
      (grant) => args['resource_id'] === undefined || grant.resource_id === args['resource_id'],
    )
    .flatMap((grant) =>
      grant.scopes.map((scope) => ({
        application_id: grant.application_id,
        application_name:
          zone.applications.find(({ id }) => id === grant.application_id)?.name ?? '',
        user_id: grant.user_id,
        resource_id: grant.resource_id,
        resource_identifier: '',
        resource_name: zone.resources.find(({ id }) => id === grant.resource_id)?.name ?? '',
        scope,
        verdict: 'allow',
        rules: [`grant:${grant.id}`],
      })),
    )
}

function check(zone: ZoneFixture, args: Args): ToolAnswer {
  const tuples = accessOf(zone, args) as readonly {
    readonly scope: string
    readonly rules: readonly string[]
  }[]
  const scopes = args['scopes'] as readonly string[]
  const allow = scopes.every((scope) => tuples.some((one) => one.scope === scope))
  const value = {
    allow,
    reason: allow ? 'ok' : 'no_grant',
    scopes: Object.fromEntries(
      scopes.map((scope) => [scope, { verdict: allow ? 'allow' : 'deny', reason: '', rules: [] }]),
    ),
    missing: [],
    rules: allow ? tuples.flatMap((one) => one.rules) : [],
    risk: 'none',
    obligations: [],
    explanation: allow ? 'A grant gives it.' : 'No grant gives it.',
    smallest_change: allow ? null : 'Grant it.',
  }
  return { ok: true, value }
}

type Tool = (zone: ZoneFixture, args: Args) => ToolAnswer

const heldRequest = {
  id: idOf('approval', 1),
  state: 'pending',
  application: { id: idOf('application', 2), name: 'support-bot' },
  resource: { id: idOf('resource', 1), identifier: 'resource://invoices' },
  scopes: ['invoices:write'],
  user_id: null,
}

/** The reads that the planner makes, over a zone in memory, in the shapes of the catalogue. */
const tools: Readonly<Record<string, Tool>> = {
  zones_get: (zone) => ({ ok: true, value: { ...zone.zone } }),
  zones_list: () => ({
    ok: false,
    code: 'global_scope_required',
    message: 'This needs global scope.',
  }),
  zones_overview: (zone) => ({
    ok: true,
    value: {
      zone: zone.zone,
      counts: {
        applications: zone.applications.length,
        resources: zone.resources.length,
        providers: zone.providers.length,
        grants: zone.grants.length,
        policies: zone.policies.length,
        policy_sets: zone.policySets.length,
        plans_awaiting_approval: 0,
      },
      issuer: 'https://caracal.test/zones/1',
      token_endpoint: 'https://caracal.test/zones/1/oauth2/token',
      jwks_uri: 'https://caracal.test/zones/1/jwks',
    },
  }),
  zones_dcr_status: (zone) => ({
    ok: true,
    value: { dcr_enabled: zone.zone.dcr_enabled, live_applications: 2 },
  }),
  applications_list: (zone) => page(zone.applications),
  resources_list: (zone) => page(zone.resources),
  providers_list: (zone) => page(zone.providers),
  policies_list: (zone) => page(zone.policies),
  policy_sets_list: (zone) => page(zone.policySets),
  policies_templates: (zone) => ({ ok: true, value: { items: zone.templates } }),
  policy_sets_activation_status: (_zone, args) => ({
    ok: true,
    value: {
      active_version_id: idOf('policySetVersion', 1),
      active_in_this_set: args['policy_set_id'] === idOf('policySet', 1),
      history: [
        {
          version_id: idOf('policySetVersion', 1),
          previous_version_id: idOf('policySetVersion', 9),
          activated_at: '',
        },
      ],
    },
  }),
  policy_sets_get_version: (zone, args) => {
    const set = zone.policySets.find(({ id }) => id === args['policy_set_id'])
    const older = { ...set?.latest_version, id: args['version_id'], number: 1 }
    return {
      ok: true,
      value: args['version_id'] === set?.latest_version.id ? { ...set?.latest_version } : older,
    }
  },
  grants_list: (zone, args) =>
    page(
      zone.grants
        .filter(
          (grant) =>
            args['application_id'] === undefined || grant.application_id === args['application_id'],
        )
        .filter(
          (grant) => args['resource_id'] === undefined || grant.resource_id === args['resource_id'],
        ),
    ),
  grants_get: (zone, args) => {
    const found = zone.grants.find(({ id }) => id === args['grant_id'])
    return found === undefined
      ? { ok: false, code: 'not_found', message: 'There is no such grant.' }
      : { ok: true, value: { ...found } }
  },
  access_list: (zone, args) => page(accessOf(zone, args)),
  access_check: check,
  plans_list: (zone) => page(zone.plans),
  audit_list: (zone, args) =>
    page(
      zone.events
        .filter((event) => args['outcome'] === undefined || event['outcome'] === args['outcome'])
        .filter(
          (event) =>
            args['application_id'] === undefined ||
            event['application_id'] === args['application_id'],
        )
        .filter((event) => typeof args['to'] !== 'string' || String(event['time']) <= args['to'])
        .filter(
          (event) => typeof args['from'] !== 'string' || String(event['time']) >= args['from'],
        ),
    ),
  approvals_list: () => page([heldRequest]),
  subjects_list: () =>
    page([
      {
        user_id: 'alice@example.com',
        name: 'Alice',
        last_seen_at: '2026-11-24T08:00:00.000Z',
        live_sessions: 2,
      },
    ]),
  subject_issuers_list: () =>
    page([
      {
        id: idOf('subjectIssuer', 1),
        name: 'Corp',
        issuer: 'https://id.example.com',
        sign_in: true,
      },
    ]),
  audit_explain: (zone, args) => ({
    ok: true,
    value: {
      event: zone.events.find((event) => event['request_id'] === args['request_id']),
      explanation: 'There is no grant for invoices:write.',
      smallest_change: 'Grant invoices:write.',
    },
  }),
}

function backendOf(zone: ZoneFixture, refusals: Readonly<Record<string, string>> = {}): Backend {
  const proposals: Proposal[] = []
  const calls: string[] = []
  function call(name: string, args: Args): Promise<ToolAnswer> {
    calls.push(name)
    const refused = refusals[name]
    if (refused !== undefined)
      return Promise.resolve({ ok: false, code: refused, message: 'This is not allowed.' })
    if (name === 'plan_propose') {
      proposals.push(args as unknown as Proposal)
      return Promise.resolve({
        ok: true,
        value: { id: idOf('plan', proposals.length), state: 'pending_approval', preview: null },
      })
    }
    const tool = tools[name]
    if (tool === undefined)
      throw new Error(`The planner asked for a tool that is not here: ${name}`)
    return Promise.resolve(tool(zone, args))
  }
  return { call, proposals, calls }
}

export interface Conversation {
  readonly text: string
  readonly outcome: string
  readonly proposals: readonly Proposal[]
  /** What the last message proposed. */
  readonly last: Proposal | undefined
  readonly events: readonly TurnEvent[]
  /** The tools that were called, in order. */
  readonly calls: readonly string[]
}

/** Says one message after the other, each with the answers before it, as a conversation does. */
export async function converse(
  zone: ZoneFixture,
  messages: readonly string[],
  refusals: Readonly<Record<string, string>> = {},
): Promise<Conversation> {
  const backend = backendOf(zone, refusals)
  const model = builtInPlanner()
  const history: Utterance[] = []
  const events: TurnEvent[] = []
  let answer = { text: '', outcome: '' }
  let before = 0
  for (const text of messages) {
    before = backend.proposals.length
    history.push({ role: 'person', text })
    const turn: Turn = {
      system: '',
      summary: '',
      history: [...history],
      tools: [],
      call: backend.call,
      emit: (event) => events.push(event),
      meter: meterInto([]),
      signal: new AbortController().signal,
      nowMs,
      timeZone,
    }
    answer = await model.answer(turn)
    history.push({ role: 'operator', text: answer.text })
  }
  return {
    ...answer,
    proposals: backend.proposals,
    last: backend.proposals[before],
    events,
    calls: backend.calls,
  }
}
