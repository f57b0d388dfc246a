import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorld, type World } from '../world.ts'
import { runCommand, type Ran, type RunOptions } from './terminal.ts'

let world: World
let home: string

beforeAll(async () => {
  world = await startWorld()
  home = await mkdtemp(join(tmpdir(), 'caracal-cli-'))
})

afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await rm(home, { recursive: true })
})

function caracal(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const env = { CARACAL_HOME: home, CARACAL_URL: world.url, CARACAL_ADMIN_TOKEN: world.token }
  return runCommand(args, { ...options, env: { ...env, ...options.env } })
}

describe('objects', () => {
  test('are made, found by name, changed and archived', async () => {
    const made = await caracal(['app', 'create', 'ledger', '--labels', 'team:a,team:b', '--json'])
    expect(made).toMatchObject({ exit: 0, notes: '' })
    expect(made.json).toMatchObject({ name: 'ledger', labels: ['team:a', 'team:b'] })
    expect(made.json.client_secret).toMatch(/^cs_/)

    const shown = await caracal(['application', 'show', 'LEDGER'])
    expect(shown.exit).toBe(0)
    expect(shown.out).toContain(made.json.id)
    expect(shown.out).not.toContain('Store the secret')

    const labels = await caracal(['app', 'update', 'ledger', '--labels', 'team:c', '--json'])
    expect(labels.json.labels).toEqual(['team:c'])
    expect((await caracal(['app', 'rm', 'ledger'])).exit).toBe(0)
    expect((await caracal(['app', 'list'])).out).not.toContain('ledger')
  })

  test('a zone made by hand has the baseline active, and that is said', async () => {
    const made = await caracal(['zone', 'create', 'made by hand', '--json'])
    expect(made.json.active_policy_set_version_id).toMatch(/^psetv_/)
    expect(made.notes).toMatch(/With --baseline: .*grants decide\. --no-baseline/)
    const bare = await caracal(['zone', 'create', 'made bare', '--no-baseline', '--json'])
    expect(bare).toMatchObject({ notes: '', json: { active_policy_set_version_id: null } })
    const input = JSON.stringify({ name: 'made from json' })
    const whole = await caracal(['zone', 'create', '--json-input', input, '--json'])
    expect(whole.json.active_policy_set_version_id).toBeNull()
  })

  test('a secret is shown with the word to store it', async () => {
    const { out } = await caracal(['app', 'create', 'shows-its-secret'])
    expect(out).toMatch(/client secret +cs_\S{43}/)
    expect(out).toContain('Store the secret now')
  })

  test('names stand for ids in options, lists and nested input', async () => {
    await caracal(['app', 'create', 'reader'])
    await caracal(['resource', 'create', 'Reports', '--scopes', 'reports:read,reports:write'])
    const options = ['--application', 'reader', '--resource', 'reports', '--scopes', 'reports:read']
    expect((await caracal(['grant', 'create', ...options])).exit).toBe(0)
    const list = await caracal(['grant', 'list', '--application', 'Reader'])
    expect(list.out).toMatch(/grt_\S+ +reader +Reports +reports:read/)
    const input = JSON.stringify({
      application_id: 'reader',
      resource_id: 'Reports',
      scopes: ['reports:write'],
    })
    const check = await caracal(['access', 'check', '--json-input', input, '--json'])
    expect(check.json).toMatchObject({ allow: false, missing: ['reports:write'] })
  })

  test('a document comes from a file, which says its language', async () => {
    const file = join(home, 'rules.yaml')
    await writeFile(file, 'risk:\n  - { scope: "reports:write", tier: high }\n')
    const made = await caracal(['policy', 'create', 'rules', '--source', `@${file}`, '--json'])
    expect(made.json.latest_version).toMatchObject({ language: 'yaml', number: 1 })
    const set = ['policy-set', 'create', 'strict']
    expect((await caracal(set)).exit).toBe(0)
    const version = await caracal([
      'policy-set',
      'add-version',
      'strict',
      '--manifest',
      'rules',
      '--json',
    ])
    expect(version.json.manifest).toEqual([{ policy_version_id: made.json.latest_version.id }])
  })

  test('a dry run shows what it would do and does not do it', async () => {
    const ran = await caracal(['app', 'create', 'only-seen', '--dry-run'])
    expect(ran.out).toContain('+ Create application only-seen')
    expect(ran.out).toContain('Nothing was changed')
    expect((await caracal(['app', 'list'])).out).not.toContain('only-seen')
  })

  test('a list goes on page by page, or all at once', async () => {
    const page = await caracal(['app', 'list', '--limit', '1'])
    expect(page.notes).toMatch(/--all shows it, --cursor \S+/)
    const all = await caracal(['app', 'list', '--limit', '1', '--all', '--json'])
    expect(all.json.next_cursor).toBeNull()
    expect(all.json.items.length).toBeGreaterThan(1)
  })

  test('--zone keeps a token to that zone', async () => {
    const made = await caracal([
      'token',
      'create',
      '--principal-name',
      'bob',
      '--principal-kind',
      'person',
      '--capabilities',
      'read',
      '--zone',
      'default',
      '--json',
    ])
    expect(made.json.zone_id).toMatch(/^zone_/)
  })
})

describe('refusals', () => {
  const cases: readonly (readonly [string, readonly string[], number, string])[] = [
    ['required fields', ['grant', 'create', '--scopes', 'x'], 2, 'usage'],
    ['a wrong value', ['app', 'list', '--limit', '0'], 2, 'usage'],
    ['an undeclared field', ['app', 'create', 'x', '--json-input', '{"color":"red"}'], 2, 'usage'],
    ['an unknown name', ['app', 'get', 'nobody'], 1, 'not_found'],
    ['an unknown command', ['frobnicate'], 2, 'usage'],
    ['an unknown zone', ['app', 'list', '--zone', 'nowhere'], 1, 'zone_not_found'],
    [
      'a stale revision',
      ['zone', 'patch', 'default', '--name', 'x', '--if-match', '0'],
      4,
      'revision_conflict',
    ],
    ['an unreachable service', ['app', 'list', '--url', 'http://127.0.0.1:9'], 1, 'unreachable'],
    ['a digest in a script', ['plan', 'approve', `plan_${'0'.repeat(26)}`], 1, 'not_found'],
  ]

  test.each(cases)('%s', async (_, args, exit, code) => {
    const before = await world.state()
    const ran = await caracal([...args, '--json'])
    expect(ran).toMatchObject({ exit })
    expect(ran.json.error).toBe(code)
    expect(ran.notes).toMatch(/^error: /)
    expect(await world.state()).toBe(before)
  })

  test('what is missing is named, with an example', async () => {
    const { notes, out } = await caracal(['grant', 'create', '--scopes', 'x'])
    expect(out).toBe('')
    expect(notes).toContain('grant create needs --application, --resource.')
    expect(notes).toContain('For example: caracal grant create --application <application>')
  })

  test('a service that is not running says how to start it', async () => {
    const { notes } = await caracal(['app', 'list', '--url', 'http://127.0.0.1:9999'])
    expect(notes).toContain(
      'the service is not running: start it with "npx caracal up" or "npm start"',
    )
  })

  test('an unknown setting is named', async () => {
    const ran = await caracal(['app', 'list'], { env: { CARACAL_ZONES: 'x' } })
    expect(ran).toMatchObject({ exit: 1 })
    expect(ran.notes).toContain('CARACAL_ZONES')
  })

  test('the token of the home is not sent to another machine', async () => {
    await writeFile(join(home, 'bootstrap-token'), 'cat_secret')
    const env = { CARACAL_HOME: home, CARACAL_URL: 'http://caracal.invalid' }
    const ran = await runCommand(['app', 'list', '--json'], { env })
    expect(ran).toMatchObject({ exit: 4 })
    expect(ran.json.error).toBe('no_admin_token')
  })

  test('a token that may only read changes nothing', async () => {
    const reader = await world.person('reader', ['read'])
    const ran = await caracal(['app', 'create', 'y', '--json'], {
      env: { CARACAL_ADMIN_TOKEN: reader },
    })
    expect(ran.exit).toBe(4)
    expect(ran.json).toMatchObject({
      error: 'admin_token_read_only',
      request_id: expect.any(String),
    })
  })
})

test('mandate gets what was granted, as the application, and nothing more', async () => {
  const made = await caracal(['app', 'create', 'worker', '--json'])
  await caracal(['resource', 'create', 'Jobs', '--scopes', 'jobs:read,jobs:write'])
  await caracal([
    'grant',
    'create',
    '--application',
    'worker',
    '--resource',
    'Jobs',
    '--scopes',
    'jobs:read',
  ])
  const env = { CARACAL_CLIENT_SECRET: made.json.client_secret as string }
  const args = ['mandate', '--app', 'worker', '--resource', 'Jobs', '--json', '--scope']
  const granted = await caracal([...args, 'jobs:read'], { env })
  expect(granted.json.claims).toMatchObject({ client_id: made.json.id, scope: 'jobs:read' })
  const refused = await caracal([...args, 'jobs:write'], { env })
  expect(refused).toMatchObject({ exit: 4 })
  expect(refused.json).toMatchObject({
    error: 'access_denied',
    hint: expect.stringContaining('req_'),
  })
  expect((await caracal([...args, 'jobs:read'])).json.error).toBe('usage')
})

test.each([
  [['operator', 'calls'], 'No calls found.'],
  [['webhook', 'list'], 'No webhook found.'],
])('%j of nothing says what there is none of', async (args, told) => {
  const { exit, out } = await caracal(args)
  expect({ exit, out: out.trim() }).toEqual({ exit: 0, out: told })
})
