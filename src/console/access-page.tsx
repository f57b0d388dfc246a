import { useState, type ReactNode } from 'react'
import { Chip } from './chips.tsx'
import { FilterField } from './filter-field.tsx'
import { useFilters } from './location.tsx'
import { PagesView } from './pages-view.tsx'
import { usePages } from './pages.ts'
import { useSession } from './session.tsx'
import { Table } from './table.tsx'
import { Name } from './text.tsx'
import { visible } from './visible-text.ts'
import type { AccessTuple } from './views.ts'

const head = [
  'Application',
  'For',
  'Resource',
  'Scope',
  'Verdict',
  'Depends on',
  'Because of',
] as const
const verdicts = [
  ['', 'All'],
  ['allow', 'Allowed'],
  ['approval', 'Each use needs an approval'],
  ['conditional', 'Denied now'],
] as const
const verdictTexts = {
  allow: 'allowed',
  approval: 'approval each time',
  conditional: 'denied now',
} as const
/** The whole list is read, so that a filter finds whatever is there; more than this by hand. */
const tuplesMax = 5_000
const rowsAtOnce = 200

interface TuplePage {
  readonly items: readonly AccessTuple[]
  readonly next_cursor: string | null
}

/** Who can do what in a zone, and what gives it to them. */
export function AccessPage({ zone }: { readonly zone: string }): ReactNode {
  const { client } = useSession()
  const [filters, setFilters] = useFilters()
  const [rowsMax, setRowsMax] = useState(rowsAtOnce)
  const words = filters.get('find') ?? ''
  const verdict = filters.get('verdict') ?? ''
  const pages = usePages('', async (cursor, signal) => {
    const items: AccessTuple[] = []
    let next: string | null | undefined = cursor
    do {
      const page: TuplePage = await client.access.list(
        zone,
        { limit: 500, ...(next !== undefined && { cursor: next }) },
        { signal },
      )
      items.push(...page.items)
      next = page.next_cursor
    } while (next !== null && items.length < tuplesMax)
    return { items, next_cursor: next }
  })
  const found = pages.items.filter(
    (tuple) => (verdict === '' || tuple.verdict === verdict) && holdsAll(tuple, words),
  )
  const rows = found.slice(0, rowsMax).map(rowOf)
  return (
    <>
      <div className="head">
        <h1>Access</h1>
        <div className="filters">
          <FilterField
            label="Find in any column"
            value={words}
            onValue={(value) => setFilters({ find: value })}
          />
          <FilterField
            label="Verdict"
            value={verdict}
            onValue={(value) => setFilters({ verdict: value })}
            options={verdicts}
          />
        </div>
      </div>
      <PagesView
        zone={zone}
        pages={pages}
        empty="Nobody can do anything here: no grant and no rule gives access."
        more="Read more access"
      >
        <p role="status" className="faint">
          {found.length} of {pages.items.length}
          {pages.more ? ' read so far' : ''}
        </p>
        {rows.length > 0 && <Table caption="Who can do what in the zone" head={head} rows={rows} />}
        {found.length > rowsMax && (
          <button type="button" onClick={() => setRowsMax(rowsMax + rowsAtOnce)}>
            Show more rows
          </button>
        )}
      </PagesView>
    </>
  )
}

/** Whether a tuple has each of the words somewhere. */
function holdsAll(tuple: AccessTuple, words: string): boolean {
  const text = [
    tuple.application_name,
    tuple.application_id,
    tuple.user_id ?? '',
    tuple.resource_name,
    tuple.resource_identifier,
    tuple.scope,
    ...tuple.rules,
    ...(tuple.depends_on ?? []),
  ]
    .join('\n')
    .toLowerCase()
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

function rowOf(tuple: AccessTuple): { readonly key: string; readonly cells: readonly ReactNode[] } {
  const { application_id, user_id, resource_id, scope, verdict } = tuple
  return {
    key: JSON.stringify([application_id, user_id, resource_id, scope, verdict]),
    cells: [
      <Name key="application">{tuple.application_name}</Name>,
      user_id === null ? (
        <span key="user" className="faint">
          itself
        </span>
      ) : (
        <Name key="user">{user_id}</Name>
      ),
      <span key="resource">
        <Name>{tuple.resource_name}</Name>{' '}
        <code className="faint">{visible(tuple.resource_identifier)}</code>
      </span>,
      <code key="scope">{visible(scope)}</code>,
      <Chip key="verdict" word={verdict} text={verdictTexts[verdict]} />,
      <code key="depends" className="faint">
        {visible((tuple.depends_on ?? []).join(', '))}
      </code>,
      <code key="rules" className="faint">
        {visible(tuple.rules.join(', '))}
      </code>,
    ],
  }
}
