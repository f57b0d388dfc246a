import type { World } from '../world.ts'
import type { Plan } from './plans.ts'

/** What is there of a plan of an application, a resource and a grant, all read at one instant. */
export interface ApplyTrace {
  readonly state: string
  readonly objects: number
  /** Events of its steps. */
  readonly events: number
  /** Whether the event of the apply itself is there; a second apply leaves another. */
  readonly told: boolean
  readonly consumed: number
}

export const whole: ApplyTrace = {
  state: 'applied',
  objects: 3,
  events: 3,
  told: true,
  consumed: 1,
}

export const nothing: ApplyTrace = {
  state: 'approved',
  objects: 0,
  events: 0,
  told: false,
  consumed: 0,
}

/** Waits for what the server may still be doing on behalf of a lost process, and looks. */
export async function traceOf(world: World, { id, preview }: Plan): Promise<ApplyTrace> {
  await world.sql('select 1 from plans where id = $1 for update', [id])
  const ids = preview?.steps.flatMap(({ changes }) => changes.map((change) => change.id)) ?? []
  const [trace] = await world.sql<ApplyTrace & Record<string, unknown>>(
    `select state,
       (select count(*)::int from applications where id = any($2))
         + (select count(*)::int from resources where id = any($2))
         + (select count(*)::int from grants where id = any($2)) as objects,
       (select count(*)::int from events
        where plan_id = $1 and outcome = 'applied'
          and type in ('applications.create', 'resources.create', 'grants.create')) as events,
       exists (select from events
        where plan_id = $1 and outcome = 'applied' and type = 'plans.apply') as told,
       (select count(*)::int from approvals
        where plan_id = $1 and consumed_at is not null) as consumed
     from plans where id = $1`,
    [id, ids],
  )
  if (trace === undefined) throw new Error(`plan ${id} is gone`)
  return { ...trace }
}
