import type { AdminClient } from '../src/client/index.ts'

/** The zone that the first start makes, with the `baseline` policy set active. */
export const zone = 'default'

/** An application that may use one resource. */
export interface Client {
  readonly id: string
  readonly secret: string
  readonly resource: string
  readonly scope: string
}

const resourceCount = 5
const scopes = ['records:read', 'records:write', 'records:export', 'records:delete']

/** Registers applications that are each granted half of the scopes of one of five resources. */
export async function seedClients(
  admin: AdminClient,
  count: number,
  inZone = zone,
): Promise<readonly Client[]> {
  const resources = await inTurn(Math.min(count, resourceCount), (index) =>
    admin.resources.create(inZone, { name: `Records ${index}`, scopes }),
  )
  return inTurn(count, async (index) => {
    const resource = resources[index % resources.length]
    if (resource === undefined) throw new RangeError('there is no such resource')
    const application = await admin.applications.create(inZone, { name: `agent-${index}` })
    const granted = scopes.slice(0, 2)
    await admin.grants.create(inZone, {
      application_id: application.id,
      resource_id: resource.id,
      scopes: granted,
    })
    return {
      id: application.id,
      secret: application.client_secret ?? '',
      resource: resource.identifier,
      scope: granted.join(' '),
    }
  })
}

/** The zone's grants, as many as are wanted in all, on applications and resources of their own. */
export async function seedGrants(admin: AdminClient, count: number): Promise<void> {
  const perApplication = 100
  const resources = await inTurn(perApplication, (index) =>
    admin.resources.create(zone, { name: `Archive ${count} ${index}`, scopes }),
  )
  await inTurn(Math.ceil(count / perApplication), async (index) => {
    const application = await admin.applications.create(zone, { name: `filler-${count}-${index}` })
    const granted = resources.slice(0, count - index * perApplication)
    await Promise.all(
      granted.map(({ id }) =>
        admin.grants.create(zone, {
          application_id: application.id,
          resource_id: id,
          scopes: scopes.slice(0, 1),
        }),
      ),
    )
  })
}

export async function inTurn<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  for (let index = 0; index < count; index += 1) made.push(await make(index))
  return made
}
