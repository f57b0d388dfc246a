import type { FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { authenticateAdmin } from '../gate/admin-token.ts'
import { anonymous, type Principal } from '../gate/principal.ts'
import { sessionPrincipal } from '../gate/session-principal.ts'
import { isFault, refuse } from '../kernel/faults.ts'
import { sourceKey } from '../kernel/rate-limiter.ts'
import { sourceOf } from './request-facts.ts'

/** The largest credential that is looked at; a mandate with a long scope list has some 4 KB. */
const credentialChars = 16_384

/**
 * The principal of an Authorization header (RFC 6750 section 2.1): an admin token, a control mandate
 * or a session mandate. Refuses with `invalid_admin_token` or `invalid_mandate`, or with
 * `rate_limited` where the address has failed too often. A right credential gets through all the
 * same, which tells a guesser nothing: nobody guesses 256 random bits, or a signature.
 */
export async function authenticate(context: Context, request: FastifyRequest): Promise<Principal> {
  const source = sourceKey(sourceOf(request))
  try {
    return await principalOf(context, request.headers.authorization)
  } catch (error) {
    if (isFault(error) && error.status === 401) {
      context.rates.refuseOver('admin_failures_of_source', source)
      context.rates.count('admin_failures_of_source', source)
    }
    throw error
  }
}

async function principalOf(context: Context, header: string | undefined): Promise<Principal> {
  const credential = /^Bearer +([^\s]+)$/i.exec(header?.slice(0, credentialChars) ?? '')?.[1]
  if (credential === undefined)
    refuse('invalid_admin_token', 'Send the admin token as "Authorization: Bearer cat_...".')
  if (!credential.includes('.')) return authenticateAdmin(context, credential)
  const session = await context.sts.verifySession(credential)
  if (session !== null) return sessionPrincipal(context.db, session)
  return context.controlPrincipal(await context.sts.verifyControl(credential))
}

/** The same, where a bad credential is refused, and recorded, by the door itself. */
export async function authenticateForDoor(
  context: Context,
  request: FastifyRequest,
): Promise<Principal> {
  try {
    return await authenticate(context, request)
  } catch (error) {
    if (isFault(error) && error.status === 401) return anonymous(error)
    throw error
  }
}
