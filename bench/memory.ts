import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { directForm } from './exchange.ts'
import { figure, type Figure } from './figure.ts'
import { createInstallation } from './installation.ts'
import { underLoad } from './load.ts'
import type { Settings } from './settings.ts'
import { seedClients, zone } from './seed.ts'

const settleMs = 5_000

/**
 * Resident memory of the service's process, and of PostgreSQL's together: these share most of it,
 * so each page counts once, divided among those that have it. It needs Linux; elsewhere there
 * is no figure.
 */
export async function measureMemory(settings: Settings): Promise<readonly Figure[]> {
  if (process.platform !== 'linux') return []
  await using installation = await createInstallation(settings.profile)
  // The process that has made the database is not the one that serves for months.
  await installation.start().then((first) => first[Symbol.asyncDispose]())
  await using service = await installation.start()
  await sleep(settleMs)
  const database = await descendantsOf(service.pid)
  const idle = [
    figure('memory.service', { megabytes: await megabytesOf('Rss', [service.pid]) }),
    figure('memory.postgres', {
      megabytes: await megabytesOf('Pss', database),
      note: `${database.length} processes`,
    }),
  ]
  const clients = await seedClients(service.admin, 1)
  const requests = clients.map((client) => ({ zone, form: directForm(client) }))
  const { connections, seconds } = settings
  const { note } = await underLoad({ service, requests, connections, bound: { seconds } })
  await sleep(settleMs)
  const after = await megabytesOf('Rss', [service.pid])
  return [...idle, figure('memory.after', { megabytes: after, note: `after ${note}` })]
}

/** Resident or proportional set size, as proc_pid_smaps(5) has them. */
type SetSize = 'Rss' | 'Pss'

export async function megabytesOf(size: SetSize, pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(pids.map((pid) => bytesOf(size, pid)))
  return sizes.reduce((sum, bytes) => sum + bytes, 0) / 1_000_000
}

/** A process that has ended meanwhile has no memory. */
async function bytesOf(size: SetSize, pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  return Number(new RegExp(`^${size}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1_024
}

async function descendantsOf(pid: number): Promise<readonly number[]> {
  const parents = new Map<number, number>()
  for (const entry of await readdir('/proc'))
    if (/^\d+$/.test(entry)) parents.set(Number(entry), await parentOf(entry))
  const found = [pid]
  // A set that grows while it is walked: children of children are found in their turn.
  for (const parent of found)
    found.push(...[...parents].filter(([, of]) => of === parent).map(([child]) => child))
  return found.slice(1)
}

/** proc_pid_stat(5): the parent's id is the second field after the name, which may hold anything. */
async function parentOf(pid: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1] ?? 0)
}
