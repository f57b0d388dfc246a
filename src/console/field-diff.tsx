import type { ReactNode } from 'react'
import { Value } from './text.tsx'
import { isScalars, kindOf, labelOf, lineOf, visible } from './visible-text.ts'
import type { ChangeView } from './views.ts'

type Field = ChangeView['fields'][number]

const verbs: Readonly<Record<ChangeView['effect'], string>> = {
  create: 'Creates',
  update: 'Changes',
  archive: 'Archives',
}

/** Every field of one object that a step touches, before and after. */
export function FieldDiff({ change }: { readonly change: ChangeView }): ReactNode {
  const shown = change.fields.filter(({ before, after }) => !(isUnsaid(before) && isUnsaid(after)))
  return (
    <section className="diff">
      <h4>
        {verbs[change.effect]} {kindOf(change.kind)}
        {change.name !== null && (
          <>
            {' '}
            <bdi className="name">{visible(change.name)}</bdi>
          </>
        )}{' '}
        <code className="faint">{visible(change.id)}</code>
      </h4>
      <dl>
        {shown.map((field) => (
          <div key={field.field}>
            <dt>{labelOf(field.field)}</dt>
            <dd>
              <Difference field={field} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

/** What an object has when nobody says anything is no news. */
function isUnsaid(value: unknown): boolean {
  return (
    value === null ||
    value === undefined ||
    value === '' ||
    (Array.isArray(value) && value.length === 0)
  )
}

function Difference({ field: { before, after } }: { readonly field: Field }): ReactNode {
  if (isScalars(before) && isScalars(after) && before.length + after.length > 0)
    return <ListDifference before={before} after={after} />
  return (
    <>
      {!isUnsaid(before) && (
        <del>
          <span className="unseen">before: </span>
          <Value>{before}</Value>
        </del>
      )}
      {!isUnsaid(before) && !isUnsaid(after) && (
        <span className="arrow" aria-hidden="true">
          →
        </span>
      )}
      {!(isUnsaid(after) && !isUnsaid(before)) && (
        <ins>
          <span className="unseen">after: </span>
          <Value>{after}</Value>
        </ins>
      )}
    </>
  )
}

interface ListDifferenceProps {
  readonly before: readonly unknown[]
  readonly after: readonly unknown[]
}

/** Both lists in one: what stays, what goes and what comes. */
function ListDifference({ before, after }: ListDifferenceProps): ReactNode {
  const [held, wanted] = [before.map(lineOf), after.map(lineOf)]
  return (
    <span className="items">
      {held.map((item, i) =>
        wanted.includes(item) ? (
          <bdi key={`held ${i}`}>{item}</bdi>
        ) : (
          <del key={`held ${i}`}>
            <bdi>{item}</bdi>
          </del>
        ),
      )}
      {wanted.map((item, i) =>
        held.includes(item) ? null : (
          <ins key={`wanted ${i}`}>
            <bdi>{item}</bdi>
          </ins>
        ),
      )}
    </span>
  )
}
