import { parseArgs } from 'node:util'
import { sections, type SectionName } from './sections-table.ts'
import type { Settings } from './settings.ts'

/** What a run of the benchmark was asked for. */
export interface Options extends Settings {
  readonly only: readonly SectionName[]
  readonly json: boolean
}

export const usage = `npm run bench -- [options]

  --only NAME        one of ${Object.keys(sections).join(', ')}; may be repeated
  --json             one JSON value in the place of the table
  --seconds N        length of each load on the token endpoint (10)
  --connections N    connections of that load (50)
  --rounds N         plans of each size (20)
  --starts N         starts on existing data (5)
  --exchanges N      mandates of the long load (100000)
  --profile FOLDER   writes CPU profiles of the service there; figures are then slower
`

/** Reads the command line; throws a `TypeError` that says what is wrong with it. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: Object.keys(sections) },
      json: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '10' },
      connections: { type: 'string', default: '50' },
      rounds: { type: 'string', default: '20' },
      starts: { type: 'string', default: '5' },
      exchanges: { type: 'string', default: '100000' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  return {
    only: values.only.map(sectionNamed),
    json: values.json,
    seconds: count('seconds', values.seconds),
    connections: count('connections', values.connections),
    rounds: count('rounds', values.rounds),
    starts: count('starts', values.starts),
    exchanges: count('exchanges', values.exchanges),
    profile: values.profile ?? null,
  }
}

function sectionNamed(name: string): SectionName {
  if (Object.hasOwn(sections, name)) return name as SectionName
  throw new TypeError(`--only takes ${Object.keys(sections).join(', ')}, not ${name}`)
}

/** More than anybody waits for. */
const most = 10_000_000

function count(option: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0 && value <= most) return value
  throw new TypeError(`--${option} takes a whole number from 1 to ${most}, not ${text}`)
}
