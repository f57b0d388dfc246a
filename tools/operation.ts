import type { z } from 'zod'

/** What an operation does to governed state. `act` changes something that is not a governed object. */
export type Effect = 'read' | 'create' | 'update' | 'delete' | 'act'

/** The least risk of an operation; a preview may raise it from the arguments, never lower it. */
export type Risk = 'low' | 'medium' | 'high' | 'critical'

/** What an admin token must hold (admin-api.md, Credentials). */
export type Capability = 'read' | 'write' | 'approve' | 'audit' | 'owner'

/**
 * `zone`: the call names one zone and sees nothing else. `platform`: it needs global scope.
 * `anywhere`: it says nothing of any zone, so every credential may ask.
 */
export type Place = 'zone' | 'platform' | 'anywhere'

/**
 * With what it may be called: the credential of an administrator (an admin token or a control
 * mandate), the session mandate of an agent for its own sessions, or either.
 */
export type Callers = 'administrators' | 'agents' | 'both'

/** An argument that makes an operation riskier than it is by itself. */
export interface RiskRule {
  readonly field: string
  /** Tested against the value, or against each of a list. */
  readonly matches: RegExp
  readonly risk: Risk
  readonly reason: string
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `:zone_id` is the call's zone; every other `:name` is a field of the input. */
  readonly path: string
  readonly status: 200 | 201 | 204
}

/**
 * One thing that may be asked for. Everything that a surface shows is made from this declaration:
 * HTTP route, OpenAPI entry, MCP tool, CLI command, client method, control scope, reference page.
 */
export interface Operation<
  Id extends string = string,
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodType = z.ZodType,
> {
  /** `<object>.<verb>`, such as `grants.create`. */
  readonly id: Id
  /** One sentence in the imperative; the MCP tool's and the CLI's description. */
  readonly summary: string
  readonly effect: Effect
  readonly risk: Risk
  readonly raises: readonly RiskRule[]
  readonly capability: Capability
  readonly place: Place
  readonly callers: Callers
  /** Whether it changes versioned state: it then moves the zone's revision. */
  readonly versioned: boolean
  /** Whether it may be a step of a plan. */
  readonly plannable: boolean
  /** How its answer goes on after the call itself is done: as server-sent events, or as a file. */
  readonly streams: 'events' | 'file' | null
  /** The control scope that a mandate must carry, such as `grants:write`. */
  readonly scope: string
  readonly input: Input
  readonly output: Output
  readonly route: Route
  /** The operation that undoes it, where there is one. */
  readonly inverse: string | null
}

interface Declaration<Id extends string, I extends z.ZodObject, O extends z.ZodType> {
  readonly id: Id
  readonly summary: string
  readonly effect: Effect
  readonly risk?: Risk
  readonly raises?: readonly RiskRule[]
  readonly capability?: Capability
  readonly place?: Place
  readonly callers?: Callers
  readonly versioned?: boolean
  readonly plannable?: boolean
  readonly streams?: 'events' | 'file'
  /** The level in the control scope, where it is not plainly read, write or approve. */
  readonly level?: 'propose' | 'converse' | 'prove'
  readonly input: I
  readonly output: O
  readonly route: readonly [Route['method'], string, Route['status']]
  readonly inverse?: string
}

/** Declares an operation; the defaults are those of a read (low risk) or of a planned change. */
export function operation<const Id extends string, I extends z.ZodObject, O extends z.ZodType>(
  declaration: Declaration<Id, I, O>,
): Operation<Id, I, O> {
  const read = declaration.effect === 'read'
  const [method, path, status] = declaration.route
  const versioned = declaration.versioned ?? !read
  const capability = declaration.capability ?? (read ? 'read' : 'write')
  const level =
    declaration.level ?? (capability === 'approve' ? 'approve' : read ? 'read' : 'write')
  return {
    id: declaration.id,
    summary: declaration.summary,
    effect: declaration.effect,
    risk: declaration.risk ?? 'low',
    raises: declaration.raises ?? [],
    capability,
    place: declaration.place ?? 'zone',
    callers: declaration.callers ?? 'administrators',
    versioned,
    plannable: declaration.plannable ?? versioned,
    streams: declaration.streams ?? null,
    scope: `${objectOf(declaration)}:${level}`,
    input: declaration.input,
    output: declaration.output,
    route: { method, path, status },
    inverse: declaration.inverse ?? null,
  }
}

/** The object that an operation belongs to: `grants` of `grants.create`. */
export function objectOf(operation: Pick<Operation, 'id'>): string {
  return operation.id.slice(0, operation.id.indexOf('.'))
}

/** The fields of the input that stand in the path, in order, without the zone. */
export function pathFields(operation: Pick<Operation, 'route'>): readonly string[] {
  return [...operation.route.path.matchAll(/:([a-z_]+)/g)]
    .map((match) => match[1] ?? '')
    .filter((name) => name !== 'zone_id')
}
