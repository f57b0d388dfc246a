import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { packageFile } from '../../src/kernel/package-root.ts'

const json = z.record(z.string(), z.unknown())

/** A file of `policies/cases/`; its format is described in policies/README.md. */
const caseFile = z.strictObject({
  entrypoint: z.enum([
    'caracal/authz/decision',
    'caracal/operator/mandate',
    'caracal/operator/plan',
  ]),
  base: json,
  bases: z.record(z.string(), json).default({}),
  cases: z.array(
    z.strictObject({
      name: z.string(),
      base: z.string().optional(),
      input: json.default({}),
      drop: z.array(z.string()).default([]),
      expect: json,
    }),
  ),
})

export interface PolicyCase {
  readonly file: string
  readonly name: string
  readonly entrypoint: z.infer<typeof caseFile>['entrypoint']
  readonly input: unknown
  readonly expect: Readonly<Record<string, unknown>>
}

export function loadCases(): PolicyCase[] {
  const folder = packageFile('policies', 'cases')
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => casesOf(file, readFileSync(join(folder, file), 'utf8')))
}

function casesOf(file: string, text: string): PolicyCase[] {
  const { entrypoint, base, bases, cases } = caseFile.parse(parse(text))
  return cases.map(({ name, base: named, input, drop, expect }) => {
    if (named !== undefined && bases[named] === undefined)
      throw new Error(`${file}: no base ${named}`)
    const whole = overlay(overlay(base, named === undefined ? {} : bases[named]), input)
    for (const path of drop) remove(whole, path.split('.'))
    return { file, name, entrypoint, input: whole, expect }
  })
}

/** Maps are laid over maps key by key; anything else replaces what was there. */
function overlay(under: unknown, over: unknown): unknown {
  if (!isMap(under) || !isMap(over)) return structuredClone(over)
  const keys = [...new Set([...Object.keys(under), ...Object.keys(over)])]
  return Object.fromEntries(
    keys.map((key) => [
      key,
      Object.hasOwn(over, key) ? overlay(under[key], over[key]) : structuredClone(under[key]),
    ]),
  )
}

function remove(value: unknown, [first = '', ...rest]: readonly string[]): void {
  if (!isMap(value) || !Object.hasOwn(value, first)) throw new Error(`nothing to drop at ${first}`)
  if (rest.length > 0) remove(value[first], rest)
  else Reflect.deleteProperty(value, first)
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
