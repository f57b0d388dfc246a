import { directForm } from './exchange.ts'
import { figure, type Figure } from './figure.ts'
import { createInstallation } from './installation.ts'
import { fire, underLoad, type FormRequest } from './load.ts'
import { megabytesOf } from './memory.ts'
import { inTurn, seedClients, seedGrants, zone } from './seed.ts'
import type { Settings } from './settings.ts'

/** Applications that ask in turn, as in the section of the exchange. */
const clientCount = 20
/** Grants in the zone, beside those of the applications that ask, and zones that are asked in turn. */
const grantCounts = [10, 1_000, 20_000] as const
const zoneCounts = [1, 50, 200] as const

/** How the cost of a mandate grows with what is in a zone, and with the number of zones. */
export async function measureScale(settings: Settings): Promise<readonly Figure[]> {
  return [...(await byGrants(settings)), ...(await byZones(settings))]
}

async function byGrants({ connections, seconds, profile }: Settings): Promise<readonly Figure[]> {
  await using installation = await createInstallation(profile)
  await using service = await installation.start()
  const clients = await seedClients(service.admin, clientCount)
  const requests = clients.map((client) => ({ zone, form: directForm(client) }))
  let there = 0
  return await inTurn(grantCounts.length, async (index) => {
    const count = grantCounts[index] ?? 0
    await seedGrants(service.admin, count - there)
    there = count
    const load = { service, requests, connections, bound: { seconds } }
    return figure(`scale.grants.${grantCounts[index] ?? 10}`, await underLoad(load))
  })
}

async function byZones({ connections, seconds, profile }: Settings): Promise<readonly Figure[]> {
  await using installation = await createInstallation(profile)
  await using service = await installation.start()
  const requests: FormRequest[] = []
  return await inTurn(zoneCounts.length, async (index) => {
    while (requests.length < (zoneCounts[index] ?? 0)) {
      const name = `tenant-${requests.length}`
      const { id } = await service.admin.zones.create({ name, baseline: true })
      const [client] = await seedClients(service.admin, 1, id)
      if (client !== undefined) requests.push({ zone: id, form: directForm(client) })
    }
    const load = { service, requests, connections, bound: { seconds } }
    return figure(`scale.zones.${zoneCounts[index] ?? 1}`, await underLoad(load))
  })
}

/** In how many parts a long load is watched. */
const watches = 10

/** Resident memory over a long load: what leaks shows as a line that does not level off. */
export async function measureEndurance(settings: Settings): Promise<readonly Figure[]> {
  if (process.platform !== 'linux') return []
  await using installation = await createInstallation(settings.profile)
  await using service = await installation.start()
  const clients = await seedClients(service.admin, clientCount)
  const requests = clients.map((client) => ({ zone, form: directForm(client) }))
  const { connections, exchanges } = settings
  const bound = { requests: Math.ceil(exchanges / watches) }
  const megabytes = await inTurn(watches, async () => {
    await fire({ service, requests, connections, bound })
    return megabytesOf('Rss', [service.pid])
  })
  const line = megabytes.map((size) => Math.round(size)).join(', ')
  return [
    figure('endurance.memory', {
      megabytes: megabytes.at(-1) ?? null,
      note: `${bound.requests * watches} exchanges; after each tenth, MB: ${line}`,
    }),
  ]
}
