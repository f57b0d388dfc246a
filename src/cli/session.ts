import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { createAdminClient, type AdminClient } from '../client/admin-client.ts'
import { readCliConfig, type CliConfig } from '../config.ts'
import { homeFiles, readIfThere } from '../kernel/home.ts'
import { CliError, exitCodes, usage } from './exit-codes.ts'
import type { Io } from './io.ts'

type Env = Parameters<typeof readCliConfig>[0]

/** The options that every command takes. */
export interface GlobalOptions {
  readonly json?: boolean
  readonly zone?: string
  readonly url?: string
  readonly home?: string
}

/** What one invocation works with: whom it talks to, where, and how it answers. */
export interface Session {
  readonly io: Io
  readonly config: CliConfig
  readonly json: boolean
  /** Zone by id or slug. */
  readonly zone: string
  /** The zone that the command line itself named; null where it comes from elsewhere. */
  readonly namedZone: string | null
  readonly url: string
  readonly service: ServiceFile | null
  /** The client with the person's token; refuses where there is none. */
  client(): AdminClient
  /** The person's token, or null. */
  readonly token: string | null
}

/** What a running service leaves in its home for the command line to find. */
export interface ServiceFile {
  readonly url: string
  readonly pid: number
}

const serviceFile = z.object({ url: z.url({ protocol: /^https?$/ }), pid: z.int().positive() })

export function openSession(options: GlobalOptions, env: Env, io: Io): Session {
  const config = readCliConfig(
    options.home === undefined ? env : { ...env, CARACAL_HOME: options.home },
  )
  const service = readServiceFile(config.home)
  const url = urlOf(options, config, service)
  const token = config.adminToken ?? tokenOfHome(config.home, url, service)
  const json = options.json === true
  return {
    io: json ? { ...io, interactive: false } : io,
    config,
    json,
    zone: options.zone ?? config.zone ?? 'default',
    namedZone: options.zone ?? null,
    url,
    service,
    token,
    client: () =>
      createAdminClient({ apiUrl: url, adminToken: token ?? refuseTokenless(config, url) }),
  }
}

/** The runtime file of the home's service; null where there is none that can be read. */
export function readServiceFile(home: string): ServiceFile | null {
  const text = existsSync(home) ? readIfThere(join(home, homeFiles.service)) : null
  if (text === null) return null
  try {
    return serviceFile.parse(JSON.parse(text))
  } catch {
    return null
  }
}

function urlOf(options: GlobalOptions, config: CliConfig, service: ServiceFile | null): string {
  if (options.url !== undefined && !/^https?:\/\/[^/]/.test(options.url))
    throw usage('--url takes the base URL of the service, such as http://127.0.0.1:8200.')
  const port = config.port === 0 ? 8200 : config.port
  const url = options.url ?? config.url ?? service?.url ?? `http://127.0.0.1:${port}`
  return url.replace(/\/+$/, '')
}

/** The token of the home is for the home's service: it is not sent to an address elsewhere. */
function tokenOfHome(home: string, url: string, service: ServiceFile | null): string | null {
  const { hostname } = new URL(url)
  const ours = url === service?.url || /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
  return ours ? readIfThere(join(home, homeFiles.bootstrapToken)) : null
}

function refuseTokenless(config: CliConfig, url: string): never {
  throw new CliError(exitCodes.refused, 'no_admin_token', `There is no admin token for ${url}.`, {
    hint:
      `Set CARACAL_ADMIN_TOKEN, or point CARACAL_HOME at the home of a service on this machine ` +
      `(it is ${config.home}), or start one there with "npx caracal up".`,
  })
}
