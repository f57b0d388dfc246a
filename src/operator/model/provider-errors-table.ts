import type { APIError } from '@anthropic-ai/sdk'
import { Fault } from '../../kernel/faults.ts'
import { Silence } from './connection.ts'

/** What a person is told of a failure of the provider, by its error type (Messages API, Errors). */
const byType: Readonly<Record<string, string>> = {
  authentication_error:
    'The model provider does not accept the API key: set ANTHROPIC_API_KEY to a valid one, or unset it to use the built-in planner.',
  permission_error:
    'The API key may not use this model: check the configured model and the key’s permissions at the provider.',
  billing_error:
    'The model provider refuses for lack of credit: check the account at the provider.',
  not_found_error:
    'The model provider does not know this model: check CARACAL_MODEL and ANTHROPIC_BASE_URL.',
  request_too_large: 'This conversation is too long for the model: open a new one.',
  rate_limit_error: 'The model provider limits the rate of requests: say it again in a minute.',
  overloaded_error: 'The model is overloaded: say it again in a minute.',
  timeout_error: 'The model did not answer in time: say it again, or ask for less at once.',
  api_error: 'The model provider failed: say it again.',
  invalid_request_error: 'The model provider refused the request; the log has the reason.',
  connection_error:
    'The model provider cannot be reached: check the network and ANTHROPIC_BASE_URL.',
  broken_answer: 'The answer of the model broke off: say it again.',
}

/** For an endpoint that gives a status and no type. */
const typeOfStatus: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

/** The refusal that a failure of the provider is; what the provider said stays in the cause. */
export function modelFault(type: string, cause?: unknown): Fault {
  return new Fault('model_unavailable', byType[type] ?? '', { details: { reason: type }, cause })
}

/**
 * Failures that another moment or another endpoint may not have, with how often the same endpoint is
 * asked again at once. One that was silent has taken long enough. Others are the request's own or the
 * account's: they are told to the person, and nobody else is asked.
 */
const retriesOf: Readonly<Record<string, number>> = {
  rate_limit_error: 2,
  overloaded_error: 2,
  api_error: 2,
  connection_error: 2,
  broken_answer: 1,
  timeout_error: 0,
}

/** How often a failed call may be made again at the same endpoint; null where it must not fail over. */
export function retriesAfter(type: string): number | null {
  return retriesOf[type] ?? null
}

/** The error type of whatever came of a call to an endpoint: always one that people can be told. */
export function errorTypeOf(error: unknown): string {
  if (error instanceof Silence) return 'timeout_error'
  const { type, status } = error as Partial<APIError>
  if (typeof type === 'string' && Object.hasOwn(byType, type)) return type
  if (status !== undefined)
    return typeOfStatus[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error')
  if (typeof type === 'string') return 'api_error'
  const name = error instanceof Error ? error.constructor.name : ''
  if (name === 'APIConnectionTimeoutError') return 'timeout_error'
  return name === 'APIConnectionError' ? 'connection_error' : 'broken_answer'
}

/** How long the provider asks to be left alone (RFC 9110 section 10.2.3); 0 where it does not say. */
export function retryAfterMsOf(error: unknown): number {
  const { headers } = error as Partial<APIError>
  const ms = Number(headers?.get('retry-after-ms') ?? Number.NaN)
  const seconds = Number(headers?.get('retry-after') ?? Number.NaN)
  const asked = Number.isFinite(ms) ? ms : seconds * 1_000
  return Number.isFinite(asked) ? Math.max(asked, 0) : 0
}
