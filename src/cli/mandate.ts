import { CaracalError, errorOfAnswer } from '../client/caracal-error.ts'
import { idPattern } from '../kernel/ids.ts'
import { CliError, exitCodes, usage, type ExitCode } from './exit-codes.ts'
import { idOf } from './references.ts'
import { localTime } from './render-value.ts'
import { safeText } from './safe-text.ts'
import type { Session } from './session.ts'

export interface MandateOptions {
  readonly app: string
  readonly resource?: string
  readonly scope?: readonly string[]
  readonly secretStdin?: boolean
  /** Print the token alone, for `$(...)`. */
  readonly raw?: boolean
}

/**
 * `caracal mandate`: asks the token endpoint for a mandate with the application's own secret (RFC
 * 6749 section 4.4), as the application itself would, and shows what is in it.
 */
export async function mandate(session: Session, options: MandateOptions): Promise<ExitCode> {
  const { io, json } = session
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (options.resource !== undefined)
    form.set('resource', await identifierOf(session, options.resource))
  const scopes = (options.scope ?? []).flatMap((scope) => scope.split(/[\s,]+/)).filter(Boolean)
  if (scopes.length > 0) form.set('scope', scopes.join(' '))
  const client = await applicationId(session, options.app)
  const answer = await request(session, client, await secretOf(session, options), form)
  const token = String(answer['access_token'])
  const claims = claimsOf(token)
  if (options.raw === true) io.out(token)
  else if (json) io.out(JSON.stringify({ ...answer, claims }, null, 2))
  else {
    io.out(token)
    io.out(`\n${safeText(JSON.stringify(claims, null, 2))}`)
    const { exp } = claims
    const until = typeof exp === 'number' ? localTime(new Date(exp * 1_000).toISOString()) : '?'
    io.note(io.paint.dim(`Good until ${until}. The claims are shown unverified.`))
  }
  return exitCodes.done
}

async function secretOf({ io, config }: Session, options: MandateOptions): Promise<string> {
  const secret = options.secretStdin === true ? (await io.readInput()).trim() : config.clientSecret
  if (secret !== null && secret !== '') return secret
  throw usage(
    'mandate needs the client secret of the application.',
    'Set CARACAL_CLIENT_SECRET, or pipe it in with --secret-stdin.',
  )
}

async function applicationId(session: Session, app: string): Promise<string> {
  if (idPattern('application').test(app)) return app
  return idOf(session.client(), session.zone, 'application', app)
}

/** A resource is asked for by its identifier; its name needs a look with the admin token. */
async function identifierOf(session: Session, resource: string): Promise<string> {
  if (/^[a-z][a-z0-9+.-]*:/i.test(resource)) return resource
  const client = session.client()
  const resource_id = await idOf(client, session.zone, 'resource', resource)
  return (await client.resources.get(session.zone, { resource_id })).identifier
}

async function request(
  { url, zone }: Session,
  client: string,
  secret: string,
  form: URLSearchParams,
): Promise<Readonly<Record<string, unknown>>> {
  const basic = Buffer.from(`${encodeURIComponent(client)}:${encodeURIComponent(secret)}`)
  const endpoint = `${url}/zones/${encodeURIComponent(zone)}/oauth2/token`
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${basic.toString('base64')}`, accept: 'application/json' },
    body: form,
    redirect: 'error',
  }).catch((cause: unknown) => {
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
    const why = inner instanceof Error ? inner.message : String(inner)
    const message = `No answer from ${url}: ${why}.`
    throw new CaracalError({ status: 0, code: 'unreachable', message, cause })
  })
  const body: unknown = await response.json().catch(() => null)
  if (response.ok && typeof body === 'object' && body !== null)
    return body as Readonly<Record<string, unknown>>
  throw refusal(errorOfAnswer(response.status, body, response.headers.get('x-request-id')), body)
}

/** The token endpoint refuses with 400 what is a matter of authority, not of spelling (RFC 6749). */
function refusal(error: CaracalError, body: unknown): Error {
  const reason = (body as { readonly reason?: unknown } | null)?.reason
  if (error.code === 'unexpected_answer') return error
  const details = { ...(typeof reason === 'string' ? { reason } : {}), request_id: error.requestId }
  return new CliError(exitCodes.refused, error.code, error.message, {
    details,
    hint: `Why: caracal audit explain ${error.requestId ?? 'REQUEST_ID'}`,
    cause: error,
  })
}

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  const [, payload = ''] = token.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
}
