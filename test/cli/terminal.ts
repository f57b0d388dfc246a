import { PassThrough } from 'node:stream'
import { createIo, type Streams } from '../../src/cli/io.ts'
import { runCli } from '../../src/cli/program.ts'

/** What a run of the command left. */
export interface Ran {
  readonly exit: number
  readonly out: string
  readonly notes: string
  /** Standard output as the one JSON value that `--json` promises. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what the test asserts
  readonly json: any
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Standard input, all of it. */
  readonly input?: string
  /** A person at a terminal, who answers each question with the next of these lines. */
  readonly person?: readonly string[]
  readonly columns?: number
}

/** Runs the command in this process, as main.ts does, and answers all that it wrote. */
export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const terminal = options.person !== undefined
  const { streams, written } = openStreams(terminal, options.columns)
  const answers = [...(options.person ?? [])]
  if (terminal)
    streams.errors.on('data', (chunk: Buffer) => {
      if (!/(?:\[y\/N\]|Reason:) $/.test(chunk.toString())) return
      const answer = answers.shift()
      if (answer !== undefined) setImmediate(() => streams.input.write(`${answer}\n`))
    })
  else streams.input.end(options.input ?? '')
  const io = createIo(streams, false)
  const exit = await runCli(args, { env: options.env ?? {}, io, streams })
  return {
    exit,
    out: written.out.join(''),
    notes: written.errors.join(''),
    get json() {
      return JSON.parse(written.out.join('')) as unknown
    },
  }
}

type Pipes = { readonly [K in keyof Streams]: PassThrough & { isTTY?: boolean; columns?: number } }

export interface OpenedStreams {
  readonly streams: Pipes
  readonly written: { readonly out: string[]; readonly errors: string[] }
}

export function openStreams(terminal: boolean, columns = 100): OpenedStreams {
  const pipe = (): Pipes['output'] => Object.assign(new PassThrough(), { isTTY: terminal, columns })
  const streams: Pipes = { input: pipe(), output: pipe(), errors: pipe() }
  const written = { out: [] as string[], errors: [] as string[] }
  streams.output.on('data', (chunk: Buffer) => written.out.push(chunk.toString()))
  streams.errors.on('data', (chunk: Buffer) => written.errors.push(chunk.toString()))
  return { streams, written }
}
