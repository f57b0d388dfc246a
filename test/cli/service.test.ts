import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const launcher = fileURLToPath(new URL('../../src/cli/launch.js', import.meta.url))
let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'caracal-service-'))
  await chmod(home, 0o711)
})

afterEach(async () => {
  await caracal(['down', '--force'])
  await rm(home, { recursive: true, force: true })
})

interface Ended {
  readonly exit: number | null
  readonly out: string
  readonly errors: string
}

/** The command as the shell starts it, on the home of the test. */
async function caracal(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [launcher, ...args], {
    env: { PATH: process.env['PATH'], CARACAL_HOME: home, CARACAL_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const [exit] = (await once(child, 'close')) as [number | null]
  return { exit, out, errors }
}

test('up, status, ask, doctor and down work on an empty home', { timeout: 120_000 }, async () => {
  const up = await caracal(['up', '--json'])
  expect(up.exit, up.errors).toBe(0)
  const { url, pid } = JSON.parse(up.out) as { url: string; pid: number }
  expect(JSON.parse(await readFile(join(home, 'service.json'), 'utf8'))).toEqual({ url, pid })

  const again = await caracal(['up', '--json'])
  expect(JSON.parse(again.out)).toMatchObject({ url, pid })

  const status = await caracal(['status', '--json'])
  expect(JSON.parse(status.out)).toMatchObject({ running: true, ready: true, zone: 'default', pid })

  const asked = await caracal(['ask', '--json', 'register an application called billing-agent'])
  expect(asked.exit, asked.errors).toBe(5)
  expect(JSON.parse(asked.out)).toMatchObject({ state: 'pending_approval' })

  const doctor = await caracal(['doctor', '--json'])
  expect(doctor.exit, doctor.out).toBe(0)

  expect(await caracal(['down'])).toMatchObject({ exit: 0, out: 'Caracal is down.\n' })
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  expect(await caracal(['down'])).toMatchObject({ exit: 0, out: 'The service is not running.\n' })
  expect((await caracal(['status'])).exit).toBe(1)
})

test('a service that cannot start says why', { timeout: 60_000 }, async () => {
  const up = await caracal(['up'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
  expect(up.exit).toBe(1)
  expect(up.errors).toContain('the database cannot be used')
  expect(up.errors).toContain(join(home, 'service.log'))
})

test('a process that is not the service is left alone', async () => {
  const other = createServer((_request, response) => {
    response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  try {
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    const file = join(home, 'service.json')
    await writeFile(file, JSON.stringify({ url, pid: process.pid }))
    const down = await caracal(['down'])
    expect(down.exit).toBe(1)
    expect(down.errors).toContain('caracal down --force')
    await rm(file)
  } finally {
    other.close()
  }
})

test('the launcher hands on arguments and exit code, and a closed pipe is no failure', async () => {
  expect(await caracal(['--version'])).toMatchObject({ exit: 0, out: '0.1.0\n' })
  expect((await caracal(['frobnicate'])).exit).toBe(2)
  const piped = spawn(`"${process.execPath}" "${launcher}" help | head -n 1`, { shell: true })
  const [exit] = (await once(piped, 'close')) as [number]
  expect(exit).toBe(0)
})
