import { createContext, use, useMemo, useRef, useState, type ReactNode } from 'react'
import { createAdminClient, type AdminClient } from '../client/admin-client.ts'
import type { OneTimeSecret } from './views.ts'

/** A person at the console. The token lives as long as the tab and is sent to this origin alone. */
export interface Session {
  readonly client: AdminClient
  readonly signOut: () => void
  /** Secrets that were shown and not yet put away, by plan; they are nowhere but in this memory. */
  readonly secrets: ReadonlyMap<string, readonly OneTimeSecret[]>
  readonly keepSecrets: (planId: string, secrets: readonly OneTimeSecret[]) => void
}

const tokenKey = 'caracal.token'
const zoneKey = 'caracal.zone'
const SessionContext = createContext<Session | null>(null)

export function useSession(): Session {
  const session = use(SessionContext)
  if (session === null) throw new Error('there is no session here')
  return session
}

/** The client of a token; `onRefused` is told when the service no longer takes it. */
export function clientOf(token: string, onRefused: () => void): AdminClient {
  return createAdminClient({
    apiUrl: location.origin,
    adminToken: token,
    fetch: async (input, init) => {
      const response = await fetch(input, init)
      if (response.status === 401) onRefused()
      return response
    },
  })
}

export function rememberedZone(): string | null {
  return sessionStorage.getItem(zoneKey)
}

export function rememberZone(zone: string): void {
  sessionStorage.setItem(zoneKey, zone)
}

interface ProviderProps {
  readonly children: ReactNode
  /** What is shown to whoever has not signed in; `ended` says that the service ended a session. */
  readonly signIn: (enter: (token: string) => void, ended: boolean) => ReactNode
}

export function SessionProvider({ children, signIn }: ProviderProps): ReactNode {
  const [token, setToken] = useState(() => sessionStorage.getItem(tokenKey))
  const [secrets, setSecrets] = useState<Session['secrets']>(new Map())
  const ended = useRef(false)
  const session = useMemo<Session | null>(() => {
    if (token === null) return null
    const leave = (byService: boolean): void => {
      ended.current = byService
      sessionStorage.removeItem(tokenKey)
      setSecrets(new Map())
      setToken(null)
    }
    return {
      client: clientOf(token, () => {
        leave(true)
      }),
      signOut: () => {
        leave(false)
      },
      secrets,
      keepSecrets: (planId, made) => {
        setSecrets((held) => {
          const others = [...held].filter(([id]) => id !== planId)
          return new Map(made.length === 0 ? others : [...others, [planId, made]])
        })
      },
    }
  }, [token, secrets])
  const enter = (given: string): void => {
    sessionStorage.setItem(tokenKey, given)
    setToken(given)
  }
  if (session === null) return signIn(enter, ended.current)
  return <SessionContext value={session}>{children}</SessionContext>
}
