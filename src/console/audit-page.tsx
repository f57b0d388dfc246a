import type { ReactNode } from 'react'
import { Chip } from './chips.tsx'
import { Request } from './failure.tsx'
import { FilterField } from './filter-field.tsx'
import { useFilters } from './location.tsx'
import { PagesView } from './pages-view.tsx'
import { usePages } from './pages.ts'
import { useSession } from './session.tsx'
import { Table } from './table.tsx'
import { Code, Name, Time } from './text.tsx'
import { kindOf, visible } from './visible-text.ts'
import type { AuditEvent } from './views.ts'

const outcomes: readonly AuditEvent['outcome'][] = ['allow', 'deny', 'applied', 'refused', 'failed']
const options = [['', 'Every outcome'] as const, ...outcomes.map((one) => [one, one] as const)]
const head = ['When', 'What', 'Outcome', 'Who', 'On', 'Request'] as const
const pageItems = 100
const texts = [
  ['type', 'Type'],
  ['application_id', 'Application id'],
  ['plan_id', 'Plan id'],
  ['request_id', 'Request id'],
] as const

/** The audit log of a zone, newest first. */
export function AuditPage({ zone }: { readonly zone: string }): ReactNode {
  const { client } = useSession()
  const [filters, setFilters] = useFilters()
  const filter = filterOf(filters)
  const pages = usePages(JSON.stringify(filter), (cursor, signal) =>
    client.audit.list(
      zone,
      { limit: pageItems, ...filter, ...(cursor !== undefined && { cursor }) },
      { signal },
    ),
  )
  return (
    <>
      <div className="head">
        <h1>Audit</h1>
        <button type="button" className="quiet" onClick={pages.reload}>
          Read again
        </button>
      </div>
      <div className="filters">
        <FilterField
          label="Outcome"
          value={filters.get('outcome') ?? ''}
          onValue={(value) => setFilters({ outcome: value })}
          options={options}
        />
        {(['from', 'to'] as const).map((edge) => (
          <FilterField
            key={edge}
            label={edge === 'from' ? 'From' : 'Before'}
            type="datetime-local"
            value={filters.get(edge) ?? ''}
            onValue={(value) => setFilters({ [edge]: value })}
          />
        ))}
        {texts.map(([name, label]) => (
          <FilterField
            key={name}
            label={label}
            value={filters.get(name) ?? ''}
            onValue={(value) => setFilters({ [name]: value.trim() })}
          />
        ))}
      </div>
      <PagesView zone={zone} pages={pages} empty="No event is like that." more="Show older events">
        <Table
          caption="Events of the zone"
          head={head}
          rows={pages.items.map((event) => rowOf(event, zone))}
        />
      </PagesView>
    </>
  )
}

/** The filters of the address as the service takes them; what is no time is left out. */
function filterOf(filters: URLSearchParams) {
  const outcome = outcomes.find((one) => one === filters.get('outcome'))
  const filter: Record<string, string> = {}
  for (const edge of ['from', 'to'] as const) {
    const time = new Date(filters.get(edge) ?? '')
    if (!Number.isNaN(time.getTime())) filter[edge] = time.toISOString()
  }
  for (const [name] of texts) {
    const value = filters.get(name)
    if (value !== null) filter[name] = value
  }
  return { ...filter, ...(outcome !== undefined && { outcome }) }
}

function rowOf(event: AuditEvent, zone: string) {
  return {
    key: event.id,
    cells: [
      <Time key="time" at={event.time} exact />,
      <Code key="type">{event.type}</Code>,
      <span key="outcome">
        <Chip word={event.outcome} />
        {event.reason !== null && <span className="reason">{visible(event.reason)}</span>}
      </span>,
      <Who key="who" event={event} />,
      event.target === null ? '–' : <On key="target" target={event.target} />,
      <Request key="request" id={event.request_id} zone={zone} />,
    ],
  }
}

/** Who acted, and for whom. */
export function Who({ event }: { readonly event: AuditEvent }): ReactNode {
  return (
    <span>
      <Name>{event.actor.name}</Name>
      {event.on_behalf_of !== null && (
        <>
          {' for '}
          <Name>{event.on_behalf_of.name}</Name>
        </>
      )}
    </span>
  )
}

interface OnProps {
  readonly target: NonNullable<AuditEvent['target']>
}

/** What an event is about. */
export function On({ target }: OnProps): ReactNode {
  return (
    <span title={target.id}>
      {kindOf(target.kind)} <Name>{target.name ?? target.id}</Name>
    </span>
  )
}
