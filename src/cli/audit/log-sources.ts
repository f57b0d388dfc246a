import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LogSource } from '../../audit/verify-log.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import type { Session } from '../session.ts'

/** A log whose public key can be read beside it. */
export interface KeyedLogSource extends LogSource {
  /** The key as it stands there: to be believed the first time only. */
  key(): Promise<string | null>
}

const attempts = 3

/** The log of a zone as a service shows it (C2SP tlog-tiles). */
export function serviceSource({ url, zone, token }: Session): KeyedLogSource {
  const prefix = `${url}/audit/zones/${encodeURIComponent(zone)}`
  const read = async (path: string): Promise<Buffer | null> => {
    const response = await send(`${prefix}/${path}`, token)
    if (response.ok) return Buffer.from(await response.arrayBuffer())
    const refused = await refusal(response)
    if (refused.code === 'not_found' || refused.code === 'audit_pruned') return null
    throw refused
  }
  return {
    read,
    key: async () => (await read('key'))?.toString().trim() ?? null,
  }
}

async function send(url: string, token: string | null): Promise<Response> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await fetch(url, {
        headers: token === null ? {} : { authorization: `Bearer ${token}` },
        redirect: 'error',
      })
    } catch (cause) {
      if (attempt === attempts)
        throw new CliError(exitCodes.failure, 'unreachable', `No answer from ${url}.`, { cause })
    }
}

async function refusal(response: Response): Promise<CliError> {
  const body = (await response.json().catch(() => ({}))) as {
    readonly error?: string
    readonly error_description?: string
  }
  const message = body.error_description ?? `The log answered ${response.status}.`
  const exit = response.status < 500 ? exitCodes.refused : exitCodes.failure
  const code = body.error ?? 'unexpected_answer'
  const hint = code === 'zone_not_found' ? { hint: 'See the slugs: caracal zone list' } : {}
  return new CliError(exit, code, message, hint)
}

/** A log that was exported to a folder as tiles. */
export function folderSource(folder: string): KeyedLogSource {
  const read = (path: string): Promise<Buffer | null> => {
    const file = join(folder, path)
    return Promise.resolve(existsSync(file) ? readFileSync(file) : null)
  }
  return { read, key: async () => (await read('key'))?.toString().trim() ?? null }
}
