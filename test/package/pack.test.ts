import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/**
 * Guarantee: the package that `npm pack` makes is whole. A resource server in plain JavaScript
 * imports the verifier and its adapters from it, in TypeScript with their types, and the command runs.
 */
const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
const compiler = join(root, 'node_modules', '@typescript', 'native', 'lib', 'tsc.js')

let world: World
let folder: string
let files: readonly string[]

beforeAll(async () => {
  world = await startWorld()
  folder = await mkdtemp(join(tmpdir(), 'caracal-package-'))
  await run(process.execPath, ['scripts/build.ts'], { cwd: root })
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
  const [packed] = JSON.parse((await run('npm', pack, { cwd: root })).stdout) as {
    filename: string
    files: { path: string }[]
  }[]
  files = packed?.files.map(({ path }) => path) ?? []
  const installed = join(folder, 'node_modules', 'caracal')
  await mkdir(installed, { recursive: true })
  const tarball = join(folder, packed?.filename ?? '')
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed])
  await linkDependencies(installed)
}, 180_000)
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** What `npm install` would fetch beside the package; the types of Node and Express as well. */
async function linkDependencies(installed: string): Promise<void> {
  const text = await readFile(join(installed, 'package.json'), 'utf8')
  const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> }
  for (const name of [...Object.keys(dependencies), '@types/node', 'undici-types']) {
    const link = join(folder, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(root, 'node_modules', name), link)
  }
}

test('holds what runs, and neither sources nor tests', () => {
  expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'src/cli/launch.js']))
  expect(files).toEqual(expect.arrayContaining(['policies/decision.wasm', 'prompts/operator.md']))
  const places = new Set(files.map((file) => file.split('/').slice(0, -1)[0]))
  expect(places).toEqual(new Set([undefined, 'dist', 'policies', 'prompts', 'src']))
  expect(files.filter((file) => /(?<!\.d)\.tsx?$|\.rego$|test/.test(file))).toEqual([])
  expect(files.filter((file) => file.startsWith('src/'))).toEqual(['src/cli/launch.js'])
})

const consumer = `
import { createServer } from 'node:http'
import { createMandateVerifier, createAdminClient } from 'caracal'
import * as client from 'caracal/client'
import { requireMandate as express } from 'caracal/express'
import { requireMandate as fastify } from 'caracal/fastify'
import { requireMandate as onFetch, mandateOf } from 'caracal/fetch'
import * as mcp from 'caracal/mcp'

const [issuer, audience, token] = process.argv.slice(2)
const verifier = createMandateVerifier({ issuer, audience })
const handler = onFetch(verifier, { scopes: ['invoices:read'] }, (request) =>
  Response.json({ client: mandateOf(request).clientId }),
)
const ask = async (authorization) => {
  const answer = await handler(new Request('http://localhost/', { headers: { authorization } }))
  return [answer.status, await answer.text()]
}
console.log(JSON.stringify({
  good: await ask('Bearer ' + token),
  bad: await ask('Bearer ' + token.slice(0, -6) + 'AAAAAA'),
  adapters: [express, fastify, createAdminClient, client.createMandateVerifier].map((one) => typeof one),
  mcp: Object.keys(mcp).length > 0,
}))
await verifier[Symbol.asyncDispose]()
`

test('verifies mandates from plain JavaScript', async () => {
  const make = await newZone(world)
  const [application, resource] = [await make.application(), await make.resource()]
  await make.call('grants.create', {
    ...{ application_id: application.id, resource_id: resource.id, scopes: ['invoices:read'] },
  })
  const { body } = await world.oauth(
    'token',
    {
      ...{ client_id: application.id, client_secret: application.client_secret ?? '' },
      ...{ grant_type: 'client_credentials', resource: resource.identifier },
    },
    make.zone,
  )
  const file = join(folder, 'consumer.mjs')
  await writeFile(file, consumer)
  const issuer = `${world.url}/zones/${make.zone}`
  const args = [file, issuer, resource.identifier, String(body.access_token)]
  const { stdout } = await run(process.execPath, args, { cwd: folder })
  expect(JSON.parse(stdout)).toMatchObject({
    good: [200, JSON.stringify({ client: application.id })],
    bad: [401, expect.any(String)],
    adapters: ['function', 'function', 'function', 'function'],
    mcp: true,
  })
})

test('has types', async () => {
  await writeFile(
    join(folder, 'consumer.mts'),
    `import { createAdminClient, createMandateVerifier, type Mandate } from 'caracal'
import { requireMandate } from 'caracal/fetch'
const verifier = createMandateVerifier({ issuer: 'https://a.example', audience: 'b' })
export const mandate: Promise<Mandate> = verifier.verify({ method: 'GET', path: '/', authorization: null, dpop: null })
export const handler = requireMandate(verifier, { scopes: ['a'] }, () => new Response())
export const slug: Promise<string> = createAdminClient({ apiUrl: 'a', adminToken: 'b' })
  .zones.get('default').then((zone) => zone.slug)
// @ts-expect-error -- an audience is a text
createMandateVerifier({ issuer: 'https://a.example', audience: 1 })
`,
  )
  const options = [
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--lib',
    'es2024,esnext.disposable',
  ]
  const strict = ['--strict', '--noEmit', '--skipLibCheck', '--types', 'node']
  const args = [compiler, ...options, ...strict, 'consumer.mts']
  const ran = await run(process.execPath, args, { cwd: folder }).catch((error: unknown) => error)
  expect((ran as { stdout: string }).stdout).toBe('')
})

test('brings a command that runs', async () => {
  const launcher = join(folder, 'node_modules', 'caracal', 'src', 'cli', 'launch.js')
  const { stdout } = await run(process.execPath, [launcher, 'zone', 'create', '--help'])
  expect(stdout).toContain('Usage: caracal zone create')
})
