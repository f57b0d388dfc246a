import type { ReactNode } from 'react'
import type { Utterance } from './conversation.ts'
import { Link, pathOf, type Section } from './location.tsx'
import { kindOf, visible } from './visible-text.ts'

interface SourcesProps {
  readonly zone: string
  readonly of: Pick<Utterance, 'citations' | 'unverifiedIds'>
}

/** What an answer rests on, and the ids in it that nothing bears out: the platform says both. */
export function Sources({ zone, of }: SourcesProps): ReactNode {
  const { citations, unverifiedIds } = of
  return (
    <>
      {citations.length > 0 && (
        <details className="sources">
          <summary>Sources: {citations.length}</summary>
          <ul className="plain" aria-label="Sources">
            {citations.map(({ kind, id, name }) => (
              <li key={id}>
                {kindOf(kind)} {name !== null && <b>{visible(name)}</b>}{' '}
                <Reference zone={zone} kind={kind} id={id} />
              </li>
            ))}
          </ul>
        </details>
      )}
      {unverifiedIds.length > 0 && (
        <p className="unverified">
          <span className="chip warn">not verified</span> No tool returned{' '}
          {unverifiedIds.map((id) => (
            <code key={id}>{visible(id)} </code>
          ))}
        </p>
      )}
    </>
  )
}

/** The pages that show one object of a kind. */
const sections: Readonly<Record<string, Section>> = { plan: 'plans', request: 'audit' }

function Reference(props: {
  readonly zone: string
  readonly kind: string
  readonly id: string
}): ReactNode {
  const { zone, kind, id } = props
  const section = Object.hasOwn(sections, kind) ? sections[kind] : undefined
  if (section === undefined) return <code>{id}</code>
  return <Link to={pathOf({ zone, section, item: id })}>{id}</Link>
}
