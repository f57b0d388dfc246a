import { describe, expect, test } from 'vitest'
import type { CaracalError } from '../../src/client/caracal-error.ts'
import { hangUp, json, startWire } from './wire.ts'

const zone = { id: 'zone_1', name: 'default' }

describe('what goes over the wire', () => {
  test('the zone and the path fields stand in the path, the rest of a read in the query', async () => {
    await using wire = await startWire(json(200, { items: [], next_cursor: null }))
    await wire.client().grants.list('my zone/..', { application_id: 'app_1', limit: 5 })
    expect(wire.seen[0]).toMatchObject({
      method: 'GET',
      url: '/v1/zones/my%20zone%2F../grants?application_id=app_1&limit=5',
      body: undefined,
      headers: { authorization: 'Bearer cat_test' },
    })
  })

  test('the rest of a write is its body', async () => {
    await using wire = await startWire(json(200, zone))
    const input = { application_id: 'app_1', name: 'b', labels: ['team:x'] }
    await wire.client().applications.patch('default', input, { ifMatch: 7 })
    expect(wire.seen[0]).toMatchObject({
      method: 'PATCH',
      url: '/v1/zones/default/applications/app_1',
      body: { name: 'b', labels: ['team:x'] },
      headers: { 'if-match': '"7"', 'content-type': 'application/json' },
    })
  })

  test('an operation of the platform takes its input alone, and options go with it', async () => {
    await using wire = await startWire(json(200, { steps: [], risk: 'medium' }))
    const options = { dryRun: true, idempotencyKey: 'k1' } as const
    const preview = await wire.client().zones.create({ name: 'staging' }, options)
    expect(preview.risk).toBe('medium')
    expect(wire.seen[0]).toMatchObject({
      method: 'POST',
      url: '/v1/zones?dry_run=true',
      body: { name: 'staging' },
      headers: { 'idempotency-key': 'k1' },
    })
  })

  test('a delete answers with nothing', async () => {
    await using wire = await startWire(json(204, null))
    expect(await wire.client().zones.delete('zone_1')).toEqual({})
    expect(wire.seen[0]).toMatchObject({ method: 'DELETE', body: undefined })
  })

  test.each(['', '.', '..'])('an id of %j never leaves the path it belongs to', async (id) => {
    await using wire = await startWire(json(200, zone))
    const call = wire.client().grants.get('default', { grant_id: id })
    await expect(call).rejects.toMatchObject({ code: 'invalid_argument', status: 0 })
    expect(wire.seen).toEqual([])
  })
})

describe('lists', () => {
  test('all of a list comes page by page, only as far as it is read', async () => {
    await using wire = await startWire(
      json(200, { items: [{ id: 'app_1' }, { id: 'app_2' }], next_cursor: 'c1' }),
      json(200, { items: [{ id: 'app_3' }], next_cursor: 'c2' }),
      json(200, { items: [{ id: 'app_4' }], next_cursor: null }),
    )
    const ids: string[] = []
    for await (const { id } of wire.client().applications.list.all('default', { limit: 2 })) {
      ids.push(id)
      if (id === 'app_3') break
    }
    expect(ids).toEqual(['app_1', 'app_2', 'app_3'])
    expect(wire.seen.map(({ url }) => url)).toEqual([
      '/v1/zones/default/applications?limit=2',
      '/v1/zones/default/applications?limit=2&cursor=c1',
    ])
  })

  test('a list that does not go on is an error, not an endless loop', async () => {
    await using wire = await startWire(json(200, { items: [], next_cursor: 'same' }))
    const read = async (): Promise<void> => {
      const list = wire.client().zones.list.all()[Symbol.asyncIterator]()
      while ((await list.next()).done !== true);
    }
    await expect(read()).rejects.toMatchObject({ code: 'unexpected_answer' })
    expect(wire.seen).toHaveLength(2)
  })
})

describe('errors', () => {
  test('a refusal carries status, code, details and request id', async () => {
    const body = {
      error: 'invalid_body',
      error_description: 'name: is missing',
      details: { issues: [{ path: 'name', message: 'is missing' }] },
      request_id: 'req_1',
    }
    await using wire = await startWire(json(400, body))
    await expect(wire.client().zones.list()).rejects.toMatchObject({
      name: 'CaracalError',
      status: 400,
      code: 'invalid_body',
      message: 'name: is missing',
      details: body.details,
      requestId: 'req_1',
    })
  })

  test.each([
    ['a page of a proxy', 502, '<html>'],
    ['another JSON', 404, '{"message":"no"}'],
    ['a list', 500, '[]'],
  ])('%s is an unexpected answer', async (_, status, text) => {
    await using wire = await startWire((response) => {
      response.writeHead(status)
      response.end(text)
    })
    await expect(wire.client().zones.list()).rejects.toMatchObject({
      status,
      code: 'unexpected_answer',
    })
  })

  test('the token follows no redirect', async () => {
    await using wire = await startWire((response) => {
      response.writeHead(307, { location: '/elsewhere' })
      response.end()
    })
    await expect(wire.client({ retries: 0 }).zones.list()).rejects.toMatchObject({
      code: 'unreachable',
    })
    expect(wire.seen).toHaveLength(1)
  })

  test('silence is a timeout', async () => {
    await using wire = await startWire(() => undefined)
    const call = wire.client({ timeoutMs: 50 }).zones.list()
    await expect(call).rejects.toMatchObject({ code: 'timeout', status: 0 })
  })

  test('a caller that gives up gets its own reason back', async () => {
    await using wire = await startWire(() => undefined)
    const signal = AbortSignal.timeout(50)
    const call = wire.client().zones.list({}, { signal })
    await expect(call).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  test('nobody there is unreachable, with what the network said', async () => {
    let url = ''
    {
      await using wire = await startWire(json(200, {}))
      url = wire.url
    }
    await using other = await startWire(json(200, {}))
    const call = other.client({ apiUrl: url, retries: 0 }).zones.list()
    const error = (await call.catch((caught: unknown) => caught)) as CaracalError
    expect(error).toMatchObject({ code: 'unreachable', status: 0, requestId: null })
    expect(error.message).toContain('ECONNREFUSED')
  })
})

describe('sending again', () => {
  const page = json(200, { items: [], next_cursor: null })

  test.each([
    ['a read', 3, (c: Client) => c.zones.list()],
    ['a read by POST', 3, (c: Client) => c.policies.validate({ language: 'json', source: '{}' })],
    [
      'a write with a key',
      3,
      (c: Client) => c.zones.create({ name: 'a' }, { idempotencyKey: 'k' }),
    ],
    ['a write without', 1, (c: Client) => c.zones.create({ name: 'a' })],
    ['a delete', 1, (c: Client) => c.zones.delete('zone_1')],
  ])('%s that breaks off is sent %i times', async (_, times, call) => {
    await using wire = await startWire(hangUp)
    await expect(call(wire.client())).rejects.toMatchObject({ code: 'unreachable' })
    expect(wire.seen).toHaveLength(times)
  })

  test('the answer of a later attempt is the answer', async () => {
    await using wire = await startWire(hangUp, page)
    expect(await wire.client().zones.list()).toEqual({ items: [], next_cursor: null })
  })

  test('a refusal is not asked for twice', async () => {
    await using wire = await startWire(json(503, { error: 'not_ready' }))
    await expect(wire.client().zones.list()).rejects.toMatchObject({ code: 'not_ready' })
    expect(wire.seen).toHaveLength(1)
  })

  type Client = ReturnType<Awaited<ReturnType<typeof startWire>>['client']>
})
