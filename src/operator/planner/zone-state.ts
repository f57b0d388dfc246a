import type { OutputOf } from '../../../tools/catalogue.ts'
import type { ToolAnswer, Turn } from '../model/model.ts'

type ItemOf<Id extends ListId> =
  OutputOf<Id> extends { items: readonly (infer Item)[] } ? Item : never
type ListId =
  | 'applications.list'
  | 'resources.list'
  | 'providers.list'
  | 'policies.list'
  | 'policy_sets.list'
  | 'zones.list'
  | 'grants.list'
  | 'plans.list'
  | 'access.list'
  | 'audit.list'
  | 'approvals.list'
  | 'subjects.list'
  | 'subject_issuers.list'

export type Application = ItemOf<'applications.list'>
export type Resource = ItemOf<'resources.list'>
export type Provider = ItemOf<'providers.list'>
export type Policy = ItemOf<'policies.list'>
export type PolicySet = ItemOf<'policy_sets.list'>
export type Zone = OutputOf<'zones.get'>
export type Grant = ItemOf<'grants.list'>
export type AccessTuple = ItemOf<'access.list'>
export type AuditEvent = ItemOf<'audit.list'>

/** A tool's refusal on its way to the answer: the person is told the code and the message. */
export class ToolRefusedError extends Error {
  readonly tool: string
  readonly code: string

  constructor(tool: string, code: string, message: string) {
    super(message)
    this.name = 'ToolRefusedError'
    this.tool = tool
    this.code = code
  }
}

/** The zone as the person's read mandate shows it. Each read is made once for one turn. */
export interface ZoneState {
  readonly read: <T>(tool: string, args?: Readonly<Record<string, unknown>>) => Promise<T>
  /** Every page of a list, up to a bound. */
  readonly all: <Id extends ListId>(
    id: Id,
    args?: Readonly<Record<string, unknown>>,
  ) => Promise<readonly ItemOf<Id>[]>
  readonly zone: () => Promise<Zone>
}

/** Pages followed at most; with 500 items each, more than a person can mean. */
const pagesMost = 40
const pageItems = 500

export function zoneState(turn: Turn): ZoneState {
  const reads = new Map<string, Promise<ToolAnswer>>()

  async function read<T>(tool: string, args: Readonly<Record<string, unknown>> = {}): Promise<T> {
    const key = `${tool} ${JSON.stringify(args)}`
    const pending = reads.get(key) ?? turn.call(tool, args)
    reads.set(key, pending)
    const answer = await pending
    if (!answer.ok) throw new ToolRefusedError(tool, answer.code, answer.message)
    // The server has checked the value against the operation's output schema.
    return answer.value as T
  }

  async function all<Id extends ListId>(
    id: Id,
    args: Readonly<Record<string, unknown>> = {},
  ): Promise<readonly ItemOf<Id>[]> {
    const tool = id.replace('.', '_')
    const items: ItemOf<Id>[] = []
    let cursor: string | null = null
    for (let page = 0; page < pagesMost; page++) {
      const asked = { ...args, limit: pageItems, ...(cursor !== null && { cursor }) }
      const answer: { items: ItemOf<Id>[]; next_cursor: string | null } = await read(tool, asked)
      items.push(...answer.items)
      cursor = answer.next_cursor
      if (cursor === null) break
    }
    return items
  }

  return { read, all, zone: () => read<Zone>('zones_get') }
}
