import { useEffect, useId, useState, type ReactNode } from 'react'
import { Brand } from './brand.tsx'
import { Failure } from './failure.tsx'
import { goTo, Link, pathOf } from './location.tsx'
import { rememberedZone, useSession } from './session.tsx'
import { Name } from './text.tsx'
import type { ZoneView } from './views.ts'
import { useZones } from './zones.ts'

/** The start: it leads on to the zone that was used last, or else to the first. */
export function ZoneChoice(): ReactNode {
  const { signOut } = useSession()
  const zones = useZones()
  const next = zones.value === null ? null : firstOf(zones.value.all)
  useEffect(() => {
    if (next !== null) goTo(askIn(next), 'replace')
  }, [next])
  return (
    <main className="alone card" id="main">
      <h1>
        <Brand />
      </h1>
      {zones.loading && <p role="status">Loading the zones…</p>}
      <Failure of={zones.failure}>
        <button type="button" onClick={zones.reload}>
          Try again
        </button>
      </Failure>
      {zones.value?.all === null && <TypedZone />}
      {zones.value?.all?.length === 0 && (
        <p>There is no zone yet: make one with the command line.</p>
      )}
      <ul className="plain">
        {(next === null ? (zones.value?.all ?? []) : []).map((zone) => (
          <li key={zone.id}>
            <Link to={askIn(zone.slug)}>
              <Name>{zone.name}</Name>
            </Link>
          </li>
        ))}
      </ul>
      <p>
        <button type="button" className="quiet" onClick={signOut}>
          Sign out
        </button>
      </p>
    </main>
  )
}

function firstOf(zones: readonly ZoneView[] | null): string | null {
  const remembered = rememberedZone()
  if (zones === null) return null
  const open = zones.filter((zone) => !zone.system)
  const found =
    zones.find(({ slug, id }) => slug === remembered || id === remembered) ??
    open.find(({ slug }) => slug === 'default') ??
    open[0]
  return found?.slug ?? null
}

/** A token of one zone cannot list zones, so its holder says which. */
function TypedZone(): ReactNode {
  const [zone, setZone] = useState(rememberedZone() ?? '')
  const field = useId()
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (zone.trim() !== '') goTo(askIn(zone.trim()))
      }}
    >
      <label htmlFor={field}>Zone of your token, by short name or id</label>
      <input
        id={field}
        required
        autoFocus
        spellCheck={false}
        value={zone}
        onChange={(event) => setZone(event.target.value)}
      />
      <button type="submit" className="primary">
        Go on
      </button>
    </form>
  )
}

function askIn(zone: string): string {
  return pathOf({ zone, section: 'ask', item: null })
}
