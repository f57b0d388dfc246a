import type { OperationId, RequestOf } from '../../tools/catalogue.ts'
import { waitingApproval } from './gated.ts'
import { freshName, scopes, type ZoneMaker } from './zone-maker.ts'
import { everythingLogged, witnessKey } from './audit-log.ts'

/** For every operation of the catalogue a request that succeeds; a missing one does not compile. */
export type Examples = {
  readonly [Id in OperationId]: (make: ZoneMaker) => RequestOf<Id> | Promise<RequestOf<Id>>
}

function nothing(): Record<string, never> {
  return {}
}
const source = JSON.stringify({ risk: [{ scope: 'invoices:write', tier: 'high' }] })

const objects: Pick<
  Examples,
  Extract<
    OperationId,
    `${'zones' | 'applications' | 'providers' | 'resources' | 'grants' | 'subject_issuers' | 'subjects' | 'admin_tokens'}.${string}`
  >
> = {
  'zones.list': nothing,
  'zones.create': () => ({ name: freshName('zone'), baseline: true }),
  'zones.get': nothing,
  'zones.patch': () => ({ name: freshName('zone') }),
  'zones.delete': nothing,
  'zones.export': nothing,
  'zones.overview': nothing,
  'zones.dcr_status': nothing,
  'zones.rotate_keys': nothing,

  'applications.list': nothing,
  'applications.create': () => ({ name: freshName('agent'), labels: ['team:billing'] }),
  'applications.register': async (make) => {
    await make.call('zones.patch', { dcr_enabled: true })
    return { name: freshName('workload'), expires_in: 600 }
  },
  'applications.get': async (make) => ({ application_id: (await make.application()).id }),
  'applications.patch': async (make) => ({
    application_id: (await make.application()).id,
    name: freshName('agent'),
    labels: ['team:billing'],
  }),
  'applications.delete': async (make) => ({ application_id: (await make.grant()).application_id }),
  'applications.rotate_secret': async (make) => ({ application_id: (await make.application()).id }),

  'providers.list': nothing,
  'providers.create': () => ({
    name: freshName('provider'),
    settings: {
      kind: 'oauth2_client_credentials',
      token_url: 'https://login.example.com/token',
      client_id: 'caracal',
    },
  }),
  'providers.get': async (make) => ({ provider_id: (await make.provider()).id }),
  'providers.patch': async (make) => ({
    provider_id: (await make.provider()).id,
    settings: { kind: 'http_basic', username: 'caracal' },
  }),
  'providers.set_secret': async (make) => ({
    provider_id: (await make.provider()).id,
    secret: 'a secret of an upstream',
  }),
  'providers.delete': async (make) => ({ provider_id: (await make.provider()).id }),

  'resources.list': nothing,
  'resources.create': async (make) => ({
    name: freshName('Invoices'),
    scopes,
    operations: [{ method: 'GET', path: '/invoices/{id}', scope: 'invoices:read' }],
    upstream_url: 'https://invoices.example.com/',
    credential_provider_id: (await make.provider()).id,
  }),
  'resources.get': async (make) => ({ resource_id: (await make.resource()).id }),
  'resources.patch': async (make) => ({
    resource_id: (await make.resource()).id,
    scopes: [...scopes, 'invoices:list'],
  }),
  'resources.delete': async (make) => ({ resource_id: (await make.grant()).resource_id }),

  'grants.list': nothing,
  'grants.create': async (make) => ({
    application_id: (await make.application()).id,
    resource_id: (await make.resource()).id,
    scopes: ['invoices:read'],
    expires_at: '2099-01-01T00:00:00Z',
  }),
  'grants.get': async (make) => ({ grant_id: (await make.grant()).id }),
  'grants.patch': async (make) => ({ grant_id: (await make.grant()).id, scopes }),
  'grants.delete': async (make) => ({ grant_id: (await make.grant()).id }),

  'subject_issuers.list': nothing,
  'subject_issuers.create': () => ({
    name: freshName('people'),
    issuer: `https://login.example.com/${freshName('tenant')}`,
    jwks_url: 'https://login.example.com/keys',
    audience: 'caracal',
    algorithms: ['RS256'],
    claims: { subject: 'oid' },
    sign_in: true,
  }),
  'subject_issuers.get': async (make) => ({ subject_issuer_id: (await make.subjectIssuer()).id }),
  'subject_issuers.patch': async (make) => ({
    subject_issuer_id: (await make.subjectIssuer()).id,
    audience: 'another-client',
  }),
  'subject_issuers.set_secret': async (make) => ({
    subject_issuer_id: (await make.subjectIssuer()).id,
    secret: 'a secret at the provider',
  }),
  'subject_issuers.delete': async (make) => ({
    subject_issuer_id: (await make.subjectIssuer()).id,
  }),

  'subjects.list': nothing,
  'subjects.revoke': async (make) => ({ user_id: await make.subject() }),

  'admin_tokens.list': nothing,
  'admin_tokens.create': (make) => ({
    principal_name: freshName('person'),
    principal_kind: 'person',
    zone_id: make.zone,
    capabilities: ['read', 'approve'],
    expires_at: '2099-01-01T00:00:00+02:00',
  }),
  'admin_tokens.rotate': async (make) => ({ admin_token_id: (await make.adminToken()).id }),
  'admin_tokens.delete': async (make) => ({ admin_token_id: (await make.adminToken()).id }),
}

const policy: Pick<
  Examples,
  Extract<OperationId, `${'policies' | 'policy_sets' | 'access'}.${string}`>
> = {
  'policies.draft': () => ({ words: 'freeze the zone' }),
  'policies.validate': () => ({ language: 'json', source }),
  'policies.templates': nothing,
  'policies.list': nothing,
  'policies.create': () => ({ name: freshName('policy'), language: 'json', source }),
  'policies.get': async (make) => ({ policy_id: (await make.policy()).id }),
  'policies.add_version': async (make) => ({
    policy_id: (await make.policy()).id,
    language: 'json',
    source,
  }),
  'policies.delete': async (make) => ({ policy_id: (await make.policy()).id }),

  'policy_sets.list': nothing,
  'policy_sets.create': () => ({ name: freshName('set') }),
  'policy_sets.get': async (make) => ({ policy_set_id: (await make.policySet()).id }),
  'policy_sets.add_version': async (make) => ({
    policy_set_id: (await make.policySet()).id,
    manifest: [{ policy_version_id: (await make.policy()).latest_version.id }],
  }),
  'policy_sets.get_version': (make) => setVersion(make),
  'policy_sets.activate': (make) => setVersion(make),
  'policy_sets.rollback': async (make) => {
    const version = await setVersion(make)
    await make.call('policy_sets.activate', version)
    return { policy_set_id: version.policy_set_id }
  },
  'policy_sets.activation_status': (make) =>
    setVersion(make).then(({ policy_set_id }) => ({ policy_set_id })),
  'policy_sets.simulate': async (make) => {
    const { application_id, resource_id } = await make.grant()
    const { policy_set_id } = await setVersion(make)
    return { policy_set_id, input: { application_id, resource_id, scopes } }
  },
  'policy_sets.replay': (make) => setVersion(make),
  'policy_sets.delete': async (make) => ({ policy_set_id: (await make.policySet()).id }),

  'access.list': nothing,
  'access.check': async (make) => {
    const { application_id, resource_id } = await make.grant()
    return { application_id, resource_id, scopes }
  },
}

const rest: Pick<
  Examples,
  Extract<
    OperationId,
    `${'sessions' | 'delegations' | 'audit' | 'plans' | 'conversations' | 'operator' | 'autopilot'}.${string}`
  >
> = {
  'sessions.list': nothing,
  'sessions.start': () => ({ name: 'nightly report' }),
  'sessions.get': (make) => agentSession(make),
  'sessions.heartbeat': (make) => agentSession(make),
  'sessions.suspend': (make) => agentSession(make),
  'sessions.resume': async (make) => {
    const named = await agentSession(make)
    await make.call('sessions.suspend', named)
    return named
  },
  'sessions.terminate': (make) => agentSession(make),

  'delegations.list': nothing,
  'delegations.create': async (make) => ({
    target_application_id: (await make.application()).id,
    resource_id: (await make.resource()).id,
    scopes: ['invoices:read'],
    expires_at: inAnHour(make),
    ttl_seconds: 300,
    max_hops: 1,
  }),
  'delegations.get': async (make) => ({ edge_id: (await make.delegation()).id }),
  'delegations.revoke': async (make) => ({ edge_id: (await make.delegation()).id }),

  'audit.list': nothing,
  'audit.by_request': async (make) => ({ request_id: await recordedRequest(make) }),
  'audit.explain': async (make) => ({ request_id: await recordedRequest(make) }),
  'audit.platform': nothing,
  'audit.checkpoint': async (make) => {
    await loggedEvent(make)
    return {}
  },
  'audit.proof': async (make) => ({ event_id: await loggedEvent(make) }),
  'audit.consistency': async (make) => {
    await loggedEvent(make)
    return { from: 1 }
  },
  'audit.entries': nothing,
  'audit.verify': async (make) => {
    await loggedEvent(make)
    return {}
  },
  'audit.export': nothing,
  'audit.follow': nothing,

  'plans.list': nothing,
  'plans.create': () => ({
    steps: [{ id: 'one', operation: 'applications.create', input: { name: freshName('agent') } }],
  }),
  'plans.import': () => ({
    file: { format: 'caracal-zone/1', applications: [{ name: freshName('agent') }] },
  }),
  'plans.get': async (make) => ({ plan_id: (await make.plan()).id }),
  'plans.preview': async (make) => ({ plan_id: (await make.plan()).id }),
  'plans.rebase': async (make) => ({ plan_id: (await make.plan()).id }),
  'plans.approve': (make) => digested(make),
  'plans.reject': async (make) => ({ plan_id: (await make.plan()).id, reason: 'not needed' }),
  'plans.apply': async (make) => {
    const plan = await digested(make)
    await make.call('plans.approve', plan)
    return plan
  },
  'plans.evidence': async (make) => {
    const { id } = await make.plan()
    await everythingLogged(make.world)
    return { plan_id: id }
  },
  'plans.undo': async (make) => {
    const plan = await digested(make)
    await make.call('plans.approve', plan)
    await make.call('plans.apply', plan)
    return { plan_id: plan.plan_id }
  },

  'conversations.list': nothing,
  'conversations.create': () => ({ title: 'who may read invoices' }),
  'conversations.get': (make) => conversation(make),
  'conversations.delete': (make) => conversation(make),
  'conversations.send': async (make) => ({ ...(await conversation(make)), text: 'hello' }),
  'conversations.follow': async (make) => {
    const { conversation_id } = await conversation(make)
    const said = { conversation_id, text: 'hello', client_message_id: 'one' }
    await make.call('conversations.send', said)
    const { messages } = await make.call('conversations.get', { conversation_id })
    return { conversation_id, message_id: messages[0]?.id ?? '' }
  },
  'conversations.cancel': (make) => conversation(make),
  'conversations.autopilot_on': async (make) => {
    await make.call('autopilot.on', {})
    return conversation(make)
  },
  'conversations.autopilot_off': (make) => conversation(make),

  'operator.status': nothing,
  'operator.usage': nothing,
  'operator.calls': nothing,
  'operator.capabilities': nothing,
  'autopilot.status': nothing,
  'autopilot.on': () => ({ writes_per_plan: 5 }),
  'autopilot.off': nothing,
}

const stepUp: Pick<
  Examples,
  Extract<OperationId, `${'approvals' | 'webhooks' | 'witnesses'}.${string}`>
> = {
  'approvals.list': nothing,
  'approvals.counts': nothing,
  'approvals.get': async (make) => ({ approval_id: await waitingApproval(make) }),
  'approvals.approve': async (make) => ({
    approval_id: await waitingApproval(make),
    reason: 'known',
  }),
  'approvals.reject': async (make) => ({
    approval_id: await waitingApproval(make),
    reason: 'unknown',
  }),

  'witnesses.list': nothing,
  'witnesses.create': () => ({ name: freshName('witness'), verifier_key: witnessKey() }),
  'witnesses.get': (make) => witness(make),
  'witnesses.delete': (make) => witness(make),

  'webhooks.list': nothing,
  'webhooks.create': () => ({
    name: freshName('hook'),
    endpoint_url: 'https://hooks.example.com/caracal',
  }),
  'webhooks.get': (make) => webhook(make),
  'webhooks.patch': async (make) => ({
    ...(await webhook(make)),
    endpoint_url: 'https://hooks.example.com/other',
    events: ['approval.issued'],
  }),
  'webhooks.delete': (make) => webhook(make),
  'webhooks.rotate_secret': (make) => webhook(make),
  'webhooks.deliveries': (make) => webhook(make),
  'webhooks.retry': (make) => deadDelivery(make),
}

export const examples: Examples = { ...objects, ...policy, ...stepUp, ...rest }

async function webhook(make: ZoneMaker) {
  return { webhook_id: (await make.webhook()).id }
}

async function witness(make: ZoneMaker) {
  const made = { name: freshName('witness'), verifier_key: witnessKey() }
  return { witness_id: (await make.call('witnesses.create', made)).id }
}

/** A message that its webhook could not be given. */
async function deadDelivery(make: ZoneMaker) {
  const { webhook_id } = await webhook(make)
  await waitingApproval(make)
  await make.world.sql(`update webhook_deliveries set state = 'dead' where webhook_id = $1`, [
    webhook_id,
  ])
  const [dead] = (await make.call('webhooks.deliveries', { webhook_id })).items
  if (dead === undefined) throw new Error('nothing was to be delivered')
  return { webhook_id, delivery_id: dead.id }
}

async function agentSession(make: ZoneMaker) {
  return { session_id: (await make.session()).id }
}

function inAnHour({ world }: ZoneMaker): string {
  return new Date(world.now() + 3_600_000).toISOString()
}

async function setVersion(make: ZoneMaker) {
  const { policy_set_id, id } = await make.policySetVersion()
  return { policy_set_id, version_id: id }
}

async function digested(make: ZoneMaker) {
  const { id, digest } = await make.plan()
  if (digest === null) throw new Error('the plan has no digest')
  return { plan_id: id, digest }
}

async function conversation(make: ZoneMaker) {
  return { conversation_id: (await make.conversation()).id }
}

/** The id of an event that has its place in the log of its zone. */
async function loggedEvent(make: ZoneMaker): Promise<string> {
  await make.application()
  await everythingLogged(make.world)
  const [event] = (await make.call('audit.list', { limit: 1 })).items
  if (event === undefined) throw new Error('nothing is recorded')
  return event.id
}

async function recordedRequest(make: ZoneMaker): Promise<string> {
  await make.application()
  const [event] = (await make.call('audit.list', { limit: 1 })).items
  if (event === undefined) throw new Error('nothing is recorded')
  return event.request_id
}
