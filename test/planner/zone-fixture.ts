import { hospital, logistics } from './other-zones.ts'
import {
  application,
  created,
  grant,
  idOf,
  policy,
  policySet,
  provider,
  resource,
  type ZoneFixture,
  zoneId,
} from './zone-parts.ts'

/** The moment of every conversation in these tests: a Tuesday, 11:00 in Berlin. */
export const nowMs = Date.parse('2026-11-24T10:00:00.000Z')
export const timeZone = 'Europe/Berlin'

const original: ZoneFixture = {
  zone: {
    id: zoneId,
    name: 'default',
    slug: 'default',
    system: false,
    dcr_enabled: false,
    active_policy_set_version_id: idOf('policySetVersion', 1),
    audit_retention_days: null,
    revision: 7,
    created_at: created,
    updated_at: created,
    archived_at: null,
  },
  applications: [
    application(1, 'billing-agent', { labels: ['team:billing'] }),
    application(2, 'support-bot'),
    application(3, 'reporting-agent', { labels: ['team:data', 'nightly'] }),
    application(4, 'Data Exporter'),
    application(5, 'keyed-agent', {
      auth_method: 'private_key_jwt',
      jwks: { keys: [{ kty: 'EC' }] },
    }),
    application(6, 'mailer-east'),
    application(7, 'mailer-west'),
  ],
  resources: [
    resource(1, 'Invoices', ['invoices:read', 'invoices:write', 'invoices:delete']),
    resource(2, 'Orders', ['orders:read', 'orders:write']),
    resource(3, 'Customer Records', ['customers:read', 'customers:write', 'customers:delete']),
    resource(4, 'Payments', ['payments:refund', 'payments:capture'], {
      upstream_url: 'https://pay.example.com/v1',
      credential_provider_id: idOf('provider', 1),
    }),
    resource(5, 'Metrics', ['metrics:read']),
  ],
  providers: [
    provider(1, 'Stripe', { kind: 'api_key', in: 'header', name: 'x-api-key' }),
    {
      ...provider(2, 'Ledger Login', {
        kind: 'oauth2_client_credentials',
        token_url: 'https://login.example.com/token',
        client_id: 'caracal',
        scopes: [],
      }),
      has_secret: false,
    },
  ],
  grants: [
    grant(1, 2, 1, ['invoices:read', 'invoices:write']),
    grant(2, 3, 2, ['orders:read'], { expires_at: '2026-11-26T12:00:00.000Z' }),
    grant(3, 3, 1, ['invoices:read']),
    grant(4, 4, 3, ['customers:read'], { user_id: 'alice@example.com' }),
    grant(5, 4, 3, ['customers:read', 'customers:delete']),
    grant(6, 6, 2, ['orders:write'], { expires_at: '2026-11-20T12:00:00.000Z' }),
  ],
  policies: [
    policy(1, 'night shift', {
      conditions: [{ id: 'night', effect: 'deny', when: { days: ['sun'] }, reason: 'closed' }],
    }),
    policy(2, 'old rules', { risk: [{ scope: 'orders:*', tier: 'low' }] }),
    policy(3, 'incident', { restrict: ['incident 7'] }),
  ],
  policySets: [policySet(1, 'baseline', 2, [1]), policySet(2, 'strict', 1, [1, 2])],
  templates: [
    {
      id: 'business-hours',
      title: 'Business hours',
      description: 'Working days.',
      language: 'yaml',
      source: 'conditions: []\n',
    },
    {
      id: 'freeze',
      title: 'Freeze the zone',
      description: 'Denies everything.',
      language: 'yaml',
      source: 'restrict: [incident]\n',
    },
  ],
  plans: [],
  events: [
    {
      id: idOf('event', 1),
      zone_id: zoneId,
      time: '2026-11-24T08:30:00.000Z',
      type: 'token.client_credentials',
      outcome: 'deny',
      actor: { kind: 'application', id: idOf('application', 1), name: 'billing-agent' },
      on_behalf_of: null,
      request_id: idOf('request', 1),
      application_id: idOf('application', 1),
      plan_id: null,
      reason: 'no_grant',
      rules: [],
      target: { kind: 'resource', id: idOf('resource', 1), name: 'Invoices' },
      diagnostics: { requested: ['invoices:write'] },
    },
    {
      id: idOf('event', 2),
      zone_id: zoneId,
      time: '2026-11-23T15:00:00.000Z',
      type: 'grants.create',
      outcome: 'applied',
      actor: { kind: 'person', id: idOf('principal', 1), name: 'owner' },
      on_behalf_of: null,
      request_id: idOf('request', 2),
      application_id: null,
      plan_id: null,
      reason: null,
      rules: [],
      target: { kind: 'grant', id: idOf('grant', 3), name: null },
      diagnostics: {},
    },
  ],
}

/** The zone that the phrases are said in, made anew. */
export function zoneFixture(): ZoneFixture {
  return structuredClone(original)
}

/** The same zone after something happened to it, by the name that phrase files use. */
export const zones: Readonly<Record<string, () => ZoneFixture>> = {
  default: zoneFixture,
  hospital,
  logistics,
  empty: () => ({ ...zoneFixture(), applications: [], resources: [], providers: [], grants: [] }),
  frozen: () => {
    const fixture = zoneFixture()
    return { ...fixture, policySets: [policySet(1, 'baseline', 2, [1, 3])] }
  },
  'no-policy': () => {
    const fixture = zoneFixture()
    return {
      ...fixture,
      zone: { ...fixture.zone, active_policy_set_version_id: null },
    }
  },
  'shared-names': () => {
    const fixture = zoneFixture()
    return { ...fixture, applications: [...fixture.applications, application(8, 'Orders')] }
  },
  'dcr-on': () => {
    const fixture = zoneFixture()
    return { ...fixture, zone: { ...fixture.zone, dcr_enabled: true } }
  },
}
