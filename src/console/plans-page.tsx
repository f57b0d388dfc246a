import type { ReactNode } from 'react'
import { Chip } from './chips.tsx'
import { FilterField } from './filter-field.tsx'
import { Link, pathOf, useFilters } from './location.tsx'
import { PagesView } from './pages-view.tsx'
import { usePages } from './pages.ts'
import { useSession } from './session.tsx'
import { Table } from './table.tsx'
import { Name, Time } from './text.tsx'
import { labelOf, visible } from './visible-text.ts'
import type { PlanState } from './views.ts'

const states: readonly PlanState[] = [
  'pending_approval',
  'approved',
  'previewed',
  'stale',
  'applied',
  'failed',
  'rejected',
  'expired',
  'superseded',
]
const options = [['', 'Every state'] as const, ...states.map((one) => [one, labelOf(one)] as const)]
const head = ['Plan', 'State', 'Risk', 'Asked by', 'When'] as const
const pageItems = 50

/** The plans of a zone, newest first, in one state or all of them. */
export function PlansPage({ zone }: { readonly zone: string }): ReactNode {
  const { client } = useSession()
  const [filters, setFilters] = useFilters()
  const state = states.find((one) => one === filters.get('state'))
  const pages = usePages(state ?? '', (cursor, signal) =>
    client.plans.list(
      zone,
      {
        limit: pageItems,
        ...(state !== undefined && { state }),
        ...(cursor !== undefined && { cursor }),
      },
      { signal },
    ),
  )
  const rows = pages.items.map((plan) => ({
    key: plan.id,
    cells: [
      <Link key="plan" to={pathOf({ zone, section: 'plans', item: plan.id })}>
        <span dir="auto">{titleOf(plan)}</span>
      </Link>,
      <Chip key="state" word={plan.state} />,
      plan.risk === null ? '–' : <Chip key="risk" word={plan.risk} />,
      <Name key="requester">{plan.requester.name}</Name>,
      <Time key="time" at={plan.created_at} />,
    ],
  }))
  return (
    <>
      <div className="head">
        <h1>Plans</h1>
        <div className="filters">
          <FilterField
            label="State"
            value={state ?? ''}
            onValue={(value) => setFilters({ state: value })}
            options={options}
          />
        </div>
      </div>
      <PagesView
        zone={zone}
        pages={pages}
        empty={
          state === undefined
            ? 'No plans yet. Ask the Operator for a change, and its plan is here.'
            : `No plan is ${labelOf(state)}.`
        }
        more="Show older plans"
      >
        <Table caption="Plans of the zone" head={head} rows={rows} />
      </PagesView>
    </>
  )
}

function titleOf(plan: { readonly summary: string; readonly intent: string; readonly id: string }) {
  return visible([plan.summary, plan.intent, plan.id].find((text) => text !== '') ?? plan.id)
}
