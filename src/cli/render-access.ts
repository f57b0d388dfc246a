import type { AccessTuple } from './plan-view.ts'
import { safeLine } from './safe-text.ts'

interface Group {
  readonly who: string
  readonly where: string
  readonly until: string
  readonly verdict: AccessTuple['verdict']
  readonly dependsOn: string
  readonly scopes: string[]
}

/**
 * Effective access as sentences, the scopes of one application, user and resource in one:
 * `billing-agent gains invoices:read on Invoices (until 2026-11-27 23:59)`.
 */
export function accessSentences(
  tuples: readonly AccessTuple[],
  verb: string,
  untilByRule: ReadonlyMap<string, string> = new Map(),
): readonly string[] {
  const groups = new Map<string, Group>()
  for (const tuple of tuples) {
    const until = untilOf(tuple, untilByRule)
    const { verdict } = tuple
    const dependsOn = verdict === 'conditional' ? (tuple.depends_on ?? []).join(', ') : ''
    const key = JSON.stringify([
      tuple.application_id,
      tuple.user_id,
      tuple.resource_id,
      until,
      verdict,
      dependsOn,
    ])
    const group = groups.get(key) ?? {
      who: whoOf(tuple),
      where: whereOf(tuple, tuples),
      until,
      verdict,
      dependsOn,
      scopes: [],
    }
    group.scopes.push(safeLine(tuple.scope))
    groups.set(key, group)
  }
  return [...groups.values()].map(({ who, where, until, verdict, dependsOn, scopes }) => {
    const notes = [
      ...(until === '' ? [] : [`until ${until}`]),
      ...(verdict === 'approval' && verb === 'gains' ? ['each use needs an approval'] : []),
      ...(verdict === 'conditional' ? [`denied now, depends on ${safeLine(dependsOn)}`] : []),
    ]
    const note = notes.length === 0 ? '' : ` (${notes.join('; ')})`
    return `${who} ${verb} ${scopes.join(', ')} on ${where}${note}`
  })
}

function whoOf(tuple: AccessTuple): string {
  const application = safeLine(tuple.application_name)
  return tuple.user_id === null ? application : `${application} for ${safeLine(tuple.user_id)}`
}

/** A name that two resources share, as in two zones, is told apart by the identifier. */
function whereOf(tuple: AccessTuple, all: readonly AccessTuple[]): string {
  const shared = all.some(
    (other) =>
      other.resource_name === tuple.resource_name && other.resource_id !== tuple.resource_id,
  )
  const name = safeLine(tuple.resource_name)
  return shared ? `${name} (${safeLine(tuple.resource_identifier)})` : name
}

/** Access ends when the last grant that gives it does; one without end has none. */
function untilOf(tuple: AccessTuple, untilByRule: ReadonlyMap<string, string>): string {
  const grants = tuple.rules.filter((rule) => rule.startsWith('grant:'))
  const ends = grants.map((rule) => untilByRule.get(rule) ?? '')
  return ends.includes('') ? '' : (ends.sort().at(-1) ?? '')
}
