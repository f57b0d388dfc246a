import type { AccessTuple, PlanView, PreviewView } from '../../src/cli/plan-view.ts'

type Step = PreviewView['steps'][number]

const zone = 'zone_01'

export function tuple(change: Partial<AccessTuple> = {}): AccessTuple {
  return {
    application_id: 'app_01',
    application_name: 'billing-agent',
    user_id: null,
    resource_id: 'res_01',
    resource_identifier: 'resource://invoices',
    resource_name: 'Invoices',
    scope: 'invoices:read',
    verdict: 'allow',
    rules: ['grant:grt_01'],
    ...change,
  }
}

export function step(change: Partial<Step> = {}): Step {
  return {
    id: 'grant',
    operation: 'grants.create',
    zone_id: zone,
    effect: 'create',
    summary: 'Grant billing-agent invoices:read on Invoices',
    input: {},
    changes: [],
    blocked: null,
    risk: 'medium',
    risk_reasons: [],
    reversible: true,
    ...change,
  }
}

export function changed(
  effect: Step['changes'][number]['effect'],
  fields: readonly (readonly [string, unknown, unknown])[],
): Step['changes'][number] {
  return {
    kind: 'grant',
    id: 'grt_01',
    zone_id: zone,
    name: null,
    effect,
    fields: fields.map(([field, before, after]) => ({ field, before, after })),
  }
}

export function preview(change: Partial<PreviewView> = {}): PreviewView {
  return {
    steps: [step()],
    access: { gained: [], lost: [], newly_gated: [] },
    policy: {
      decision: 'require_approval',
      approvals: 1,
      second_person: false,
      break_glass: false,
      reason: 'access_gained',
      rules: [],
    },
    risk: 'medium',
    reversible: true,
    events: [],
    warnings: [],
    ...change,
  }
}

export function plan(change: Partial<PlanView> = {}): PlanView {
  return {
    id: 'plan_01',
    zone_id: zone,
    reach: 'zone',
    state: 'pending_approval',
    digest: `sha256:${'a'.repeat(64)}`,
    base_revisions: {},
    policy_set_version_id: null,
    requester: { id: 'prn_01', name: 'alice' },
    origin: 'chat',
    undoes: null,
    since: null,
    intent: 'let billing-agent read invoices',
    summary: 'Grant billing-agent invoices:read on Invoices.',
    steps: [],
    preview: preview(),
    risk: 'medium',
    approvals_required: 1,
    approvals: [],
    failure: null,
    request_id: null,
    revision: 1,
    created_at: '2026-11-24T05:00:00.000Z',
    updated_at: '2026-11-24T05:00:00.000Z',
    expires_at: '2026-11-25T05:00:00.000Z',
    ...change,
  }
}
