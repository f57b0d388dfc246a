import { rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Config, Secrets } from './config.ts'
import { createContext, type Context, type Overrides } from './context.ts'
import { homeFiles, readIfThere, writePrivate } from './kernel/home.ts'
import { StartupError } from './kernel/startup-error.ts'
import { createServer } from './server.ts'

/** A service that listens. Disposing of it ends it in order: HTTP, then STS, then the database. */
export interface Service extends AsyncDisposable {
  readonly url: string
  readonly context: Context
  /** The bootstrap token, where this home folder holds it. */
  readonly token: string | null
  /** What a person is told at the start. */
  readonly welcome: string
  /** Resolves when something that the service cannot do without has ended. */
  readonly died: Promise<Error>
}

/** Starts the service; throws {@link StartupError} where it cannot. */
export async function startService(
  config: Config,
  secrets: Secrets,
  overrides: Overrides = {},
): Promise<Service> {
  await using begun = new AsyncDisposableStack()
  const context = begun.use(await createContext(config, secrets, overrides))
  const app = await createServer(context)
  begun.defer(() => app.close())
  const url = await listen(app, config)
  context.listensAt(url)
  const file = join(config.home, homeFiles.service)
  writePrivate(file, JSON.stringify({ url, pid: process.pid }))
  begun.defer(() => {
    rmSync(file, { force: true })
  })
  const token = readIfThere(join(config.home, homeFiles.bootstrapToken))
  const stack = begun.move()
  return {
    url,
    context,
    token,
    welcome: welcomeOf(config, context, url, token),
    died: context.databaseDied,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function listen(app: FastifyInstance, config: Config): Promise<string> {
  try {
    await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new StartupError(
      `cannot listen on ${config.host}:${config.port}: ${listenWords[code ?? ''] ?? String(code)}`,
      'Set CARACAL_PORT to another port (0 takes a free one), or stop what uses it.',
      { cause: error },
    )
  }
  const { port, address, family } = app.server.address() as AddressInfo
  const host = family === 'IPv6' ? `[${address}]` : address
  return `http://${host === '0.0.0.0' || host === '[::]' ? 'localhost' : host}:${port}`
}

const listenWords: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'this user may not use the port',
  EADDRNOTAVAIL: 'this machine has no such address',
}

function welcomeOf(config: Config, context: Context, url: string, token: string | null): string {
  const model = context.model.offline
    ? 'built-in planner (set ANTHROPIC_API_KEY to use Claude)'
    : context.model.name
  const tokenFile =
    token === null
      ? 'made by the first start, in its home folder'
      : join(config.home, homeFiles.bootstrapToken)
  return `
  Caracal is up.
    API         ${url}/v1
    API pages   ${url}/docs
    Console     ${url}/console
    Admin token ${tokenFile}
    Operator    ${model}

`
}
