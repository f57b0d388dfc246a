import type { ReactNode } from 'react'
import { accessGroups, expiriesOf, type AccessGroup } from './access-groups.ts'
import { Name, Time } from './text.tsx'
import { visible } from './visible-text.ts'
import type { PreviewView } from './views.ts'

const kinds = [
  ['gained', 'gains', '+', 'good'],
  ['lost', 'loses', '−', 'bad'],
  ['newly_gated', 'must from now on ask approval for', '!', 'warn'],
] as const

/** Who gains and who loses what, and who must ask from now on, as sentences. */
export function AccessChanges({ preview }: { readonly preview: PreviewView }): ReactNode {
  const until = expiriesOf(preview)
  const changes = kinds.flatMap(([kind, verb, sign, tone]) =>
    accessGroups(preview.access[kind], until).map((group) => ({ kind, verb, sign, tone, group })),
  )
  if (changes.length === 0) return <p className="faint">Nobody gains or loses access.</p>
  return (
    <ul className="changes plain">
      {changes.map(({ kind, verb, sign, tone, group }) => (
        <li key={`${kind} ${group.key}`}>
          <span className={`sign ${tone}`} aria-hidden="true">
            {sign}
          </span>
          <Sentence verb={verb} group={group} gains={kind === 'gained'} />
        </li>
      ))}
    </ul>
  )
}

interface SentenceProps {
  readonly verb: string
  readonly group: AccessGroup
  readonly gains: boolean
}

function Sentence({ verb, group, gains }: SentenceProps): ReactNode {
  return (
    <span>
      <Name>{group.application}</Name>
      {group.user !== null && (
        <>
          {' for '}
          <Name>{group.user}</Name>
        </>
      )}
      {` ${verb} `}
      <code>{visible(group.scopes.join(', '))}</code>
      {' on '}
      <Name>{group.resource}</Name>
      {group.identifier !== null && (
        <>
          {' ('}
          <code>{visible(group.identifier)}</code>)
        </>
      )}
      {group.until !== null && (
        <>
          {' until '}
          <Time at={group.until} />
        </>
      )}
      {gains && group.gated && '; each use needs an approval'}
      {group.dependsOn.length > 0 && (
        <>
          {'; denied now, depends on '}
          <code>{visible(group.dependsOn.join(', '))}</code>
        </>
      )}
    </span>
  )
}
