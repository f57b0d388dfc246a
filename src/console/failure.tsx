import type { ReactNode } from 'react'
import { CaracalError } from '../client/caracal-error.ts'
import { hints } from './hints-table.ts'
import { Link, pathOf } from './location.tsx'
import { Code } from './text.tsx'
import { visible } from './visible-text.ts'

interface FailureProps {
  readonly of: unknown
  /** Where the trace of the request can be read. */
  readonly zone?: string | null
  readonly children?: ReactNode
}

/** What went wrong, its code, the request's id, and what to do next. */
export function Failure({ of, zone = null, children }: FailureProps): ReactNode {
  if (of === null || of === undefined) return null
  const error = of instanceof CaracalError ? of : null
  const message = of instanceof Error ? of.message : 'Something went wrong in this page.'
  const hint = error !== null && Object.hasOwn(hints, error.code) ? hints[error.code] : undefined
  return (
    <div className="failure" role="alert">
      <p>
        <strong>{visible(message)}</strong>
      </p>
      {error !== null && <Issues of={error.details.issues} />}
      {hint !== undefined && <p>{hint}</p>}
      {error !== null && (
        <p className="faint">
          <Code>{error.code}</Code>
          {error.requestId !== null && (
            <>
              {' · request '}
              <Request id={error.requestId} zone={zone} />
            </>
          )}
        </p>
      )}
      {children !== undefined && <div className="row">{children}</div>}
    </div>
  )
}

interface RequestProps {
  readonly id: string
  readonly zone: string | null
}

/** A request's id, as a link to its trace where the zone is known. */
export function Request({ id, zone }: RequestProps): ReactNode {
  if (zone === null) return <Code>{id}</Code>
  return (
    <Link to={pathOf({ zone, section: 'audit', item: id })}>
      <Code>{id}</Code>
    </Link>
  )
}

/** The single faults of an input, where there is more than the message tells. */
function Issues({ of: issues }: { readonly of: unknown }): ReactNode {
  if (!Array.isArray(issues) || issues.length < 2) return null
  return (
    <ul>
      {(issues as readonly { path?: unknown; message?: unknown }[]).map((issue, i) => (
        <li key={i}>{visible(`${String(issue.path)}: ${String(issue.message)}`)}</li>
      ))}
    </ul>
  )
}
