import { useId, useState, type ReactNode } from 'react'
import { Brand } from './brand.tsx'
import { Failure } from './failure.tsx'
import { useAction } from './loading.ts'
import { clientOf } from './session.tsx'

interface SignInProps {
  readonly onEnter: (token: string) => void
  /** Whether the service has ended the session before. */
  readonly ended: boolean
}

export function SignIn({ onEnter, ended }: SignInProps): ReactNode {
  const [token, setToken] = useState('')
  const field = useId()
  const acting = useAction()
  const given = token.trim()
  const enter = async (): Promise<void> => {
    // Every token may ask for the Operator's status, so the answer says whether it is one.
    await clientOf(given, () => undefined).operator.status()
    onEnter(given)
  }
  return (
    <main className="alone card" id="main">
      <h1>
        <Brand />
      </h1>
      {ended && acting.failure === null && (
        <p className="note warn" role="status">
          The service no longer takes the token you had: it was revoked, rotated or has expired.
        </p>
      )}
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          if (given !== '') acting.run('enter', enter)
        }}
      >
        <label htmlFor={field}>Admin token</label>
        <input
          id={field}
          type="password"
          autoComplete="off"
          spellCheck={false}
          autoFocus
          required
          placeholder="cat_…"
          value={token}
          onChange={(event) => setToken(event.target.value)}
        />
        <p className="faint">
          The first one lies in the file that the service names when it starts. It is kept in this
          tab only, until you sign out or close it.
        </p>
        <button type="submit" className="primary" disabled={acting.busy !== null}>
          {acting.busy === null ? 'Sign in' : 'Signing in…'}
        </button>
      </form>
      <Failure of={acting.failure} />
    </main>
  )
}
