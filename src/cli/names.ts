import type { AdminClient } from '../client/admin-client.ts'
import type { PreviewView } from './plan-view.ts'

/** Names of objects by their ids, to stand where only ids are told. */
export type Names = ReadonlyMap<string, string>

/** One page of each is enough to make a list readable; what is beyond it keeps its id. */
const pageSize = 500

const listed: Readonly<
  Record<
    string,
    (client: AdminClient, zone: string) => Promise<{ readonly items: readonly Named[] }>
  >
> = {
  application_id: (client, zone) =>
    client.applications.list(zone, { limit: pageSize, include_archived: true }),
  resource_id: (client, zone) =>
    client.resources.list(zone, { limit: pageSize, include_archived: true }),
}

interface Named {
  readonly id: string
  readonly name: string
}

/** The names of the objects that some columns of a list refer to. */
export async function namesOf(
  client: AdminClient,
  zone: string,
  columns: readonly string[],
): Promise<Names> {
  const pages = await Promise.all(
    Object.entries(listed)
      .filter(([column]) => columns.includes(column))
      .map(([, list]) => list(client, zone)),
  )
  return new Map(pages.flatMap(({ items }) => items).map(({ id, name }) => [id, name]))
}

/** The names that a preview itself tells: of what it changes and of whom it concerns. */
export function namesIn(preview: PreviewView): Names {
  const { gained, lost, newly_gated } = preview.access
  const changes = preview.steps.flatMap((step) => step.changes)
  return new Map([
    ...[...gained, ...lost, ...newly_gated].flatMap(
      (tuple) =>
        [
          [tuple.application_id, tuple.application_name],
          [tuple.resource_id, tuple.resource_name],
        ] as const,
    ),
    ...changes.flatMap(({ id, name }) => (name === null ? [] : [[id, name] as const])),
  ])
}
