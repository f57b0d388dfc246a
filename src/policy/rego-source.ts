import { z } from 'zod'
import type { DocumentIssue } from './located.ts'

/** The first line of a Rego text that is data; any other Rego is code, which has to be compiled. */
const dataHeader = '# caracal:data-document'

export function isCustomRego(document: {
  readonly language: string
  readonly source: string
}): boolean {
  const [first = ''] = document.source.split('\n', 1)
  return document.language === 'rego' && first.trimEnd() !== dataHeader
}

/** The sets that custom Rego may define; what it leaves out says nothing. */
export const customSets = ['deny', 'require_approval'] as const

type CustomSet = (typeof customSets)[number]

/** What the syntax of a custom policy says, as far as it matters here. */
export interface RegoFacts {
  readonly defines: readonly CustomSet[]
  readonly readsContext: boolean
  readonly issues: readonly DocumentIssue[]
}

const location = z.looseObject({ row: z.int(), col: z.int() })
const rule = z.looseObject({
  default: z.boolean().optional(),
  head: z.looseObject({
    name: z.string().optional(),
    location,
    key: z.unknown().optional(),
    value: z.unknown().optional(),
    args: z.unknown().optional(),
  }),
})

/** The part of `opa parse --format json --json-include locations` that is read. */
const syntax = z.looseObject({
  package: z.looseObject({ location, path: z.array(z.looseObject({ value: z.unknown() })) }),
  rules: z.array(rule).default([]),
})

/** Reads the syntax tree of a source that has been checked. Throws where it is of another shape. */
export function readSyntax(tree: unknown): RegoFacts {
  const { package: named, rules } = syntax.parse(tree)
  const issues: DocumentIssue[] = []
  const note = ({ row, col }: z.output<typeof location>, path: string, message: string): void =>
    void issues.push({ line: row, column: Math.max(col, 1), path, message })
  if (named.path.map(({ value }) => value).join('.') !== 'data.caracal.authz')
    note(named.location, 'package', 'custom Rego is written in package caracal.authz')
  const ofSets = rules.filter(({ head }) => isSetName(head.name))
  for (const { head, default: isDefault } of ofSets)
    if (head.key === undefined || head.value !== undefined || isDefault === true)
      note(head.location, head.name ?? '', `write "${head.name ?? ''} contains message if { ... }"`)
  if (ofSets.length === 0) note(named.location, '', `expected rules for ${customSets.join(' or ')}`)
  const readings = refsIn(tree)
  for (const { path, place } of readings)
    if (path[0] === 'data' && !(path[1] === 'caracal' && path[2] === 'authz'))
      note(place, 'data', 'there is no data: what is known of a request is in input')
  return {
    defines: customSets.filter((name) => ofSets.some(({ head }) => head.name === name)),
    readsContext: readings.some(
      ({ path }) => path[0] === 'input' && (typeof path[1] !== 'string' || path[1] === 'context'),
    ),
    issues,
  }
}

function isSetName(name: string | undefined): name is CustomSet {
  return customSets.some((set) => set === name)
}

interface Reading {
  /** The root and what follows it, as far as it is constant; null stands for the rest. */
  readonly path: readonly (string | null)[]
  readonly place: z.output<typeof location>
}

const term = z.looseObject({ type: z.string(), value: z.unknown(), location })

/** Every place of a syntax tree that reads `input` or `data`, whole or in part. */
function refsIn(node: unknown): Reading[] {
  if (Array.isArray(node)) return node.flatMap(refsIn)
  if (typeof node !== 'object' || node === null) return []
  const read = term.safeParse(node)
  if (read.success) {
    const { type, value, location: place } = read.data
    if (type === 'var' && isRoot(value)) return [{ path: [value], place }]
    if (type === 'ref' && Array.isArray(value)) {
      const [first, ...rest] = value.map((part) => term.safeParse(part).data)
      if (first?.type === 'var' && isRoot(first.value)) {
        const path = rest.map((part) =>
          part?.type === 'string' && typeof part.value === 'string' ? part.value : null,
        )
        return [{ path: [first.value, ...path], place }, ...refsIn(value.slice(1))]
      }
    }
  }
  // The path of the package begins with `data` and reads nothing.
  return Object.entries(node).flatMap(([key, child]) => (key === 'package' ? [] : refsIn(child)))
}

function isRoot(value: unknown): value is 'input' | 'data' {
  return value === 'input' || value === 'data'
}
