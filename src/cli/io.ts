import { createInterface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'
import pc from 'picocolors'
import type { Colors } from 'picocolors/types.js'

/** Where a command reads and writes. Results go to `out`; everything about them goes to `note`. */
export interface Io {
  /** Writes a piece of the result, with a line end, to standard output. */
  out(text: string): void
  /** Writes a line about the work to standard error. */
  note(text: string): void
  /** Asks a person; null where there is none or they end the input. */
  ask(question: string): Promise<string | null>
  /** All of standard input, for `-`. */
  readInput(): Promise<string>
  /** Whether a person sees the output and can answer. */
  readonly interactive: boolean
  readonly columns: number
  readonly paint: Colors
  /** Redraws the last line of standard error; null where that is no terminal. */
  readonly redraw: ((text: string) => void) | null
}

export interface Streams {
  readonly input: Readable & { readonly isTTY?: boolean }
  readonly output: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly errors: Writable & { readonly isTTY?: boolean }
}

/** A table narrower than this is no table any more. */
const columnsMin = 40
const columnsDefault = 140

export function createIo({ input, output, errors }: Streams, color: boolean): Io {
  const terminal = output.isTTY === true
  return {
    interactive: terminal && input.isTTY === true,
    columns: Math.max(columnsMin, terminal ? (output.columns ?? columnsDefault) : columnsDefault),
    paint: pc.createColors(color && terminal),
    out: (text) => {
      output.write(`${text}\n`)
    },
    note: (text) => {
      errors.write(`${text}\n`)
    },
    ask: (question) => askOn(input, errors, question),
    readInput: () => readAll(input),
    redraw: errors.isTTY === true ? (text) => errors.write(`\r\u001b[2K${text}`) : null,
  }
}

/** Asks on standard error, so that a result that is piped elsewhere stays clean. */
async function askOn(input: Readable, errors: Writable, question: string): Promise<string | null> {
  const reader = createInterface({ input, output: errors })
  const ended = new Promise<null>((resolve) => reader.once('close', () => resolve(null)))
  try {
    return await Promise.race([reader.question(question), ended])
  } catch {
    return null
  } finally {
    reader.close()
  }
}

async function readAll(input: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of input) chunks.push(Buffer.from(chunk as Buffer | string))
  return Buffer.concat(chunks).toString('utf8')
}

/** Whether a person said yes, and nothing else. */
export function isYes(answer: string | null): boolean {
  return /^\s*y(?:es)?\s*$/i.test(answer ?? '')
}
