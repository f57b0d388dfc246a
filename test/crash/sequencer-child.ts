import { setTimeout as sleep } from 'node:timers/promises'
import { openVault } from '../../src/kernel/vault.ts'
import type { ZoneId } from '../../src/kernel/ids.ts'
import { newId } from '../../src/kernel/ids.ts'
import { createIntegrator } from '../../src/audit/integrate.ts'
import { createEventWriter } from '../../src/audit/writer.ts'
import { openDatabase } from '../../src/store/database.ts'

/**
 * Records events and integrates them until it is killed. Says the id of each event
 * on a line of its own once it is durable, and `round` after each round that it has done.
 */
/** Leaves the processors to the next one, which is starting. */
const pauseMs = 5

const [connection = '', masterKey = '', zone = ''] = process.argv.slice(2)
const db = openDatabase(JSON.parse(connection) as Parameters<typeof openDatabase>[0])
const clock = { now: (): number => Date.now() }
const integrator = createIntegrator({
  ...{ db, clock, vault: openVault(Buffer.from(masterKey, 'base64')) },
  log: { error: (facts) => process.stdout.write(`broken ${JSON.stringify(facts)}\n`) },
  originBase: () => 'https://caracal.example',
})
const writer = createEventWriter(db, clock)

async function record(): Promise<never> {
  for (;;) {
    const id = await writer.append({
      zone: zone as ZoneId,
      type: 'token.introspect',
      outcome: 'allow',
      actor: { kind: 'anonymous', id: 'anonymous', name: '' },
      requestId: newId('request', clock.now()),
    })
    process.stdout.write(`${id}\n`)
    await sleep(pauseMs)
  }
}

async function integrate(): Promise<never> {
  for (;;) {
    await integrator.round()
    process.stdout.write('round\n')
    await sleep(pauseMs)
  }
}

await Promise.all([record(), record(), record(), integrate()])
