import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { inject } from 'vitest'
import { templateDatabase } from '../global-setup.ts'

/** A migrated database of its own on the server of the run; gone when disposed of. */
export interface FreshDatabase extends AsyncDisposable {
  readonly connection: pg.ClientConfig & { readonly database: string }
}

export function freshDatabase(): Promise<FreshDatabase> {
  return databaseFrom(templateDatabase)
}

/** The same without a schema. */
export function emptyDatabase(): Promise<FreshDatabase> {
  return databaseFrom('template0')
}

async function databaseFrom(template: string): Promise<FreshDatabase> {
  const server = inject('postgres')
  const database = `test_${randomBytes(8).toString('hex')}`
  await asOwner(server, `create database ${database} template ${template}`)
  return {
    connection: { ...server, database },
    [Symbol.asyncDispose]: () => dropDatabase(server, database),
  }
}

/** The server's own cleaning of a database cannot be ended by its owner, and is soon over. */
async function dropDatabase(server: pg.ClientConfig, database: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1)
    try {
      await asOwner(server, `drop database ${database} with (force)`)
      return
    } catch (error) {
      if ((error as { code?: string }).code !== '42501' || attempt === 60) throw error
      await delay(250)
    }
}

/** Runs one statement, on a connection of its own, as the owner of the databases. */
export async function asOwner<R extends pg.QueryResultRow>(
  connection: pg.ClientConfig,
  statement: string,
): Promise<R[]> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return (await client.query<R>(statement)).rows
  } finally {
    await client.end()
  }
}
