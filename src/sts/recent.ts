/** A map that keeps the entries used most recently. */
export interface Recent<K, V> {
  get(key: K): V | undefined
  set(key: K, value: V): void
  delete(key: K): void
  clear(): void
}

/** `max` entries at the most: what callers can make up must not grow without bound. */
export function createRecent<K, V>(max: number): Recent<K, V> {
  const entries = new Map<K, V>()
  return {
    get(key) {
      const value = entries.get(key)
      if (value === undefined) return undefined
      // A Map iterates in order of insertion, so the first is the one unused the longest.
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    set(key, value) {
      entries.delete(key)
      entries.set(key, value)
      for (const oldest of entries.keys()) {
        if (entries.size <= max) break
        entries.delete(oldest)
      }
    },
    delete: (key) => void entries.delete(key),
    clear: () => {
      entries.clear()
    },
  }
}
