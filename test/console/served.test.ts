import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { consoleRoutes } from '../../src/http/console.ts'

let folder: string
let app: FastifyInstance

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caracal-console-'))
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>Caracal</title>')
  await writeFile(join(folder, 'assets', 'index-abc.js'), 'export {}')
  await writeFile(join(folder, 'secret.txt'), 'not for anybody')
  app = fastify()
  // As the service does: what nobody says otherwise of is stored nowhere.
  app.addHook('onRequest', async (_request, reply) => {
    void reply.header('cache-control', 'no-store')
  })
  await app.register(consoleRoutes(folder))
})

afterAll(async () => {
  await app.close()
  await rm(folder, { recursive: true, force: true })
})

function get(url: string) {
  return app.inject({ method: 'GET', url })
}

test('the start leads to the console', async () => {
  expect(await get('/')).toMatchObject({ statusCode: 302, headers: { location: '/console' } })
})

test.each(['/console', '/console/', '/console/zones/default/plans/plan_1', '/console/nowhere'])(
  '%s is the page, which runs nothing inline and stands in no frame',
  async (url) => {
    const { statusCode, headers, body } = await get(url)
    expect(statusCode).toBe(200)
    expect(body).toContain('<title>Caracal</title>')
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
    })
    const policy = String(headers['content-security-policy']).split('; ')
    expect(policy).toEqual([
      `default-src 'self'`,
      `base-uri 'none'`,
      `form-action 'self'`,
      `frame-ancestors 'none'`,
      `object-src 'none'`,
      `require-trusted-types-for 'script'`,
    ])
  },
)

test('files are kept for a year, for another content has another name', async () => {
  const { statusCode, headers } = await get('/console/assets/index-abc.js')
  expect(statusCode).toBe(200)
  expect(headers['cache-control']).toBe('public, max-age=31536000, immutable')
  expect(headers['content-type']).toMatch(/javascript/)
})

test.each([
  '/console/assets/gone.js',
  '/console/assets/../secret.txt',
  '/console/assets/%2e%2e/secret.txt',
  '/console/assets/..%2fsecret.txt',
])('%s is no file of the console', async (url) => {
  const { statusCode, body } = await get(url)
  expect(body).not.toContain('not for anybody')
  // A path that leaves the folder is an address of the console like any other.
  if (statusCode === 200) expect(body).toContain('<title>Caracal</title>')
  else expect([400, 403, 404]).toContain(statusCode)
})

describe('before it is built', () => {
  test('the page says how to build it, and nothing is remembered', async () => {
    const bare = fastify()
    await bare.register(consoleRoutes(join(folder, 'nowhere')))
    const { statusCode, headers, body } = await bare.inject({ url: '/console/zones/default' })
    expect(statusCode).toBe(503)
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(headers['cache-control']).toBe('no-cache')
    expect(body).toContain('npm run build:console')
    await bare.close()
  })
})
