import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { chmod, cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'
import { isRoot, query, scratch, startChild, startupErrorOf } from './embedded-world.ts'

const seconds = 1_000

test('a first start makes a durable database whose owner is no superuser', async () => {
  await using area = await scratch()
  const home = join(area.path, 'home')
  await using database = await startEmbeddedPostgres({ home })
  expect(database.leftover).toBe('none')
  expect(database.connection).toMatchObject({ user: 'caracal_owner', database: 'caracal' })
  expect(database.connection.password).toMatch(/^[0-9a-f]{64}$/)

  const settings = await query(database.connection, 'select name, setting from pg_settings')
  expect(Object.fromEntries(settings.map((row) => [row['name'], row['setting']]))).toMatchObject({
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    data_checksums: 'on',
    server_encoding: 'UTF8',
    password_encryption: 'scram-sha-256',
    listen_addresses: '',
    shared_buffers: '8192',
    max_connections: '100',
    jit: 'off',
    autovacuum: 'on',
  })
  const role =
    'select rolsuper, rolcreaterole, rolcanlogin from pg_roles where rolname = current_user'
  expect(await query(database.connection, role)).toEqual([
    { rolsuper: false, rolcreaterole: true, rolcanlogin: true },
  ])
  const owned =
    'select datname, datlocale, pg_get_userbyid(datdba) as owner from pg_database ' +
    'where datname = current_database()'
  expect(await query(database.connection, owned)).toEqual([
    { datname: 'caracal', datlocale: 'C.UTF-8', owner: 'caracal_owner' },
  ])
})

test('secrets and the socket are private, and the server is never root', async () => {
  await using area = await scratch()
  await using database = await startEmbeddedPostgres({ home: area.path })
  const modeOf = (name: string): number => lstatSync(join(area.path, name)).mode & 0o777
  expect(modeOf('postgres.password')).toBe(0o600)
  expect(modeOf('postgres.lock')).toBe(0o600)
  expect(modeOf('postgres')).toBe(0o700)
  const socketDirectory = lstatSync(database.connection.host)
  expect(socketDirectory.mode & 0o777).toBe(0o700)
  expect(socketDirectory.uid).toBe(lstatSync(join(area.path, 'postgres')).uid)
  expect(socketDirectory.uid).not.toBe(0)
  expect(readdirSync(area.path).filter((name) => name.includes('.new-'))).toEqual([])
})

test('nobody gets in without the password, nor as the superuser with any', async () => {
  await using area = await scratch()
  await using database = await startEmbeddedPostgres({ home: area.path })
  const attempt = (change: object): Promise<unknown> =>
    query({ ...database.connection, ...change }, 'select 1')
  await expect(attempt({ password: 'wrong' })).rejects.toMatchObject({ code: '28P01' })
  await expect(attempt({ user: 'postgres', password: '' })).rejects.toMatchObject({ code: '28000' })
})

test('what was written is there at the next start', async () => {
  await using area = await scratch()
  const first = await startEmbeddedPostgres({ home: area.path })
  await query(first.connection, 'create table kept as select 7 as n')
  await first.stop()
  await first.stop()
  expect(existsSync(join(area.path, 'postgres', 'postmaster.pid'))).toBe(false)

  await using second = await startEmbeddedPostgres({ home: area.path })
  expect(second.connection.password).toBe(first.connection.password)
  expect(await query(second.connection, 'select n from kept')).toEqual([{ n: 7 }])
})

test('a cluster whose making was killed half-way is made anew', async () => {
  await using area = await scratch()
  for (const delayMs of [150, 300, 450]) {
    const child = startChild('hold', area.path)
    await vi.waitUntil(() => readdirSync(area.path).some((name) => name.includes('.new-')), {
      timeout: 10 * seconds,
      interval: 5,
    })
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    await child.kill()
  }
  await using database = await startEmbeddedPostgres({ home: area.path })
  expect(await query(database.connection, 'select 1 as n')).toEqual([{ n: 1 }])
  expect(readdirSync(area.path).filter((name) => name.includes('.new-'))).toEqual([])
}, 30_000)

test('a lost password file costs a new password and nothing else', async () => {
  await using area = await scratch()
  const first = await startEmbeddedPostgres({ home: area.path })
  await query(first.connection, 'create table kept as select 7 as n')
  await first.stop()
  await rm(join(area.path, 'postgres.password'))
  await using second = await startEmbeddedPostgres({ home: area.path })
  expect(second.connection.password).not.toBe(first.connection.password)
  expect(await query(second.connection, 'select n from kept')).toEqual([{ n: 7 }])
})

test('the server does not see the environment of the process that starts it', async () => {
  await using area = await scratch()
  vi.stubEnv('CARACAL_CANARY', 'canary-secret')
  await using database = await startEmbeddedPostgres({ home: area.path })
  vi.unstubAllEnvs()
  const pid = (await query(database.connection, 'select pg_backend_pid() as pid'))[0]?.['pid']
  expect(pid).toBeTypeOf('number')
  if (process.platform !== 'linux') return
  const postmaster = readFileSync(join(area.path, 'postgres', 'postmaster.pid'), 'utf8')
  const environment = `/proc/${String(Number.parseInt(postmaster, 10))}/environ`
  expect(readFileSync(environment, 'utf8')).not.toContain('canary-secret')
})

test('a home whose path is too long for a socket works, with or without a temporary directory', async () => {
  await using area = await scratch()
  const long = join(area.path, 'a'.repeat(120))
  const home = join(long, 'home')
  await using database = await startEmbeddedPostgres({ home })
  expect(database.connection.host.startsWith('/')).toBe(true)
  expect(Buffer.byteLength(database.connection.host)).toBeLessThan(90)
  expect(lstatSync(database.connection.host).mode & 0o777).toBe(0o700)
  await database.stop()
  expect(existsSync(database.connection.host)).toBe(false)

  vi.stubEnv('TMPDIR', long)
  await using loopback = await startEmbeddedPostgres({ home })
  vi.unstubAllEnvs()
  expect(loopback.connection.host).toBe('127.0.0.1')
  expect(await query(loopback.connection, 'select 1 as n')).toEqual([{ n: 1 }])
  const attempt = query({ ...loopback.connection, user: 'postgres' }, 'select 1')
  await expect(attempt).rejects.toMatchObject({ code: '28000' })
})

test('a home reached through a link is the same home', async () => {
  await using area = await scratch()
  const home = join(area.path, 'home')
  const link = join(area.path, 'link')
  await using database = await startEmbeddedPostgres({ home })
  await symlink(home, link)
  const refusal = await startupErrorOf(startEmbeddedPostgres({ home: link }))
  expect(refusal.message).toContain(`${realpathSync(home)} is in use by process`)
  expect(await query(database.connection, 'select 1 as n')).toEqual([{ n: 1 }])
})

test.runIf(isRoot)(
  'root with a home that the server cannot reach keeps data elsewhere',
  async () => {
    await using area = await scratch()
    const closed = join(area.path, 'closed')
    const home = join(closed, 'home')
    await mkdir(closed, { mode: 0o700 })
    const first = await startEmbeddedPostgres({ home })
    await query(first.connection, 'create table kept as select 7 as n')
    await first.stop()
    expect(existsSync(join(home, 'postgres'))).toBe(false)
    const pointer = /^\/.*$/m.exec(readFileSync(join(home, 'postgres.location'), 'utf8'))?.[0] ?? ''
    expect(pointer).toMatch(/^\/var\/lib\/caracal\/[0-9a-f]{16}$/)

    const moved = join(closed, 'moved')
    await rename(home, moved)
    const second = await startEmbeddedPostgres({ home: moved })
    expect(await query(second.connection, 'select n from kept')).toEqual([{ n: 7 }])

    const copy = join(closed, 'copy')
    await cp(moved, copy, { recursive: true })
    const refusal = await startupErrorOf(startEmbeddedPostgres({ home: copy }))
    expect(refusal.message).toBe(`${pointer} is in use by process ${String(process.pid)}.`)
    await second.stop()

    await rm(pointer, { recursive: true })
    const lost = await startupErrorOf(startEmbeddedPostgres({ home: moved }))
    expect(lost.message).toContain(`database is in ${pointer}, and it is not there`)
  },
)

test.runIf(isRoot)(
  'data that was cut off from the server is not replaced by an empty database',
  async () => {
    await using area = await scratch()
    const parent = join(area.path, 'parent')
    const home = join(parent, 'home')
    await (await startEmbeddedPostgres({ home })).stop()
    await chmod(parent, 0o700)
    const refusal = await startupErrorOf(startEmbeddedPostgres({ home }))
    expect(refusal.message).toContain(`cannot reach the existing data in ${home}/postgres`)
    await chmod(parent, 0o711)
    await (await startEmbeddedPostgres({ home })).stop()
  },
)

/** Each breaks a home that has a stopped cluster, and says what the refusal must name. */
const broken: readonly {
  readonly name: string
  readonly breakIt: (data: string) => Promise<void>
  readonly message: RegExp
  readonly hint: RegExp
}[] = [
  {
    name: 'another major version',
    breakIt: (data) => writeFile(join(data, 'PG_VERSION'), '16\n'),
    message: /is of PostgreSQL 16; this Caracal has 18/,
    hint: /DATABASE_URL/,
  },
  {
    name: 'no data directory',
    breakIt: (data) => rm(join(data, 'PG_VERSION')),
    message: /is no PostgreSQL data directory/,
    hint: /Move it away/,
  },
  {
    name: 'a file in its place',
    breakIt: async (data) => {
      await rm(data, { recursive: true })
      await writeFile(data, '')
    },
    message: /is not a directory/,
    hint: /Move it away/,
  },
  {
    name: 'an unreadable file',
    breakIt: (data) => chmod(join(data, 'postgresql.conf'), 0),
    message: /did not start .*contains errors/,
    hint: /chown -R/,
  },
  {
    name: 'a directory open to all',
    breakIt: (data) => chmod(data, 0o777),
    message: /did not start .*invalid permissions/,
    hint: /chmod/,
  },
  {
    name: 'a damaged control file',
    breakIt: (data) => writeFile(join(data, 'global', 'pg_control'), 'x'.repeat(8_192)),
    message: /did not start/,
    hint: /damaged: restore it from a backup/,
  },
]

test.for(broken)('refuses to start on $name, and lets the home go', async (row) => {
  await using area = await scratch()
  await (await startEmbeddedPostgres({ home: area.path })).stop()
  await row.breakIt(join(area.path, 'postgres'))
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const refusal = await startupErrorOf(startEmbeddedPostgres({ home: area.path }))
    expect(refusal.message).toMatch(row.message)
    expect(refusal.hint).toMatch(row.hint)
  }
})

test('refuses a home that is a file, or lies below one', async () => {
  await using area = await scratch()
  const file = join(area.path, 'file')
  await writeFile(file, '')
  for (const home of [file, join(file, 'below')]) {
    const refusal = await startupErrorOf(startEmbeddedPostgres({ home }))
    expect(refusal.message).toContain('not a directory')
    expect(refusal.hint).toContain('CARACAL_HOME')
  }
})

test.skipIf(isRoot)('refuses a home that it cannot write', async () => {
  await using area = await scratch()
  await chmod(area.path, 0o500)
  const refusal = await startupErrorOf(startEmbeddedPostgres({ home: area.path }))
  expect(refusal.message).toContain('cannot be made or written (EACCES)')
  await chmod(area.path, 0o700)
})

test('a replaced password is refused with the way out', async () => {
  await using area = await scratch()
  await (await startEmbeddedPostgres({ home: area.path })).stop()
  await writeFile(join(area.path, 'postgres.password'), '0'.repeat(64))
  const refusal = await startupErrorOf(startEmbeddedPostgres({ home: area.path }))
  expect(refusal.message).toContain('does not let its owner in')
  await rm(join(area.path, 'postgres.password'))
  await (await startEmbeddedPostgres({ home: area.path })).stop()
})

/** A small file system in memory; undefined where this machine lets nobody mount one. */
function mountSmall(directory: string): Disposable | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=755', 'tmpfs', directory], {
      stdio: 'ignore',
    })
  } catch {
    return undefined
  }
  return { [Symbol.dispose]: () => execFileSync('umount', [directory]) }
}

test.runIf(isRoot && process.platform === 'linux')(
  'a full disk is named as what it is',
  async (context) => {
    await using area = await scratch()
    using mounted = mountSmall(area.path)
    if (mounted === undefined) context.skip('mounting is not allowed here')
    const refusal = await startupErrorOf(startEmbeddedPostgres({ home: area.path }))
    expect(refusal.message).toMatch(/cannot be made .*No space left on device/)
    expect(refusal.hint).toMatch(/^Free space on the file system of/)
    expect(readdirSync(area.path).filter((name) => name.includes('.new-'))).toEqual([])
  },
)
