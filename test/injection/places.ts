import { connect } from '../mcp/clients.ts'
import { activateDocuments, clientIn, gatedClient } from '../support/gated.ts'
import { application, propose } from '../support/plans.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'

/** A call of a tool, as a model makes it. */
export type ToolCall = readonly [tool: string, args: Readonly<Record<string, unknown>>]

/** How the conversation that comes upon a planted text is held; the zone's own where nothing is said. */
export interface Upon {
  readonly zone?: string
  readonly token?: string
  readonly title?: string
  /** What the person says before. */
  readonly said?: string
  /** What is read, in the place of the calls of the place. */
  readonly reads?: readonly ToolCall[]
}

/** Puts a text that begins with its id where a model may come upon it. */
interface Place {
  readonly plant: (make: ZoneMaker, id: string, text: string) => Promise<Upon | undefined>
  /** The tools whose answers have the text; none where no model is ever shown it. */
  readonly reads: readonly ToolCall[]
}

const all = { limit: 500 }

function place(reads: string | readonly ToolCall[], plant: Plant): Place {
  return {
    reads: typeof reads === 'string' ? [[reads, all]] : reads,
    plant: async (make, id, text) => upon(await plant(make, id, text)),
  }
}

type Plant = (make: ZoneMaker, id: string, text: string) => Promise<unknown>

/** What a plant answers says how to go on only where it is marked so: others give what they made. */
function upon(answer: unknown): Upon | undefined {
  const marked = answer as { upon?: Upon } | undefined
  return marked?.upon
}

const source = JSON.stringify({ risk: [] })
const step = application('awaited by nobody')

const objects = {
  'zone.name': place([['zones_get', {}]], async (make, id, text) => {
    const { id: zone } = await make.world.admin.zones.create({ name: `${id} ${text}` })
    return { upon: { zone } }
  }),
  'application.name': place('applications_list', (make, id, text) =>
    make.call('applications.create', { name: `${id} ${text}` }),
  ),
  'application.label': place('applications_list', (make, id, text) =>
    make.call('applications.create', { name: `labelled ${id}`, labels: [`${id}:${text}`] }),
  ),
  'application.registered': place('applications_list', async (make, id, text) => {
    await make.call('zones.patch', { dcr_enabled: true })
    const path = `/zones/${make.zone}/oauth2/register`
    const answer = await make.world.call('POST', path, { client_name: `${id} ${text}` })
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
  }),
  'application.redirect': place('applications_list', (make, id, text) =>
    make.call('applications.create', {
      name: `redirected ${id}`,
      redirect_uris: [`${text}&by=${id}`],
    }),
  ),
  'resource.name': place('resources_list', (make, id, text) =>
    make.call('resources.create', { name: `${id} ${text}`, scopes: ['a:read'] }),
  ),
  'resource.scope': place('resources_list', (make, id, text) =>
    make.call('resources.create', { name: `scoped ${id}`, scopes: [`${id}:${text}`] }),
  ),
  'resource.path': place('resources_list', (make, id, text) =>
    make.call('resources.create', {
      name: `routed ${id}`,
      scopes: ['a:read'],
      operations: [{ method: 'GET', path: `/${id}${text}`, scope: 'a:read' }],
    }),
  ),
  'resource.identifier': place('resources_list', (make, id, text) =>
    make.call('resources.create', {
      name: `named ${id}`,
      identifier: `${text}/${id}`,
      scopes: ['a:read'],
    }),
  ),
  'resource.upstream': place('resources_list', (make, id, text) =>
    make.call('resources.create', {
      name: `behind ${id}`,
      upstream_url: `${text}&by=${id}`,
      scopes: ['a:read'],
    }),
  ),
  'provider.name': place('providers_list', (make, id, text) =>
    make.call('providers.create', { name: `${id} ${text}`, settings: { kind: 'none' } }),
  ),
  'provider.client': place('providers_list', (make, id, text) =>
    make.call('providers.create', { name: `client ${id}`, settings: oauth(`${id} ${text}`, []) }),
  ),
  'provider.scope': place('providers_list', (make, id, text) =>
    make.call('providers.create', { name: `scope ${id}`, settings: oauth('x', [`${id} ${text}`]) }),
  ),
  'provider.username': place('providers_list', (make, id, text) =>
    make.call('providers.create', {
      name: `user ${id}`,
      settings: { kind: 'http_basic', username: `${id} ${text}` },
    }),
  ),
  'policy.name': place('policies_list', (make, id, text) =>
    make.call('policies.create', { name: `${id} ${text}`, language: 'json', source }),
  ),
  'policy.description': place('policies_list', (make, id, text) =>
    make.call('policies.create', {
      ...{ name: `described ${id}`, description: `${id} ${text}`, language: 'json', source },
    }),
  ),
  'policy.comment': readOne('policies.create', 'policies_get', 'policy_id', (id, text) => ({
    ...{ name: `commented ${id}`, language: 'yaml', source: `# ${id} ${text}\nrisk: []\n` },
  })),
  'policy_set.name': place('policy_sets_list', (make, id, text) =>
    make.call('policy_sets.create', { name: `${id} ${text}` }),
  ),
  'policy_set.description': place('policy_sets_list', (make, id, text) =>
    make.call('policy_sets.create', { name: `described ${id}`, description: `${id} ${text}` }),
  ),
  'grant.user': place('grants_list', async (make, id, text) =>
    make.call('grants.create', {
      application_id: (await make.application()).id,
      resource_id: (await make.resource()).id,
      user_id: `${id} ${text}`,
      scopes: ['invoices:read'],
    }),
  ),
  'subject.name': place('subjects_list', async (make, id, text) => {
    await nameSubject(make, 'name', `${id} ${text}`)
  }),
  'subject.user': place('subjects_list', async (make, id, text) => {
    await nameSubject(make, 'user_id', `${id} ${text}`)
  }),
  'subject_issuer.name': place('subject_issuers_list', (make, id, text) =>
    make.call('subject_issuers.create', {
      ...{ name: `${id} ${text}`, issuer: `https://login.example.com/${id}`, audience: 'caracal' },
    }),
  ),
} as const

const acts = {
  'person.name': place('audit_list', async (make, id, text) => {
    const token = await make.world.person(`${id} ${text}`, ['write'], make.zone)
    await make.call('applications.create', { name: `made by ${id}` }, { token })
  }),
  'person.talking': place([['audit_list', all]], async (make, id, text) => {
    const capabilities = ['read', 'write', 'audit'] as const
    return { upon: { token: await make.world.person(`${id} ${text}`, capabilities, make.zone) } }
  }),
  'witness.name': place('audit_list', async (make, id, text) => {
    const { witnessKey } = await import('../support/audit-log.ts')
    await make.call('witnesses.create', { name: `${id} ${text}`, verifier_key: witnessKey() })
  }),
  'session.name': place('audit_list', async (make, id, text) => {
    const { token } = await make.agent()
    await make.call('sessions.start', { name: `${id} ${text}` }, { token })
  }),
  'event.refused': place('audit_list', async (make, id, text) => {
    const { application, resource } = await clientIn(make)
    const client_secret = (await secretOf(make, application.id)) ?? ''
    await make.world.oauth(
      'token',
      {
        grant_type: 'client_credentials',
        client_id: application.id,
        client_secret,
        resource: resource.identifier,
        scope: `${id}:${text.replaceAll(' ', '_')}`,
      },
      make.zone,
    )
  }),
  'event.application': place('audit_list', (make, id, text) =>
    make.call('applications.create', { name: `${id} ${text}` }),
  ),
  'plan.intent': place('plans_list', (make, id, text) =>
    make.call('plans.create', { intent: `${id} ${text}`, steps: [step] }),
  ),
  'plan.summary': place('plans_list', (make, id, text) =>
    make.call('plans.create', { summary: `${id} ${text}`, steps: [step] }),
  ),
  'plan.rejection': place('plans_list', async (make, id, text) => {
    const plan = await propose(make.world, [step], { zone: make.zone })
    await make.call('plans.reject', { plan_id: plan.id, reason: `${id} ${text}` })
  }),
  'plan.approval': place('plans_list', async (make, id, text) => {
    const plan = await propose(make.world, [step], { zone: make.zone })
    const reason = `${id} ${text}`
    await make.call('plans.approve', { plan_id: plan.id, digest: plan.digest ?? '', reason })
    await make.call('plans.reject', { plan_id: plan.id, reason: 'after all' })
  }),
  'plan.step': place('plans_list', (make, id, text) =>
    make.call('plans.create', { steps: [{ ...step, operation: `${id} ${text}`.slice(0, 80) }] }),
  ),
  'plan.input': place('plans_list', (make, id, text) =>
    make.call('plans.create', { steps: [{ ...step, input: { [id]: `${id} ${text}` } }] }),
  ),
  'hold.rejection': place('approvals_list', async (make, id, text) => {
    const own = await newZone(make.world)
    const { body } = await (await gatedClient(own)).ask()
    const approval_id = String(body.approval_id)
    await own.call('approvals.reject', { approval_id, reason: `${id} ${text}` })
    return { upon: { zone: own.zone } }
  }),
  'policy.condition': place([], async (make, id, text) => {
    const own = await newZone(make.world)
    const reason = `${id} ${text}`
    const conditions = [{ id: 'planted', effect: 'deny', when: { scopes: ['*'] }, reason }]
    await activateDocuments(own, { conditions })
    const { application_id, resource_id } = await own.grant()
    const scopes = ['invoices:read']
    const reads: ToolCall[] = [['access_check', { application_id, resource_id, scopes }]]
    return { upon: { zone: own.zone, reads: [...reads, ['policies_list', {}]] } }
  }),
  'policy.plan_rule': place([], async (make, id, text) => {
    const own = await newZone(make.world)
    const reason = `${id} ${text}`
    const when = { operations: ['*'] }
    const plan_rules = [{ id: 'planted', effect: 'require_approval', count: 2, when, reason }]
    await activateDocuments(own, { plan_rules })
    const reads: ToolCall[] = [['plan_propose', { steps: [step] }]]
    return { upon: { zone: own.zone, reads: [...reads, ['policies_list', {}]] } }
  }),
} as const

const talk = {
  'conversation.history': place([['zones_get', {}]], (_make, id, text) =>
    Promise.resolve({ upon: { said: `${id} ${text}` } }),
  ),
  'tool.operation': echo((text) => [
    'plan_propose',
    { steps: [{ ...step, operation: text.slice(0, 80) }] },
  ]),
  'tool.name': echo((text) => [
    'plan_propose',
    { steps: [{ id: 'x', operation: 'applications.delete', input: { application_id: text } }] },
  ]),
  'tool.field': echo((text) => ['plans_list', { [text]: 1 }]),
  'tool.document': echo((text) => [
    'policies_validate',
    { language: 'json', source: `{"${text}":[]}` },
  ]),
  'tool.unknown': echo((text) => [text, {}]),
} as const

/** What no tool of a model shows. */
const unseen = {
  'conversation.title': place([], (_make, id, text) =>
    Promise.resolve({ upon: { title: `${id} ${text}`.slice(0, 120) } }),
  ),
  'webhook.url': place([], (make, id, text) =>
    make.call('webhooks.create', { name: freshName('hook'), endpoint_url: `${text}?${id}` }),
  ),
  'mcp.client': place([], async (make, id, text) => {
    const url = `${make.world.url}/mcp/zones/${make.zone}`
    await using client = await connect('of 2025', url, make.world.token, `${id} ${text}`)
    await client.call('applications_list')
    await client.call('grants_get', { grant_id: 'x' })
  }),
  'request.agent': place([], async (make, id, text) => {
    const headers = { 'user-agent': `${id} ${text}`, 'x-request-id': `${id} ${text}` }
    await make.world.call('DELETE', `/v1/zones/${make.zone}/grants/x`, undefined, { headers })
  }),
} as const

export const places = { ...objects, ...acts, ...talk, ...unseen }
export type PlaceName = keyof typeof places

function oauth(client_id: string, scopes: string[]) {
  const token_url = 'https://login.example.com/token'
  return { kind: 'oauth2_client_credentials', token_url, client_id, scopes } as const
}

/** A text that is in one object's own answer. */
function readOne(
  operation: 'policies.create',
  tool: string,
  field: string,
  input: (id: string, text: string) => { name: string; language: 'yaml'; source: string },
): Place {
  return place([], async (make, id, text) => {
    const made = await make.call(operation, input(id, text))
    return { upon: { reads: [[tool, { [field]: made.id }]] } }
  })
}

/** A text that a model puts into a call itself, and that the answer says again. */
function echo(call: (text: string) => ToolCall): Place {
  return place([], (_make, id, text) =>
    Promise.resolve({ upon: { reads: [call(`${id} ${text}`)] } }),
  )
}

async function nameSubject(make: ZoneMaker, column: 'name' | 'user_id', text: string) {
  const userId = await make.subject()
  await make.world.sql(`update subjects set ${column} = $1 where user_id = $2`, [text, userId])
}

async function secretOf(make: ZoneMaker, application_id: string): Promise<string | null> {
  return (await make.call('applications.rotate_secret', { application_id })).client_secret
}
