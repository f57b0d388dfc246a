import type { AnthropicError } from '@anthropic-ai/sdk'
import { Fault } from '../../kernel/faults.ts'

/** What a person is told of a failure of the provider, by its error type (Messages API, Errors). */
const byType: Readonly<Record<string, string>> = {
  authentication_error:
    'The model provider does not accept the API key: set ANTHROPIC_API_KEY to a valid one, or unset it to use the built-in planner.',
  permission_error:
    'The API key may not use this model: check CARACAL_MODEL and the key’s permissions at the provider.',
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
  const known = byType[type] === undefined ? 'api_error' : type
  return new Fault('model_unavailable', byType[known] ?? '', { details: { reason: known }, cause })
}

/** The error type of whatever the SDK threw. */
export function errorTypeOf(error: unknown): string {
  const { name, type, status } = error as Partial<AnthropicError> & {
    type?: string | null
    status?: number
  }
  if (typeof type === 'string') return type
  if (status !== undefined)
    return typeOfStatus[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error')
  const word = error instanceof Error ? error.constructor.name : name
  if (word === 'APIConnectionTimeoutError') return 'timeout_error'
  return word === 'APIConnectionError' ? 'connection_error' : 'broken_answer'
}
