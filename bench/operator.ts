import pg from 'pg'
import { converse } from '../src/client/converse.ts'
import type { AdminClient } from '../src/client/index.ts'
import { directForm } from './exchange.ts'
import { figure, percentiles, type Figure } from './figure.ts'
import { startOnDatabase, type Running } from './installation.ts'
import { runPlan, stepsOf, timed, type Steps } from './plans.ts'
import { inTurn, seedClients, zone, type Client } from './seed.ts'
import type { Settings } from './settings.ts'

const messages = 100
const recorded = 1_000
/** The grants of the large zone: every application of these holds one on every resource. */
const large = { applications: 200, resources: 100 } as const

/** What the Operator takes beside its model, in a small zone and in one with 20,000 grants. */
export async function measureOperator({ rounds, profile }: Settings): Promise<readonly Figure[]> {
  await using started = await startOnDatabase(profile)
  const { service, connection } = started
  const { admin } = service
  const talk = await measureMessages(admin)
  const small = await measureApply(admin, rounds, 'small')
  const clients = await seedClients(admin, 20)
  await recordDecisions(service, clients)
  const existing = await seedLargeZone(admin, connection)
  const preview = await measurePreviews(admin, rounds, { ...existing, clients })
  const apply = await measureApply(admin, rounds, 'large')
  const note = `${rounds} plans`
  return [
    figure('operator.message', { ...percentiles(talk), note: `${messages} messages` }),
    figure('operator.apply.50', { ...percentiles(small), note }),
    figure('operator.preview.20000', { ...percentiles(preview), note }),
    figure('operator.apply.50.20000', { ...percentiles(apply), note }),
  ]
}

/** From a message to the end of its stream, with the plan that it has become. */
async function measureMessages(admin: AdminClient): Promise<readonly number[]> {
  const durationsMs = await inTurn(messages + 10, async (nth) => {
    const { id } = await admin.conversations.create(zone, {})
    const text = `register an application called talker-${nth}`
    const [reply, ms] = await timed(() => converse(admin, zone, id, text))
    if (reply.plan_ids.length !== 1) throw new Error(`no plan came of it: ${reply.text}`)
    return ms
  })
  return durationsMs.slice(10)
}

async function measureApply(
  admin: AdminClient,
  rounds: number,
  mark: string,
): Promise<readonly number[]> {
  const durationsMs = await inTurn(rounds + 2, async (nth) => {
    const { applyMs } = await runPlan(admin, 50, `${mark}${nth}`)
    return applyMs
  })
  return durationsMs.slice(2)
}

/** Decisions of the zone, as exchanges leave them. */
async function recordDecisions(service: Running, clients: readonly Client[]): Promise<void> {
  const url = `${service.url}/zones/${zone}/oauth2/token`
  await inTurn(recorded / clients.length, () =>
    Promise.all(
      clients.map(async (client) => {
        const body = directForm(client)
        const headers = { 'content-type': 'application/x-www-form-urlencoded' }
        const answer = await fetch(url, { method: 'POST', headers, body })
        if (!answer.ok) throw new Error(await answer.text())
      }),
    ),
  )
}

/** Ids of what was there before. */
interface Existing {
  readonly clients: readonly Client[]
  readonly applications: readonly string[]
  readonly resources: readonly string[]
}

/** Copies of one application, resource and grant, written past the service. */
async function seedLargeZone(
  admin: AdminClient,
  connection: pg.ClientConfig,
): Promise<Omit<Existing, 'clients'>> {
  const resource = await admin.resources.create(zone, { name: 'Pattern', scopes: ['records:read'] })
  const application = await admin.applications.create(zone, { name: 'pattern' })
  const grant = await admin.grants.create(zone, {
    application_id: application.id,
    resource_id: resource.id,
    scopes: ['records:read'],
  })
  const owner = new pg.Client(connection)
  await owner.connect()
  try {
    const applications = await copy(owner, 'applications', application.id, large.applications)
    const resources = await copy(owner, 'resources', resource.id, large.resources)
    await owner.query(
      `insert into grants select (jsonb_populate_record(g, jsonb_build_object(
         'id', 'grt_0' || lpad(to_hex(row_number() over ()), 25, '0'),
         'application_id', a, 'resource_id', r))).*
       from grants g, unnest($2::text[]) a, unnest($3::text[]) r where g.id = $1`,
      [grant.id, applications, resources],
    )
    await owner.query('vacuum analyze')
    return { applications, resources }
  } finally {
    await owner.end()
  }
}

const prefixes = { applications: 'app', resources: 'res' } as const

async function copy(
  owner: pg.Client,
  table: keyof typeof prefixes,
  pattern: string,
  count: number,
): Promise<readonly string[]> {
  const identifier = table === 'resources' ? `'identifier', 'resource://copy-' || n,` : ''
  const { rows } = await owner.query<{ id: string }>(
    `insert into ${table} select (jsonb_populate_record(t, jsonb_build_object(
       'id', '${prefixes[table]}_0' || lpad(to_hex(n), 25, '0'), ${identifier}
       'name', 'copy-' || n, 'name_key', 'copy-' || n))).*
     from ${table} t, generate_series(1, $2::int) n where t.id = $1 returning id`,
    [pattern, count],
  )
  return rows.map(({ id }) => id)
}

/** Previews whose access is compared for hundreds of pairs, and which look at a thousand decisions. */
async function measurePreviews(
  admin: AdminClient,
  rounds: number,
  existing: Existing,
): Promise<readonly number[]> {
  const durationsMs = await inTurn(rounds + 2, async (round) => {
    const steps = stepsAmong(existing, round)
    const [plan, ms] = await timed(() => admin.plans.create(zone, { steps }))
    if (plan.state !== 'pending_approval') throw new Error(`plan ${plan.id} is ${plan.state}`)
    const read = plan.preview?.replay?.decisions ?? 0
    if (read < recorded) throw new Error(`only ${read} decisions were looked at`)
    return ms
  })
  return durationsMs.slice(2)
}

/** Twenty steps: five of applications that hold a hundred grants each, five of those that have asked. */
function stepsAmong({ applications, clients }: Existing, round: number): Steps {
  const created = stepsOf(10, `p${round}`)
  const more = Array.from({ length: 10 }, (_, i) => ({
    id: `more${i}`,
    operation: 'grants.create',
    input: {
      application_id: i < 5 ? applications[(round * 5 + i) % applications.length] : clients[i]?.id,
      resource_id: `{{steps.res${i % 2}.output.id}}`,
      scopes: ['records:read'],
    },
  }))
  return [...created, ...more]
}
