import { useState, type ReactNode } from 'react'
import { On, Who } from './audit-page.tsx'
import { Chip } from './chips.tsx'
import { Failure } from './failure.tsx'
import { useAction, useLoad } from './loading.ts'
import { Link, pathOf } from './location.tsx'
import { useSession } from './session.tsx'
import { Code, Time, Value } from './text.tsx'
import { labelOf, visible } from './visible-text.ts'
import type { AuditEvent } from './views.ts'

interface TracePageProps {
  readonly zone: string
  readonly requestId: string
}

interface Explained {
  readonly explanation: string
  readonly smallest_change: string | null
}

/** The events of one request, in order, and why it was decided as it was. */
export function TracePage({ zone, requestId }: TracePageProps): ReactNode {
  const { client } = useSession()
  const input = { request_id: requestId }
  const trace = useLoad(requestId, (signal) => client.audit.byRequest(zone, input, { signal }))
  const [explained, setExplained] = useState<Explained | null>(null)
  const acting = useAction()
  const explain = async (): Promise<void> => {
    setExplained(await client.audit.explain(zone, input))
  }
  const items = trace.value?.items ?? []
  return (
    <>
      <p className="crumbs">
        <Link to={pathOf({ zone, section: 'audit', item: null })}>Audit</Link>
      </p>
      <div className="head">
        <h1>
          Request <Code>{requestId}</Code>
        </h1>
        {items.length > 0 && (
          <button
            type="button"
            disabled={acting.busy !== null}
            onClick={() => acting.run('explain', explain)}
          >
            Explain the decision
          </button>
        )}
      </div>
      {explained !== null && (
        <section className="card" role="status">
          <p dir="auto">{visible(explained.explanation)}</p>
          {explained.smallest_change !== null && (
            <p dir="auto">What would allow it: {visible(explained.smallest_change)}</p>
          )}
        </section>
      )}
      <Failure of={acting.failure} zone={zone} />
      <Failure of={trace.failure} zone={zone}>
        <button type="button" onClick={trace.reload}>
          Try again
        </button>
      </Failure>
      {trace.loading && items.length === 0 && <p role="status">Loading the events…</p>}
      {trace.value?.items.length === 0 && (
        <p className="empty">This zone has no event of that request.</p>
      )}
      <ol className="plain steps">
        {items.map((event) => (
          <Event key={event.id} event={event} zone={zone} />
        ))}
      </ol>
    </>
  )
}

/** Facts of an event that stand in its heading, or that another one says in words. */
const headed: ReadonlySet<string> = new Set([
  'id',
  'zone_id',
  'time',
  'type',
  'outcome',
  'actor',
  'on_behalf_of',
  'request_id',
  'target',
  'plan_id',
])

function Event({ event, zone }: { readonly event: AuditEvent; readonly zone: string }): ReactNode {
  const { diagnostics, ...rest } = event
  const facts = Object.entries({ ...rest, diagnostics }).filter(
    ([name, value]) => !headed.has(name) && says(value),
  )
  return (
    <li className="card">
      <div className="row">
        <h2>
          <code>{visible(event.type)}</code>
        </h2>
        <Chip word={event.outcome} />
        <span className="faint">
          <Time at={event.time} exact />
        </span>
      </div>
      <p>
        <Who event={event} />
        {event.target !== null && (
          <>
            {' on '}
            <On target={event.target} />
          </>
        )}
      </p>
      <dl className="facts">
        {event.plan_id !== null && (
          <div>
            <dt>plan</dt>
            <dd>
              <Link to={pathOf({ zone, section: 'plans', item: event.plan_id })}>
                <Code>{event.plan_id}</Code>
              </Link>
            </dd>
          </div>
        )}
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{labelOf(name)}</dt>
            <dd>
              <Value>{value}</Value>
            </dd>
          </div>
        ))}
      </dl>
    </li>
  )
}

/** Whether a fact is there at all; a list or an object without anything in it is not. */
function says(value: unknown): boolean {
  if (value === null || value === undefined) return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}
