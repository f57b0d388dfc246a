import { hashBytes } from './merkle.ts'

/** What a log says of itself: so many events, and this root over them. */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
}

/** The text that is signed: three lines (C2SP tlog-checkpoint). */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** Reads the text of a checkpoint, whose extension lines are let be; null where it is none. */
export function parseCheckpoint(text: string): Checkpoint | null {
  const [origin = '', digits = '', base64 = '', ...rest] = text.split('\n')
  const root = Buffer.from(base64, 'base64')
  const size = /^(?:0|[1-9][0-9]{0,15})$/.test(digits) ? Number(digits) : Number.NaN
  if (origin === '' || !Number.isSafeInteger(size) || rest.at(-1) !== '') return null
  if (root.length !== hashBytes || root.toString('base64') !== base64) return null
  return { origin, size, root }
}
