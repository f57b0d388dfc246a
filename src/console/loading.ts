import { useEffect, useRef, useState } from 'react'

/** What came of loading something. `value` stays while it is loaded anew under the same key. */
export interface Loaded<T> {
  readonly value: T | null
  readonly failure: unknown
  readonly loading: boolean
  readonly reload: () => void
  /** Puts an answer of the service in place of what was loaded. */
  readonly put: (value: T) => void
}

interface State<T> {
  readonly key: string
  readonly value: T | null
  readonly failure: unknown
  readonly loading: boolean
}

/** Loads what a key names whenever the key changes; an answer to an earlier key is dropped. */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [turn, setTurn] = useState(0)
  const [state, setState] = useState<State<T>>(() => begun(key))
  const latest = useRef(load)
  latest.current = load
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    setState((was) => (was.key === key ? { ...was, loading: true } : begun(key)))
    const finish = (end: Pick<State<T>, 'value' | 'failure'>): void => {
      if (!signal.aborted) setState({ key, loading: false, ...end })
    }
    latest.current(signal).then(
      (value) => finish({ value, failure: null }),
      (failure: unknown) => finish({ value: null, failure }),
    )
    return () => {
      controller.abort()
    }
  }, [key, turn])
  const shown = state.key === key ? state : begun<T>(key)
  return {
    value: shown.value,
    failure: shown.failure,
    loading: shown.loading,
    reload: () => setTurn((number) => number + 1),
    put: (value) => setState({ key, value, failure: null, loading: false }),
  }
}

function begun<T>(key: string): State<T> {
  return { key, value: null, failure: null, loading: true }
}

/** One act at a time, with what became of the last. */
export interface Acting {
  /** Name of the act that is under way, or null. */
  readonly busy: string | null
  readonly failure: unknown
  readonly run: (name: string, act: () => Promise<void>) => void
  readonly forget: () => void
}

export function useAction(): Acting {
  const [busy, setBusy] = useState<string | null>(null)
  const [failure, setFailure] = useState<unknown>(null)
  const underWay = useRef(false)
  const run = (name: string, act: () => Promise<void>): void => {
    if (underWay.current) return
    underWay.current = true
    setBusy(name)
    setFailure(null)
    act()
      .catch((error: unknown) => {
        setFailure(error)
      })
      .finally(() => {
        underWay.current = false
        setBusy(null)
      })
  }
  return { busy, failure, run, forget: () => setFailure(null) }
}
