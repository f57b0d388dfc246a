/** Milliseconds since the Unix epoch, from one replaceable source; tests script it. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
