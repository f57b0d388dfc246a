import type { z } from 'zod'
import type { OperationId, OutputOf, RequestOf } from '../../tools/catalogue.ts'
import type { preview } from '../../tools/plans.ts'
import { CaracalError } from './caracal-error.ts'
import { serverEvents, type ServerEvent } from './event-stream.ts'
import { routes } from './routes-table.ts'
import {
  createTransport,
  type CallOptions,
  type ClientOptions,
  type Transport,
  type WireRequest,
} from './transport.ts'

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S
type ObjectOf<Id extends string> = Id extends `${infer O}.${string}` ? O : never
type VerbOf<Id extends string> = Id extends `${string}.${infer V}` ? V : never
type Routes = typeof routes
type RouteOf<Id extends OperationId> =
  Camel<ObjectOf<Id>> extends infer O extends keyof Routes
    ? Camel<VerbOf<Id>> extends infer V extends keyof Routes[O]
      ? Routes[O][V]
      : never
    : never

/** What a call would change: the answer of every write with `dryRun`. */
export type Preview = z.output<typeof preview>

type Answer<Id extends OperationId, O extends CallOptions> = O extends { readonly dryRun: true }
  ? Preview
  : O extends { readonly dryRun: boolean }
    ? Preview | OutputOf<Id>
    : OutputOf<Id>

/** The zone, by id or slug, comes first where the operation has one. */
type Place<Id extends OperationId> =
  RouteOf<Id> extends { readonly path: `${string}:zone_id${string}` } ? [zone: string] : []
type IsOptional<T> =
  T extends Readonly<Record<string, never>> ? true : Partial<T> extends T ? true : false
type Input<Id extends OperationId> =
  IsOptional<RequestOf<Id>> extends true ? [input?: RequestOf<Id>] : [input: RequestOf<Id>]

type Call<Id extends OperationId> = <const O extends CallOptions = CallOptions>(
  ...args: [...Place<Id>, ...Input<Id>, options?: O]
) => Promise<Answer<Id, O>>

type ItemOf<Page> = Page extends { readonly items: readonly (infer Item)[] } ? Item : never

interface Paged<Id extends OperationId> {
  /** Every item of the whole list, fetched a page at a time. */
  readonly all: (
    ...args: [...Place<Id>, ...Input<Id>, options?: CallOptions]
  ) => AsyncIterable<ItemOf<OutputOf<Id>>>
}

type Streamed<Id extends OperationId> = (
  ...args: [...Place<Id>, ...Input<Id>, options?: CallOptions]
) => AsyncIterable<ServerEvent>

type Downloaded<Id extends OperationId> = (
  ...args: [...Place<Id>, ...Input<Id>, options?: CallOptions]
) => Promise<ReadableStream<Uint8Array>>

type Method<Id extends OperationId> =
  RouteOf<Id> extends { readonly answer: 'stream' }
    ? Streamed<Id>
    : RouteOf<Id> extends { readonly answer: 'file' }
      ? Downloaded<Id>
      : RouteOf<Id> extends { readonly answer: 'page' }
        ? Call<Id> & Paged<Id>
        : Call<Id>

/**
 * A method for every operation of the catalogue: `client.applications.create(zone, input, options)`,
 * `client.zones.list(input, options)`. Each answers what the operation declares and throws
 * {@link CaracalError} for every refusal.
 */
export type AdminClient = {
  readonly [O in ObjectOf<OperationId> as Camel<O>]: {
    readonly [Id in Extract<OperationId, `${O}.${string}`> as Camel<VerbOf<Id>>]: Method<Id>
  }
}

interface Route {
  readonly method: WireRequest['method']
  readonly path: string
  readonly answer: 'object' | 'page' | 'stream' | 'file'
  readonly reads: boolean
}

interface Arguments {
  readonly zone: string | null
  readonly input: Readonly<Record<string, unknown>>
  readonly options: CallOptions
}

type AnyMethod = (...args: unknown[]) => unknown

/** The client of one service with one credential. It keeps no state and no connection. */
export function createAdminClient(options: ClientOptions): AdminClient {
  const transport = createTransport(options)
  const client = mapValues(routes, (verbs) =>
    mapValues<string, Route, AnyMethod>(verbs, (route) => methodOf(transport, route)),
  )
  // The table and the types are both made from the catalogue, which a test holds together.
  return client as unknown as AdminClient
}

function methodOf(transport: Transport, route: Route): AnyMethod {
  if (route.answer === 'stream') return (...args) => events(transport, route, split(route, args))
  if (route.answer === 'file') return (...args) => file(transport, route, split(route, args))
  const call: AnyMethod = (...args) => answer(transport, route, split(route, args))
  if (route.answer === 'object') return call
  const all: AnyMethod = (...args) => items(transport, route, split(route, args))
  return Object.assign(call, { all })
}

async function answer(transport: Transport, route: Route, args: Arguments): Promise<unknown> {
  return transport.json(requestOf(route, args), args.options)
}

async function* items(
  transport: Transport,
  route: Route,
  args: Arguments,
): AsyncGenerator<unknown, void, undefined> {
  let input = args.input
  for (;;) {
    const page = (await answer(transport, route, { ...args, input })) as {
      readonly items: readonly unknown[]
      readonly next_cursor: string | null
    }
    yield* page.items
    if (page.next_cursor === null) return
    if (page.next_cursor === input.cursor)
      throw invalid('unexpected_answer', 'The list does not go on: its cursor stays the same.')
    input = { ...input, cursor: page.next_cursor }
  }
}

async function* events(
  transport: Transport,
  route: Route,
  args: Arguments,
): AsyncGenerator<ServerEvent, void, undefined> {
  const headers = { accept: 'text/event-stream, application/json' }
  const request = { ...requestOf(route, args), headers }
  yield* serverEvents(await transport.stream(request, args.options))
}

function file(
  transport: Transport,
  route: Route,
  args: Arguments,
): Promise<ReadableStream<Uint8Array>> {
  const headers = { accept: 'application/jsonl, text/csv, application/json' }
  return transport.file({ ...requestOf(route, args), headers }, args.options)
}

function split(route: Route, args: readonly unknown[]): Arguments {
  const placed = route.path.includes(':zone_id')
  const [input, options] = placed ? args.slice(1) : args
  return {
    zone: placed ? String(args[0]) : null,
    input: (input ?? {}) as Arguments['input'],
    options: options ?? {},
  }
}

/** Fields named in the path go there, the others into the query of a GET or the body of the rest. */
function requestOf(route: Route, { zone, input, options }: Arguments): WireRequest {
  const inPath = new Set<string>()
  const path = route.path.replace(/:([a-z_]+)/g, (_, name: string) => {
    if (name === 'zone_id') return segment(name, zone)
    inPath.add(name)
    return segment(name, input[name])
  })
  const rest = Object.fromEntries(Object.entries(input).filter(([name]) => !inPath.has(name)))
  const { method } = route
  const bodiless = method === 'GET' || (method === 'DELETE' && Object.keys(rest).length === 0)
  return {
    method,
    path,
    query: method === 'GET' ? rest : {},
    body: bodiless ? undefined : rest,
    repeatable: route.reads || options.idempotencyKey !== undefined,
  }
}

/** A value as one segment of a path, which dots alone would leave. */
function segment(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && !/^\.{1,2}$/.test(value))
    return encodeURIComponent(value)
  throw invalid('invalid_argument', `${name} must be an id or a short name.`)
}

function invalid(code: string, message: string): CaracalError {
  return new CaracalError({ status: 0, code, message })
}

function mapValues<K extends string, V, R>(
  table: Readonly<Record<K, V>>,
  map: (value: V) => R,
): Record<K, R> {
  const entries = Object.entries<V>(table).map(([key, value]) => [key, map(value)])
  return Object.fromEntries(entries) as Record<K, R>
}
