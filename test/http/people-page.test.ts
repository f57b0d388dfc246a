import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageFile } from '../../src/kernel/package-root.ts'
import { openBrowser } from '../support/browser.ts'
import { clientOfZone, startOidcProvider, type OidcProvider } from '../support/oidc-provider.ts'
import { startWorld, type World } from '../world.ts'

/** Every command of docs/people.md, in order, by a shell; the page is what is tested. */
let provider: OidcProvider
let world: World
let folder: string
let blocks: string[]

beforeAll(async () => {
  provider = await startOidcProvider(() => world.now())
  world = await startWorld({ network: provider.network })
  folder = await mkdtemp(join(tmpdir(), 'caracal-page-'))
  await writeFile(join(folder, 'state'), '')
  const page = await readFile(packageFile('docs', 'people.md'), 'utf8')
  blocks = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, text = '']) => text)
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await world[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})

/** Runs the next command block, with what the ones before have set. */
async function next(given: Record<string, string> = {}): Promise<string> {
  const [block = '', ...rest] = blocks
  blocks = rest
  const script = block
    .replace('http://127.0.0.1:8200', world.url)
    .replace('$(cat .caracal/bootstrap-token)', world.token)
    .replaceAll('https://login.example.com', provider.issuer)
  const state = join(folder, 'state')
  const around = `set -euo pipefail; source ${state}; set -a\n${script}\nexport -p > ${state}; declare -f >> ${state}`
  const env = { PATH: process.env.PATH, HOME: folder, ...given }
  const { stdout } = await promisify(execFile)('bash', ['-c', around], { env })
  return stdout.trim()
}

test('every command of the page does what the page says', { timeout: 120_000 }, async () => {
  expect(await next()).toBe('')
  expect(await next()).toBe('true')
  expect(await next()).toMatch(/^"sis_[0-9a-z]+:alice"$/)
  expect(clientOfZone.id).toBe('caracal-at-idp')
  expect(await next({ ID_TOKEN: await provider.idToken() })).toBe('')
  expect(await next()).toBe('"books:read"')
  expect(await next({ CODE: await codeFrom(await next()) })).toBe('"books:read"')
  expect(await next()).toBe('{}')
  const [, ended] = (await next()).split('\n')
  expect(Number(ended)).toBe(1)
  expect(await next()).toBe('')
  expect(blocks).toEqual([])
})

/** Where a browser is sent that goes to the page and signs in at the provider. */
async function codeFrom(url: string): Promise<string> {
  const browser = openBrowser()
  const page = await browser.get(url)
  const at = url.replace(/\?.*$/, '')
  const leaving = await browser.submit(page, at, 'Continue with')
  const answer = await provider.app.inject(`/authorize${leaving.location?.search ?? ''}`)
  const back = await browser.get(String(answer.headers.location))
  expect(back.location?.origin).toBe('https://app.example.com')
  return back.location?.searchParams.get('code') ?? ''
}
