import type { AccessTuple, PreviewView } from './views.ts'

/** Scopes that one application, for one user or itself, has on one resource, on the same terms. */
export interface AccessGroup {
  readonly key: string
  readonly application: string
  readonly user: string | null
  readonly resource: string
  /** What tells two resources of one name apart; null where the name does. */
  readonly identifier: string | null
  readonly scopes: readonly string[]
  readonly gated: boolean
  /** On what it depends that it is denied now; empty where it is not denied. */
  readonly dependsOn: readonly string[]
  /** When the access ends, or null. */
  readonly until: string | null
}

/** Effective access with the scopes that go together in one group, in the order given. */
export function accessGroups(
  tuples: readonly AccessTuple[],
  untilByRule: ReadonlyMap<string, string>,
): readonly AccessGroup[] {
  const groups = new Map<string, AccessGroup>()
  for (const tuple of tuples) {
    const until = untilOf(tuple, untilByRule)
    const gated = tuple.verdict === 'approval'
    const dependsOn = tuple.verdict === 'conditional' ? (tuple.depends_on ?? []) : []
    const { application_id, user_id, resource_id } = tuple
    const key = JSON.stringify([application_id, user_id, resource_id, until, gated, dependsOn])
    const scopes = [...(groups.get(key)?.scopes ?? []), tuple.scope]
    const namesakes = tuples.some(
      (other) => other.resource_name === tuple.resource_name && other.resource_id !== resource_id,
    )
    groups.set(key, {
      key,
      application: tuple.application_name,
      user: user_id,
      resource: tuple.resource_name,
      identifier: namesakes ? tuple.resource_identifier : null,
      scopes,
      gated,
      dependsOn,
      until,
    })
  }
  return [...groups.values()]
}

/** Until when the grants hold that the steps make or change, by the rule that names them. */
export function expiriesOf(preview: PreviewView): ReadonlyMap<string, string> {
  const changes = preview.steps.flatMap((step) => step.changes)
  return new Map(
    changes.flatMap(({ kind, id, fields }) => {
      const expiry = fields.find(({ field }) => field === 'expires_at')?.after
      return kind === 'grant' && typeof expiry === 'string'
        ? [[`grant:${id}`, expiry] as const]
        : []
    }),
  )
}

/** Access ends when the last grant that gives it does; one without an end has none. */
function untilOf(tuple: AccessTuple, untilByRule: ReadonlyMap<string, string>): string | null {
  const ends = tuple.rules
    .filter((rule) => rule.startsWith('grant:'))
    .map((rule) => untilByRule.get(rule) ?? null)
  if (ends.length === 0 || ends.includes(null)) return null
  return (
    ends
      .filter((end) => end !== null)
      .sort((a, b) => Date.parse(a) - Date.parse(b))
      .at(-1) ?? null
  )
}
