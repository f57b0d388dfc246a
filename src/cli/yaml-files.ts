import { readFileSync, writeFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'
import { CliError, exitCodes, usage } from './exit-codes.ts'
import type { Io } from './io.ts'

/** A value as YAML 1.2, as people edit it: long texts as blocks, no aliases. */
export function toYaml(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0, version: '1.2' }).trimEnd()
}

/** Reads YAML or JSON from a file, or from standard input for `-`. */
export async function readYaml(path: string, io: Io): Promise<unknown> {
  const text = path === '-' ? await io.readInput() : readText(path)
  try {
    return parse(text, { maxAliasCount: 0, uniqueKeys: true, version: '1.2' }) as unknown
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw usage(`${path === '-' ? 'Standard input' : path} is not YAML: ${why}`)
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw usage(`${path} cannot be read: ${whyOf(cause)}.`)
  }
}

/** Writes a text to a file, or as the result where no file is named. */
export function writeText(text: string, path: string | undefined, io: Io): void {
  if (path === undefined) {
    io.out(text)
    return
  }
  try {
    writeFileSync(path, `${text}\n`)
  } catch (cause) {
    const message = `${path} cannot be written: ${whyOf(cause)}.`
    throw new CliError(exitCodes.failure, 'file_not_written', message, { cause })
  }
  io.note(`Wrote ${path}.`)
}

function whyOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
