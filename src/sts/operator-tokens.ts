import { randomUUID } from 'node:crypto'
import { Fault, faultStatus, isFault, type FaultCode } from '../kernel/faults.ts'
import type { Id } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { openPrivateKey } from '../kernel/signing-key.ts'
import { credentialPurpose, findCredential } from '../store/system-credentials.ts'
import { grantTypes, tokenTypes } from './grant-types.ts'
import { issuerOf } from './issuer.ts'
import { signJws, signerOf } from './jws.ts'
import type { Parts } from './parts.ts'
import { issueToken } from './token.ts'

/** The request that a mandate is asked for in: its trace joins what is done with it. */
export interface AskedIn {
  readonly requestId: string
  readonly traceId?: string | undefined
}

/**
 * Asks for a mandate as any client would: a signed assertion and the same token endpoint, without
 * the detour over a socket. Throws the precise refusal where the table of faults has it.
 */
export async function requestMandate(
  parts: Parts,
  client: Id<'application'>,
  subject: { readonly type: 'conversation' | 'plan'; readonly id: string },
  asked: AskedIn,
): Promise<string> {
  const ask = async (): Promise<string> => {
    const form = new URLSearchParams({
      grant_type: grantTypes.tokenExchange,
      subject_token_type: tokenTypes[subject.type],
      subject_token: subject.id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertionOf(parts, client),
    })
    const answer = await issueToken(parts, {
      zone: parts.context.system().zone,
      form: form.toString(),
      authorization: undefined,
      dpop: undefined,
      sourceIp: null,
      requestId: asked.requestId,
      traceId: asked.traceId ?? null,
    })
    return answer.access_token
  }
  try {
    // Another replica may have replaced the credential between its reading and its use.
    return await ask().catch((error: unknown) => {
      if (isFault(error) && error.code === 'invalid_client') return ask()
      throw error
    })
  } catch (error) {
    throw isFault(error) ? precise(error) : error
  }
}

/** OAuth has few codes; callers inside of the service get the one that the reason names. */
function precise(fault: Fault): Fault {
  const reason = fault.details?.['reason']
  if (typeof reason !== 'string' || !Object.hasOwn(faultStatus, reason)) return fault
  return new Fault(reason as FaultCode, fault.message, {
    ...(fault.details === undefined ? {} : { details: fault.details }),
    cause: fault,
  })
}

/** RFC 7523 section 3: for the zone's issuer, for as long as an assertion may last, once. */
async function assertionOf(parts: Parts, client: Id<'application'>): Promise<string> {
  const { context } = parts
  const { db, vault, clock } = context
  const { zone } = context.system()
  const credential = await db.transaction(zone, (queries) => findCredential(queries, zone, client))
  if (credential === undefined) throw new Error(`${client} has no credential; restart the service`)
  const key = openPrivateKey(vault.open(credential.sealedPrivate, credentialPurpose(client)))
  const iat = Math.floor(clock.now() / 1_000)
  return signJws(signerOf(credential.kid, key, 'client-authentication+jwt'), {
    iss: client,
    sub: client,
    aud: issuerOf(context.issuerBase(), zone),
    iat,
    exp: iat + limits.clientAssertionTtlSeconds,
    jti: randomUUID(),
  })
}
