import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import {
  startEmbeddedPostgres,
  type EmbeddedConnection,
} from '../src/store/embedded/embedded-postgres.ts'
import { migrate } from '../src/store/migrate.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The server on which every test has databases of its own. */
    postgres: EmbeddedConnection
  }
}

/** The migrated, empty database that every test's own is a copy of. */
export const templateDatabase = 'caracal_template'

/** One real PostgreSQL for the run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), 'caracal-test-'))
  await chmod(home, 0o711)
  const server = await startEmbeddedPostgres({ home })
  const client = new pg.Client(server.connection)
  await client.connect()
  await client.query(`create database ${templateDatabase}`)
  await client.end()
  await migrate({ ...server.connection, database: templateDatabase })
  project.provide('postgres', server.connection)
  return async () => {
    await server.stop()
    await rm(home, { recursive: true, force: true })
  }
}
