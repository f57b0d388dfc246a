import { useEffect, useId, useRef, type ReactNode } from 'react'
import { Brand } from './brand.tsx'
import { useLoad } from './loading.ts'
import { goTo, Link, pathOf, sections, type Place, type Section } from './location.tsx'
import { useSession } from './session.tsx'
import { Name } from './text.tsx'
import { visible } from './visible-text.ts'
import { useZones } from './zones.ts'

interface FrameProps {
  readonly place: Place
  readonly zone: string
  readonly children: ReactNode
}

const names: Readonly<Record<Section, string>> = {
  ask: 'Ask',
  plans: 'Plans',
  access: 'Access',
  audit: 'Audit',
}

/** What stands around every page: where one is, where one can go, and the way out. */
export function Frame({ place, zone, children }: FrameProps): ReactNode {
  const { signOut } = useSession()
  const main = useRef<HTMLElement>(null)
  const path = pathOf({ ...place, item: place.section === 'ask' ? null : place.item })
  const before = useRef(path)
  useEffect(() => {
    if (before.current === path) return
    before.current = path
    // A screen reader goes on from the page that was opened, as it would after a full load.
    main.current?.focus({ preventScroll: true })
    window.scrollTo(0, 0)
  }, [path])
  return (
    <>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="bar">
        <Link to={pathOf({ zone, section: 'ask', item: null })} className="home">
          <Brand />
        </Link>
        <ZonePicker zone={zone} section={place.section} />
        <Navigation place={place} zone={zone} />
        <button type="button" className="quiet leave" onClick={signOut}>
          Sign out
        </button>
      </header>
      <main id="main" tabIndex={-1} ref={main}>
        {children}
      </main>
      <OperatorLine />
    </>
  )
}

function Navigation({ place, zone }: Omit<FrameProps, 'children'>): ReactNode {
  const { client } = useSession()
  // The count is read again with every page, so that it is true where one looks.
  const { value } = useLoad(`${zone} ${place.section} ${place.item ?? ''}`, (signal) =>
    client.zones.overview(zone, {}, { signal }),
  )
  const waiting = value?.counts.plans_awaiting_approval ?? 0
  return (
    <nav aria-label="Sections">
      {sections.map((section) => (
        <Link
          key={section}
          to={pathOf({ zone, section, item: null })}
          current={section === place.section}
        >
          {names[section]}
          {section === 'plans' && waiting > 0 && (
            <span className="count">
              {waiting}
              <span className="unseen"> waiting for approval</span>
            </span>
          )}
        </Link>
      ))}
    </nav>
  )
}

interface ZonePickerProps {
  readonly zone: string
  readonly section: Section
}

function ZonePicker({ zone, section }: ZonePickerProps): ReactNode {
  const field = useId()
  const { value } = useZones()
  const all = value?.all ?? null
  if (all === null)
    return (
      <span className="zone">
        Zone <Name>{zone}</Name>
      </span>
    )
  const current = all.find(({ slug, id }) => slug === zone || id === zone)
  return (
    <span className="zone">
      <label htmlFor={field}>Zone</label>
      <select
        id={field}
        value={current?.slug ?? ''}
        onChange={(event) => goTo(pathOf({ zone: event.target.value, section, item: null }))}
      >
        {current === undefined && <option value="">{visible(zone)}?</option>}
        {all.map(({ id, slug, name, system }) => (
          <option key={id} value={slug}>
            {visible(name)}
            {system ? ' (system)' : ''}
          </option>
        ))}
      </select>
    </span>
  )
}

function OperatorLine(): ReactNode {
  const { client } = useSession()
  const { value } = useLoad('operator', (signal) => client.operator.status({}, { signal }))
  return (
    <footer className="faint">
      {value !== null && (
        <>
          Operator: {visible(value.model)}
          {value.offline ? ', nothing leaves this machine' : ''}
          {value.ready ? '' : ' (not ready)'}
        </>
      )}
    </footer>
  )
}
