import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { sha256Hex } from '../kernel/canonical.ts'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { packageFile } from '../kernel/package-root.ts'
import { fileOfTar } from '../kernel/tar.ts'
import { customBuiltins } from './custom-builtins-table.ts'
import { refuseDocument } from './documents.ts'
import type { DocumentIssue } from './located.ts'
import { customSets, readSyntax, type RegoFacts } from './rego-source.ts'

export interface CompiledRego {
  /** Content hash of the wasm, as `sha256:<hex>`. */
  readonly digest: string
  readonly wasm: Buffer
  readonly readsContext: boolean
}

export interface RegoCompiler {
  /**
   * Compiles custom Rego. Refuses with `invalid_document`, whose issues have line and column, and
   * with `rego_compiler_unavailable` where there is no `opa`.
   */
  compile(source: string): Promise<CompiledRego>
}

const run = promisify(execFile)
const compiledKept = 64

/** `opaBin` is the path of the `opa` CLI; null where there is none. */
export function createRegoCompiler(opaBin: string | null): RegoCompiler {
  const compiled = new Map<string, CompiledRego>()
  let last: Promise<unknown> = Promise.resolve()

  async function once(source: string): Promise<CompiledRego> {
    const hash = sha256Hex(source)
    const known = compiled.get(hash)
    if (known !== undefined) return known
    const made = await compile(opaBin, source)
    if (compiled.size >= compiledKept) compiled.clear()
    compiled.set(hash, made)
    return made
  }

  return {
    compile(source) {
      // One after the other: a compiler takes a processor and some memory.
      const mine = last.then(() => once(source))
      last = mine.catch(() => undefined)
      return mine
    },
  }
}

async function compile(opaBin: string | null, source: string): Promise<CompiledRego> {
  refusePlainly(source)
  if (opaBin === null)
    refuse(
      'rego_compiler_unavailable',
      'Custom Rego needs the opa CLI: get it from https://www.openpolicyagent.org, put it on the ' +
        'PATH of the service or name it in OPA_BIN, and restart. Data documents need no compiler.',
    )
  const folder = await mkdtemp(join(tmpdir(), 'caracal-rego-'))
  const opa = (...args: string[]) => callOpa(opaBin, folder, args)
  try {
    await writeFile(join(folder, 'policy.rego'), source)
    await writeFile(join(folder, 'capabilities.json'), await capabilities(opa))
    await check(opa)
    const tree = await opa(
      'parse',
      '--format',
      'json',
      '--json-include',
      'locations',
      'policy.rego',
    )
    const facts = readSyntax(JSON.parse(tree))
    if (facts.issues.length > 0) refuseDocument(facts.issues)
    await writeFile(join(folder, 'answer.rego'), entrypoint(facts))
    await opa(...buildFlags, 'policy.rego', 'answer.rego')
    const bundle = gunzipSync(await readFile(join(folder, 'bundle.tar.gz')), {
      maxOutputLength: 4 * limits.customPolicyWasmBytes,
    })
    const wasm = Buffer.from(fileOfTar(bundle, '/policy.wasm'))
    if (wasm.byteLength > limits.customPolicyWasmBytes)
      refuseAt(1, `it compiles to ${wasm.byteLength} bytes, of ${limits.customPolicyWasmBytes}`)
    return { digest: `sha256:${sha256Hex(wasm)}`, wasm, readsContext: facts.readsContext }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** At -O0: the higher levels were measured to evaluate ahead of time what is not known yet. */
const buildFlags = [
  ...['build', '--target', 'wasm', '--optimize', '0', '--capabilities', 'capabilities.json'],
  ...['--entrypoint', 'caracal/custom/answer', '--output', 'bundle.tar.gz'],
]

/** What needs no compiler to be refused. */
function refusePlainly(source: string): void {
  const bytes = Buffer.byteLength(source)
  if (bytes > limits.customPolicyBytes)
    refuseAt(1, `custom Rego has ${bytes} bytes; the limit is ${limits.customPolicyBytes}`)
  if (!/^\s*package\s+caracal\.authz\s*(?:#.*)?$/m.test(source))
    refuseAt(
      1,
      'expected "package caracal.authz"; a data document begins with "# caracal:data-document"',
    )
}

function refuseAt(line: number, message: string): never {
  return refuseDocument([{ line, column: 1, path: '', message }])
}

/** The compiler knows of no builtin but those that are allowed, and of no host to call. */
async function capabilities(opa: Opa): Promise<string> {
  const all = z
    .looseObject({ builtins: z.array(z.looseObject({ name: z.string() })) })
    .parse(JSON.parse(await opa('capabilities', '--current')))
  const builtins = all.builtins.filter(({ name }) => customBuiltins.has(name))
  return JSON.stringify({ ...all, builtins, allow_net: [] })
}

const checked = z.looseObject({
  errors: z.array(
    z.looseObject({
      message: z.string(),
      location: z.looseObject({ row: z.int(), col: z.int() }).optional(),
    }),
  ),
})

/** Syntax, types and builtins; a path of the input that does not exist is an error, not a silence. */
async function check(opa: Opa): Promise<void> {
  const schema = packageFile('policies', 'custom-input.schema.json')
  const flags = ['--format', 'json', '--capabilities', 'capabilities.json', '--schema', schema]
  try {
    await opa('check', ...flags, 'policy.rego')
  } catch (error) {
    const { stderr } = error as { stderr?: unknown }
    const said = checked.safeParse(typeof stderr === 'string' ? parsed(stderr) : null)
    if (!said.success) throw error
    refuseDocument(said.data.errors.map(issueOf))
  }
}

function issueOf({ message, location }: z.output<typeof checked>['errors'][number]): DocumentIssue {
  return { line: location?.row ?? 1, column: Math.max(location?.col ?? 1, 1), path: '', message }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** What is evaluated: both sets, empty where the policy does not define them. */
function entrypoint({ defines }: RegoFacts): string {
  const fields = customSets.map((set) =>
    defines.includes(set) ? `"${set}": data.caracal.authz.${set}` : `"${set}": set()`,
  )
  return `package caracal.custom\n\nanswer := {${fields.join(', ')}}\n`
}

type Opa = (...args: string[]) => Promise<string>

/** No shell, no environment, a folder of its own, and an end. */
async function callOpa(opaBin: string, cwd: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(opaBin, args, {
      cwd,
      env: {},
      timeout: limits.customPolicyCompileMs,
      killSignal: 'SIGKILL',
      maxBuffer: 16 * 1_048_576,
    })
    return stdout
  } catch (error) {
    const { code, killed } = error as { code?: unknown; killed?: boolean }
    if (code === 'ENOENT' || code === 'EACCES')
      refuse('rego_compiler_unavailable', 'The opa CLI that OPA_BIN names cannot be run.', {
        cause: error,
      })
    if (killed === true) refuseAt(1, 'it takes the compiler too long; make it simpler')
    throw error
  }
}
