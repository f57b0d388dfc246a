import type { World } from '../world.ts'

/** What a write did to one row, in the words of a preview. */
export interface RowChange {
  readonly kind: string
  readonly id: string
  readonly zone_id: string
  readonly effect: string
  readonly fields: Readonly<Record<string, readonly [before: unknown, after: unknown]>>
}

type Row = Readonly<Record<string, unknown>>
export type Rows = ReadonlyMap<string, { readonly kind: string; readonly row: Row }>

/** Tables of governed objects by the kind that previews call them. */
const kinds: Readonly<Record<string, string>> = {
  zones: 'zone',
  zone_keys: 'key',
  applications: 'application',
  providers: 'provider',
  resources: 'resource',
  grants: 'grant',
  subject_issuers: 'subjectIssuer',
  policies: 'policy',
  policy_versions: 'policyVersion',
  policy_sets: 'policySet',
  policy_set_versions: 'policySetVersion',
}

/** Bookkeeping, and what follows from other fields. */
const unseen = new Set(
  'id zone_id name_key revision created_at updated_at archived_at documents'.split(' '),
)
const secret: Readonly<Record<string, string>> = {
  secret_hash: 'client_secret',
  sealed_secret: 'secret',
}

/** Every governed row of the database, read past the service. */
export async function rowsOf(world: World): Promise<Rows> {
  const rows = new Map<string, { kind: string; row: Row }>()
  for (const [table, kind] of Object.entries(kinds))
    for (const { row } of await world.sql<{ row: Row }>(
      `select to_jsonb(t) as row from ${table} t`,
    ))
      rows.set(String(row.id), { kind, row })
  return rows
}

/** What differs between two readings. */
export function changesBetween(before: Rows, after: Rows): RowChange[] {
  const changes = [...after].flatMap(([id, { kind, row }]): RowChange[] => {
    const old = before.get(id)?.row
    const archived = old?.archived_at === null && row.archived_at !== null
    const fields = differences(old ?? {}, archived ? {} : row)
    if (old !== undefined && !archived && Object.keys(fields).length === 0) return []
    const effect = old === undefined ? 'create' : archived ? 'archive' : 'update'
    return [{ kind, id, zone_id: String(row.zone_id ?? row.id), effect, fields }]
  })
  return sorted(
    changes.flatMap((change) => (change.kind === 'key' ? keyChange(changes, change) : [change])),
  )
}

/** The old key that retires and the new one are one change of the zone; a new zone has its first. */
function keyChange(changes: readonly RowChange[], key: RowChange): RowChange[] {
  const firstOfZone = changes.some(({ id, effect }) => id === key.zone_id && effect === 'create')
  if (firstOfZone || key.effect !== 'create') return []
  const fields = { active_key: ['present', 'generated at apply'] as const }
  return [{ ...key, id: key.zone_id, effect: 'update', fields }]
}

function differences(before: Row, after: Row): RowChange['fields'] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return Object.fromEntries(
    names
      .filter((name) => !unseen.has(name) && !same(before[name] ?? null, after[name] ?? null))
      .map((name) =>
        secret[name] === undefined
          ? [name, [plain(name, before[name]), plain(name, after[name])] as const]
          : [
              secret[name],
              [
                (before[name] ?? null) === null ? null : 'present',
                (after[name] ?? null) === null ? null : 'generated at apply',
              ] as const,
            ],
      ),
  )
}

/** A value as JSON of the API has it: PostgreSQL writes times in a form of its own. */
function plain(name: string, value: unknown): unknown {
  return name.endsWith('_at') && typeof value === 'string'
    ? new Date(value).toISOString()
    : (value ?? null)
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}

interface ShownChange {
  readonly kind: string
  readonly id: string
  readonly zone_id: string
  readonly effect: string
  readonly fields: readonly { field: string; before: unknown; after: unknown }[]
}

/** The changes of a preview's step in the same form; several to one object become one. */
export function shownChanges(shown: readonly ShownChange[]): RowChange[] {
  const byId = new Map<string, RowChange>()
  for (const { kind, id, zone_id, effect, fields } of shown) {
    const earlier = byId.get(id)
    const merged = { ...earlier?.fields }
    for (const { field, before, after } of fields)
      merged[field] = [earlier?.effect === 'create' ? null : before, after]
    byId.set(id, { kind, id, zone_id, effect: earlier?.effect ?? effect, fields: merged })
  }
  return sorted([...byId.values()])
}

function sorted(changes: readonly RowChange[]): RowChange[] {
  return changes.toSorted((left, right) =>
    `${left.kind}${left.id}` < `${right.kind}${right.id}` ? -1 : 1,
  )
}

/** The same with ids that are not of known rows called by the order in which they stand. */
export function withoutNewIds(value: unknown, known: Rows): unknown {
  const names = new Map<string, string>()
  const text = JSON.stringify(value).replace(/\b[a-z]{3,5}_[0-7][0-9a-z]{25}\b/g, (id) => {
    if (known.has(id)) return id
    const name = names.get(id) ?? `new ${id.split('_')[0]} ${names.size}`
    names.set(id, name)
    return name
  })
  return JSON.parse(text)
}
