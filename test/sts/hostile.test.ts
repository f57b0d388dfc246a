import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import { own, post, startWorld, tenant, type StsWorld, type Tenant } from './sts-world.ts'

let database: FreshDatabase
let world: StsWorld
let t: Tenant

beforeAll(async () => {
  database = await freshDatabase()
  world = await startWorld(database.connection)
  t = await tenant(world)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

async function countEvents(): Promise<number> {
  const [row] = await world.rows<{ count: number }>('select count(*) as count from events')
  return row?.count ?? 0
}

describe('whatever is sent', () => {
  const names = fc.constantFrom(
    ...['grant_type', 'client_id', 'client_secret', 'resource', 'scope', 'subject_token'],
    ...['subject_token_type', 'actor_token', 'audience', 'client_assertion', 'token'],
    ...['client_assertion_type', 'requested_token_type', '__proto__', 'constructor', ''],
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom(
      ...['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange', '%', '%zz'],
      ...['urn:ietf:params:oauth:token-type:access_token', 'invoices:read', '\u0000', '\ud800'],
      ...['urn:ietf:params:oauth:client-assertion-type:jwt-bearer', 'eyJhbGciOiJub25lIn0.e30.'],
    ),
  )
  const parameters = fc.array(fc.tuple(names, text), { maxLength: 40 })
  const endpoint = fc.constantFrom('token', 'introspect', 'revoke')
  const authorization = fc.option(
    text.map((value) => `Basic ${Buffer.from(value).toString('base64')}`),
    { nil: undefined },
  )

  test('is answered in OAuth’s shape, below 500, with one event', async () => {
    await fc.assert(
      fc.asyncProperty(
        endpoint,
        parameters,
        fc.boolean(),
        authorization,
        async (path, random, known, header) => {
          const credentials = known ? Object.entries(own(t)) : []
          const taken = new Set(credentials.map(([name]) => name))
          const form = [...credentials, ...random.filter(([name]) => !taken.has(name))]
          const before = await countEvents()
          const answer = await post(
            `${t.issuer}/oauth2/${path}`,
            form,
            header === undefined ? {} : { authorization: header },
          )
          expect(answer.status).toBeLessThan(500)
          if (answer.status !== 200)
            expect(answer.body).toMatchObject({
              error: expect.stringMatching(/^[a-z_]+$/),
              error_description: expect.stringMatching(/^[\x20-\x7e]+$/),
              request_id: expect.stringMatching(/^req_/),
            })
          expect(await countEvents()).toBe(before + 1)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('of raw bytes, too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (body) => {
        const answer = await post(`${t.issuer}/oauth2/token`, body)
        expect(answer.status).toBeLessThan(500)
      }),
      { numRuns: 200 },
    )
  })

  test('long values are refused in little time', async () => {
    const started = performance.now()
    for (const name of ['scope', 'resource', 'client_id', 'subject_token', 'client_assertion'])
      for (const unit of ['a', ' ', '.', 'a.', '='])
        await post(`${t.issuer}/oauth2/token`, { ...own(t), [name]: unit.repeat(20_000) })
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  test('nothing secret is in the log', async () => {
    const canary = 'cs_canary-0123456789'
    await post(`${t.issuer}/oauth2/token`, { ...own(t), client_secret: canary })
    await post(`${t.issuer}/oauth2/introspect`, { ...own(t), token: canary })
    await post(`${t.issuer}/oauth2/token`, own(t), {
      authorization: `Basic ${btoa(`x:${canary}`)}`,
    })
    const { body } = await post(`${t.issuer}/oauth2/token`, own(t))
    const log = JSON.stringify(await world.rows('select * from events'))
    for (const secret of [canary, t.secret, body.access_token, body.access_token.split('.')[2]!])
      expect(log).not.toContain(secret)
  })
})

test('when the database goes, no mandate leaves without its event, and it comes back by itself', async () => {
  const owner = new pg.Client(database.connection)
  await owner.connect()
  const answers: Awaited<ReturnType<typeof post>>[] = []
  const until = performance.now() + 1_500
  const clients = Array.from({ length: 20 }, async () => {
    while (performance.now() < until) answers.push(await post(`${t.issuer}/oauth2/token`, own(t)))
  })
  const cutting = (async () => {
    while (performance.now() < until) {
      await owner.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where pid <> pg_backend_pid() and datname = current_database() and usename = current_user`,
      )
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
  })()
  await Promise.all([...clients, cutting])
  await owner.end()
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]))
  const refused = answers.find(({ status }) => status === 503)
  expect(refused?.body['error']).toBe('temporarily_unavailable')
  expect(refused?.headers.get('retry-after')).toBe('1')
  const granted = answers.flatMap(({ status, body }) => (status === 200 ? [body.access_token] : []))
  const rows = await world.rows<{ jti: string }>(
    `select entry->>'mandate_jti' as jti from events where zone_id = $1`,
    [t.zone],
  )
  const recorded = new Set(rows.map(({ jti }) => jti))
  const jtis = granted.map((token) => {
    const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    return (JSON.parse(claims) as { jti: string }).jti
  })
  expect(jtis.length).toBeGreaterThan(0)
  expect(jtis.filter((jti) => !recorded.has(jti))).toEqual([])
  expect((await post(`${t.issuer}/oauth2/token`, own(t))).status).toBe(200)
})
