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

function zone(name: string): ZoneFixture['zone'] {
  return {
    id: zoneId,
    name,
    slug: name,
    system: false,
    dcr_enabled: false,
    active_policy_set_version_id: idOf('policySetVersion', 1),
    audit_retention_days: null,
    revision: 7,
    created_at: created,
    updated_at: created,
    archived_at: null,
  }
}

function refusal(number: number, time: string, app: string, res: string, scope: string) {
  return {
    id: idOf('event', number),
    zone_id: zoneId,
    time,
    type: 'token.client_credentials',
    outcome: 'deny',
    actor: { kind: 'application', id: idOf('application', number), name: app },
    on_behalf_of: null,
    request_id: idOf('request', number),
    application_id: idOf('application', number),
    plan_id: null,
    reason: 'no_grant',
    rules: [],
    target: { kind: 'resource', id: idOf('resource', 1), name: res },
    diagnostics: { requested: [scope] },
  }
}

const templates = [
  {
    id: 'business-hours',
    title: 'Business hours',
    description: 'Working days.',
    language: 'yaml',
    source: 'conditions: []\n',
  },
]

const closed = { conditions: [{ id: 'closed', effect: 'deny', when: { days: ['sun'] } }] }

/** A hospital: names of people, of weekdays, and names within names. */
export function hospital(): ZoneFixture {
  return {
    zone: zone('st-barts'),
    applications: [
      application(1, 'Dr Watson', { labels: ['team:diagnosis'] }),
      application(2, 'triage-agent'),
      application(3, 'Friday'),
      application(4, 'night nurse', { labels: ['shift'] }),
      application(5, 'Night Nurse Backup'),
      application(6, 'grant bot'),
      application(7, 'ward_3_monitor'),
      application(8, 'Pager'),
    ],
    resources: [
      resource(1, 'Lab Results', ['results:read', 'results:sign', 'results:amend']),
      resource(2, 'Prescriptions', ['rx:read', 'rx:write', 'rx:renew']),
      resource(3, 'Patient Files', ['patients:read', 'patients:write']),
      resource(4, 'Patient Files Archive', ['archive:read']),
      resource(5, 'Rota', ['rota:view', 'rota:edit'], {
        upstream_url: 'https://rota.example.com/api',
        credential_provider_id: idOf('provider', 2),
      }),
    ],
    providers: [
      provider(1, 'Epic Login', {
        kind: 'oauth2_client_credentials',
        token_url: 'https://epic.example.com/token',
        client_id: 'caracal',
        scopes: [],
      }),
      provider(2, 'Lab Key', { kind: 'api_key', in: 'header', name: 'x-lab-key' }),
    ],
    grants: [
      grant(1, 1, 1, ['results:read', 'results:sign']),
      grant(2, 2, 3, ['patients:read'], { expires_at: '2026-11-27T17:00:00.000Z' }),
      grant(3, 4, 2, ['rx:read', 'rx:renew']),
      grant(4, 3, 5, ['rota:view', 'rota:edit']),
      grant(5, 6, 1, ['results:read'], { user_id: 'm.holmes@stbarts.example' }),
      grant(6, 7, 3, ['patients:read']),
      grant(7, 5, 5, ['rota:view']),
    ],
    policies: [policy(1, 'after hours', closed), policy(2, 'visitor lock', closed)],
    policySets: [policySet(1, 'ward rules', 2, [1]), policySet(2, 'lockdown', 1, [1, 2])],
    templates,
    plans: [],
    events: [
      refusal(2, '2026-11-24T06:12:00.000Z', 'triage-agent', 'Lab Results', 'results:read'),
      refusal(4, '2026-11-22T21:40:00.000Z', 'night nurse', 'Lab Results', 'results:sign'),
    ],
  }
}

/** A carrier: versions in names, resources that hold each other's names, and common words. */
export function logistics(): ZoneFixture {
  return {
    zone: zone('freight'),
    applications: [
      application(1, 'route_planner-v2', { labels: ['fleet'] }),
      application(2, 'route_planner'),
      application(3, 'customs-bot'),
      application(4, 'list'),
      application(5, 'Fleet Tracker 9000'),
      application(6, 'dock door'),
      application(7, 'ETA'),
      application(8, 'invoice-bot'),
    ],
    resources: [
      resource(1, 'EU Shipments API', ['shipments:read', 'shipments:write', 'shipments:cancel']),
      resource(2, 'US Shipments API', ['us-shipments:read', 'us-shipments:write']),
      resource(3, 'Customs Forms', ['forms:read', 'forms:submit', 'forms:approve']),
      resource(4, 'Driver Logs', ['logs:read', 'logs:export']),
      resource(5, 'Invoices', ['invoices:read', 'invoices:pay']),
    ],
    providers: [
      provider(1, 'DHL Token', { kind: 'bearer_token' }),
      provider(2, 'Port Login', { kind: 'http_basic', username: 'caracal' }),
    ],
    grants: [
      grant(1, 1, 1, ['shipments:read', 'shipments:write']),
      grant(2, 2, 1, ['shipments:read'], { expires_at: '2026-12-01T09:00:00.000Z' }),
      grant(3, 3, 3, ['forms:read', 'forms:submit']),
      grant(4, 4, 4, ['logs:read']),
      grant(5, 5, 4, ['logs:read', 'logs:export'], { expires_at: '2026-11-25T18:00:00.000Z' }),
      grant(6, 8, 5, ['invoices:read']),
      grant(7, 6, 2, ['us-shipments:read']),
    ],
    policies: [policy(1, 'sunday ban', closed), policy(2, 'big parcels', closed)],
    policySets: [policySet(1, 'road rules', 3, [1]), policySet(2, 'winter', 1, [1, 2])],
    templates,
    plans: [],
    events: [
      refusal(3, '2026-11-24T07:55:00.000Z', 'customs-bot', 'Customs Forms', 'forms:approve'),
      refusal(7, '2026-11-23T16:20:00.000Z', 'ETA', 'EU Shipments API', 'shipments:read'),
    ],
  }
}
