import type { Fault } from '../kernel/faults.ts'
import { isId } from '../kernel/ids.ts'
import { sourceKey } from '../kernel/rate-limiter.ts'
import type { EndpointRequest, Exchange, Parts } from './parts.ts'

/** Counts a request against its source; refuses `rate_limited`, which no policy has decided. */
export function admitSource({ rates }: Parts, { sourceIp }: EndpointRequest): void {
  const source = sourceKey(sourceIp)
  rates.refuseOver('failures_of_source', source)
  rates.refuseOver('requests_of_source', source)
  rates.count('requests_of_source', source)
}

/**
 * Counts a request against the client that it names, before the client is looked up. Failures count
 * by client and source together: whoever guesses elsewhere does not lock the client out.
 */
export function admitClient({ parts, sourceIp }: Exchange, clientId: string): void {
  if (!isId('application', clientId)) return
  parts.rates.refuseOver('failures_of_client', failureKey(sourceIp, clientId))
  parts.rates.refuseOver('requests_of_client', clientId)
  parts.rates.count('requests_of_client', clientId)
}

/** Counts a client that could not prove who it is. */
export function countFailure({ parts, sourceIp }: Exchange, clientId: string): void {
  parts.rates.count('failures_of_source', sourceKey(sourceIp))
  if (isId('application', clientId))
    parts.rates.count('failures_of_client', failureKey(sourceIp, clientId))
}

/**
 * Counts a request to the pages where people sign in against its source. Whoever has failed there
 * too often is shown none of them, and no admin token is looked at.
 */
export function admitSignIn({ parts, sourceIp }: Exchange): void {
  const source = sourceKey(sourceIp)
  parts.rates.refuseOver('sign_in_failures_of_source', source)
  parts.rates.refuseOver('sign_in_requests_of_source', source)
  parts.rates.count('sign_in_requests_of_source', source)
}

/** Counts a sign-in that was refused. What the service itself could not do is nobody's failure. */
export function countSignInFailure(
  { rates }: Parts,
  { sourceIp }: EndpointRequest,
  { code, status }: Fault,
): void {
  if (status < 500 && code !== 'rate_limited')
    rates.count('sign_in_failures_of_source', sourceKey(sourceIp))
}

/** Counts a request whose body could not be read, or that names no zone. */
export function countUnread({ rates }: Parts, { sourceIp }: EndpointRequest): void {
  rates.count('failures_of_source', sourceKey(sourceIp))
}

/** The service's own requests come from no address. */
function failureKey(sourceIp: string | null, clientId: string): string | null {
  return sourceIp === null ? null : `${String(sourceKey(sourceIp))} ${clientId}`
}
