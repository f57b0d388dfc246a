import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogue } from '../../tools/catalogue.ts'
import { pathFields, type Operation } from '../../tools/operation.ts'
import { startWorld, type World } from '../world.ts'

interface Described {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: object }[]
  readonly requestBody?: { readonly content: Record<string, { schema: JsonSchema }> }
  readonly responses: Record<string, { description: string; content?: Record<string, unknown> }>
  readonly security: readonly Record<string, readonly string[]>[]
}

interface JsonSchema {
  readonly type?: string
  readonly properties?: Record<string, object>
  readonly required?: readonly string[]
  readonly additionalProperties?: unknown
}

let world: World
let document: {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly paths: Record<string, Record<string, Described>>
  readonly components: { readonly securitySchemes: Record<string, object> }
}

beforeAll(async () => {
  world = await startWorld()
  const answer = await world.call('GET', '/openapi.json', undefined, { token: null })
  expect(answer.status).toBe(200)
  document = answer.body
})

afterAll(() => world[Symbol.asyncDispose]())

const operations: readonly Operation[] = catalogue
const rows = operations.map((operation) => [operation.id, operation] as const)

function described({ route }: Operation): Described | undefined {
  const path = route.path.replace(/:([a-z_]+)/g, '{$1}')
  return document.paths[path]?.[route.method.toLowerCase()]
}

test('the document is OpenAPI 3.1 and names its credential', () => {
  expect(document.openapi).toMatch(/^3\.1\.\d+$/)
  expect(document.info).toMatchObject({ title: /./.exec('Caracal Admin API')?.input })
  expect(document.info.version).toMatch(/^\d+\.\d+\.\d+/)
  expect(document.components.securitySchemes.bearer).toMatchObject({
    type: 'http',
    scheme: 'bearer',
  })
})

test('the OAuth endpoints are described with what they take and every way that they answer', () => {
  const described = Object.entries(document.paths)
    .filter(([path]) => path.startsWith('/zones/') || path.includes('.well-known'))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([verb, one]) => ({ path, verb, one })),
    )
  expect(described.map(({ path }) => path).sort()).toEqual([
    '/.well-known/jwks.json',
    '/.well-known/oauth-authorization-server/zones/{zone}',
    '/zones/{zone}/.well-known/jwks.json',
    '/zones/{zone}/oauth2/introspect',
    '/zones/{zone}/oauth2/revoke',
    '/zones/{zone}/oauth2/token',
    '/zones/{zone}/revocations',
  ])
  for (const { one, verb } of described) {
    expect(Object.keys(one.responses)).toEqual(['200', 'default'])
    const takes = Object.keys(one.requestBody?.content ?? {})
    expect(takes).toEqual(verb === 'post' ? ['application/x-www-form-urlencoded'] : [])
  }
})

test('it describes the operations under /v1 and nothing else there', () => {
  const ids = Object.entries(document.paths)
    .filter(([path]) => path.startsWith('/v1/'))
    .flatMap(([, methods]) => Object.values(methods).map(({ operationId }) => operationId))
  expect(ids.sort()).toEqual(operations.map(({ id }) => id).sort())
})

test('every reference in it leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
    ([, to]) => to,
  )
  const lost = references.filter((to) => {
    let found: unknown = document
    for (const part of to?.slice(2).split('/') ?? [])
      found = (found as Record<string, unknown> | undefined)?.[part]
    return found === undefined
  })
  expect(lost).toEqual([])
})

test('there is a page for people', async () => {
  const page = await fetch(`${world.url}/docs/`)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toContain('text/html')
  expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
})

describe.each(rows)('%s', (_, operation) => {
  test('is described as its route is', () => {
    const entry = described(operation)
    expect(entry).toMatchObject({
      operationId: operation.id,
      summary: operation.summary,
      tags: [operation.id.split('.')[0]],
      security: [{ bearer: [] }],
    })
    const inPath = entry?.parameters?.filter((parameter) => parameter.in === 'path') ?? []
    const zone = operation.route.path.includes(':zone_id') ? ['zone_id'] : []
    expect(inPath.map(({ name }) => name)).toEqual([...zone, ...pathFields(operation)])
    expect(inPath.every(({ required }) => required === true)).toBe(true)
  })

  test('declares every field of its input, once', () => {
    const entry = described(operation)
    const inQuery = entry?.parameters?.filter((parameter) => parameter.in === 'query') ?? []
    const body = Object.values(entry?.requestBody?.content ?? {})[0]?.schema
    const written = operation.route.method !== 'GET'
    const dryRun = written && operation.plannable ? ['dry_run'] : []
    const fields = Object.keys(operation.input.shape).filter(
      (field) => !pathFields(operation).includes(field),
    )
    expect(Object.keys(body?.properties ?? {})).toEqual(written ? fields : [])
    expect(inQuery.map(({ name }) => name)).toEqual(written ? dryRun : fields)
    if (body !== undefined) expect(body.additionalProperties).toBe(false)
  })

  test('declares every status that it answers with', () => {
    const responses = described(operation)?.responses ?? {}
    const dryRun = operation.route.method !== 'GET' && operation.plannable ? ['200'] : []
    const statuses = new Set([String(operation.route.status), ...dryRun, 'default'])
    expect(Object.keys(responses).sort()).toEqual([...statuses].sort())
    const { status } = operation.route
    const media = { events: ['text/event-stream'], file: ['application/jsonl', 'text/csv'] }
    const own = operation.streams === null ? ['application/json'] : media[operation.streams]
    if (status === 204) expect(responses[status]?.content).toBeUndefined()
    else expect(Object.keys(responses[status]?.content ?? {})).toEqual(own)
    expect(JSON.stringify(responses.default)).toContain('error_description')
  })
})
