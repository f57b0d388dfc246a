import { useEffect, type ReactNode } from 'react'
import { AccessPage } from './access-page.tsx'
import { AskPage } from './ask-page.tsx'
import { AuditPage } from './audit-page.tsx'
import { Frame } from './frame.tsx'
import { Link, placeOf, usePath, type Place } from './location.tsx'
import { PlanPage } from './plan-page.tsx'
import { PlansPage } from './plans-page.tsx'
import { rememberZone, SessionProvider } from './session.tsx'
import { SignIn } from './sign-in.tsx'
import { TracePage } from './trace-page.tsx'
import { ZoneChoice } from './zone-choice.tsx'

export function App(): ReactNode {
  return (
    <SessionProvider signIn={(enter, ended) => <SignIn onEnter={enter} ended={ended} />}>
      <Place />
    </SessionProvider>
  )
}

const titles: Readonly<Record<Place['section'], string>> = {
  ask: 'Ask',
  plans: 'Plans',
  access: 'Access',
  audit: 'Audit',
}

function Place(): ReactNode {
  const path = usePath()
  const place = placeOf(path)
  const zone = place?.zone ?? null
  useEffect(() => {
    document.title =
      zone === null || place === null ? 'Caracal' : `${titles[place.section]} · Caracal`
    if (zone !== null) rememberZone(zone)
  }, [zone, place?.section])
  if (place === null) return <Lost />
  if (zone === null) return <ZoneChoice />
  return (
    <Frame place={place} zone={zone}>
      <Page place={place} zone={zone} />
    </Frame>
  )
}

interface PageProps {
  readonly place: Place
  readonly zone: string
}

/** A page is made anew for another zone or object: nothing of the one before is carried over. */
function Page({ place: { section, item }, zone }: PageProps): ReactNode {
  if (section === 'ask') return <AskPage key={zone} zone={zone} conversation={item} />
  if (section === 'access') return <AccessPage key={zone} zone={zone} />
  if (section === 'plans')
    return item === null ? (
      <PlansPage key={zone} zone={zone} />
    ) : (
      <PlanPage key={`${zone} ${item}`} zone={zone} planId={item} />
    )
  return item === null ? (
    <AuditPage key={zone} zone={zone} />
  ) : (
    <TracePage key={`${zone} ${item}`} zone={zone} requestId={item} />
  )
}

function Lost(): ReactNode {
  return (
    <main className="alone card" id="main">
      <h1>There is no such page</h1>
      <p>The address is not one of this console.</p>
      <p>
        <Link to="/console">Go to the start</Link>
      </p>
    </main>
  )
}
