import type { ReactNode } from 'react'
import { Failure } from './failure.tsx'
import type { Pages } from './pages.ts'

interface PagesViewProps {
  readonly zone: string
  readonly pages: Pages<unknown>
  /** What is said where the list is empty. */
  readonly empty: string
  readonly more: string
  readonly children: ReactNode
}

/** What stands around a list that is read by pages: that it loads, failed, is empty or goes on. */
export function PagesView({ zone, pages, empty, more, children }: PagesViewProps): ReactNode {
  const { items, failure, loading } = pages
  return (
    <>
      {items.length > 0 && children}
      {items.length === 0 && !loading && failure === null && <p className="empty">{empty}</p>}
      <p role="status" className={loading ? 'faint' : 'unseen'}>
        {loading ? 'Loading…' : `${items.length} shown${pages.more ? ', and there are more' : ''}`}
      </p>
      <Failure of={failure} zone={zone}>
        <button
          type="button"
          onClick={items.length > 0 && pages.more ? pages.readOn : pages.reload}
        >
          Try again
        </button>
      </Failure>
      {pages.more && failure === null && (
        <button type="button" onClick={pages.readOn} disabled={loading}>
          {more}
        </button>
      )}
    </>
  )
}
