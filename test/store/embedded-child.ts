/**
 * A process of its own for the tests that kill one: `lock DIRECTORY`, `hold HOME` or `write HOME`.
 * It prints one JSON value a line. `write` prints each number once its insert is acknowledged.
 */
import { writeSync } from 'node:fs'
import pg from 'pg'
import { StartupError } from '../../src/kernel/startup-error.ts'
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'
import { lockDirectory } from '../../src/store/embedded/lock.ts'

const [, , mode = '', directory = ''] = process.argv

function say(value: unknown): void {
  writeSync(1, `${JSON.stringify(value)}\n`)
}

async function insertForEver(client: pg.Client): Promise<never> {
  await client.query('create table if not exists acknowledged (n int primary key)')
  const last = await client.query<{ n: number }>(
    'select coalesce(max(n), 0) as n from acknowledged',
  )
  for (let n = (last.rows[0]?.n ?? 0) + 1; ; n += 1) {
    await client.query('insert into acknowledged values ($1)', [n])
    say(n)
  }
}

async function main(): Promise<void> {
  if (mode === 'lock') {
    lockDirectory(directory)
    say('locked')
    process.stdin.resume()
    return
  }
  const database = await startEmbeddedPostgres({ home: directory })
  say({ connection: database.connection, leftover: database.leftover })
  if (mode === 'hold') return
  const client = new pg.Client(database.connection)
  client.on('error', () => undefined)
  await client.connect()
  await insertForEver(client)
}

try {
  await main()
} catch (error) {
  if (!(error instanceof StartupError)) process.exit(1)
  say({ refused: error.message, hint: error.hint })
}
