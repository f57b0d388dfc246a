import { pathFields, type Operation } from '../../tools/operation.ts'
import type { Answer, CallOptions, World } from '../world.ts'

/** What a client sends for one operation, as its route wants it. */
export interface HttpRequest {
  readonly method: Operation['route']['method']
  readonly path: string
  readonly body: Readonly<Record<string, unknown>> | undefined
}

/** The request of an operation in a zone: fields of the path, then query of a read or body of a write. */
export function requestOf(
  operation: Operation,
  zone: string,
  input: Readonly<Record<string, unknown>>,
): HttpRequest {
  const { method } = operation.route
  const inPath = pathFields(operation)
  const rest = Object.entries(input).filter(([field]) => !inPath.includes(field))
  const path = operation.route.path.replace(/:([a-z_]+)/g, (_, field: string) =>
    encodeURIComponent(field === 'zone_id' ? zone : textOf(input[field])),
  )
  if (method !== 'GET')
    return { method, path, body: rest.length === 0 ? undefined : Object.fromEntries(rest) }
  const query = new URLSearchParams(
    rest.map(([field, value]): [string, string] => [field, textOf(value)]),
  )
  return { method, path: rest.length === 0 ? path : `${path}?${query.toString()}`, body: undefined }
}

/** Sends an operation's request; `query` is put behind the path of a write. */
export async function callOperation(
  world: World,
  operation: Operation,
  zone: string,
  input: Readonly<Record<string, unknown>>,
  options: CallOptions & { readonly query?: string } = {},
): Promise<Answer> {
  const { query = '', ...rest } = options
  const { method, path, body } = requestOf(operation, zone, input)
  return world.call(method, path + query, body, rest)
}

/** A value as it stands in a path or a query. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

export function requestIdOf(answer: Answer): string {
  return answer.headers.get('x-request-id') ?? ''
}
