import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { format } from 'prettier'
import { z } from 'zod'
import { sha256Hex } from '../src/kernel/canonical.ts'
import { fileOfTar } from '../src/kernel/tar.ts'

/** The contracts that are compiled: their sources, and what the service calls in them. */
const contracts = {
  decision: {
    sources: ['policies/decision.rego', 'policies/decision_input.rego'],
    entrypoints: ['caracal/authz/decision'],
  },
  operator: {
    sources: ['policies/operator.rego'],
    entrypoints: ['caracal/operator/mandate', 'caracal/operator/plan'],
  },
} as const

type Contract = keyof typeof contracts

const root = dirname(import.meta.dirname)
const manifestPath = join(root, 'policies', 'manifest.json')
const run = promisify(execFile)

const manifestEntry = z.strictObject({
  source_sha256: z.string(),
  wasm_sha256: z.string(),
  opa_version: z.string(),
  entrypoints: z.array(z.string()),
})

const manifestSchema = z.strictObject({ decision: manifestEntry, operator: manifestEntry })

/** The `opa` to use: `OPA_BIN`, or the one on the PATH. Null where there is none. */
export async function findOpa(): Promise<string | null> {
  const opa = process.env['OPA_BIN'] ?? 'opa'
  try {
    await run(opa, ['version'])
    return opa
  } catch {
    return null
  }
}

/**
 * Compiles every contract and writes its wasm and the manifest. At -O0: the higher levels evaluate
 * parts of a policy ahead of time under assumptions about data that do not hold here.
 */
export async function compilePolicies({ opa }: { readonly opa: string }): Promise<void> {
  const version = await opaVersion(opa)
  const entries = await Promise.all(
    contractNames().map(async (name) => {
      const wasm = await compile(opa, name)
      await writeFile(wasmPath(name), wasm)
      const hashes = { source_sha256: await sourceHash(name), wasm_sha256: sha256Hex(wasm) }
      return [
        name,
        { ...hashes, opa_version: version, entrypoints: contracts[name].entrypoints },
      ] as const
    }),
  )
  const manifest = JSON.stringify(Object.fromEntries(entries), null, 2)
  await writeFile(manifestPath, await format(manifest, { parser: 'json', printWidth: 100 }))
}

/**
 * What is wrong with the committed policies, in sentences; nothing when all is well. The hashes are
 * always checked. Where there is an `opa`, the sources are also checked, formatted, tested and, by
 * the very version that made the wasm, compiled again and compared byte for byte.
 */
export async function verifyPolicies(
  note: (text: string) => void = (text) => {
    console.log(text)
  },
): Promise<string[]> {
  const hashes = await verifyHashes()
  const opa = await findOpa()
  if (opa === null) {
    note('policies: no opa on this machine (OPA_BIN or PATH): only the hashes were checked')
    return hashes
  }
  return [...hashes, ...(await lint(opa)), ...(await verifyBytes(opa, note))]
}

/** Whether the manifest, the sources and the wasm belong together. */
export async function verifyHashes(): Promise<string[]> {
  const manifest = await readManifest()
  const problems = await Promise.all(
    contractNames().map(async (name) => {
      const entry = manifest[name]
      const [source, wasm] = await Promise.all([sourceHash(name), readFile(wasmPath(name))])
      return [
        source === entry.source_sha256 ||
          `the sources of policies/${name}.wasm have changed since; compile them again`,
        sha256Hex(wasm) === entry.wasm_sha256 ||
          `policies/${name}.wasm is not the one in manifest.json; compile it again`,
        entry.entrypoints.join() === contracts[name].entrypoints.join() ||
          `policies/manifest.json lists other entrypoints for ${name}; compile it again`,
      ].filter((outcome) => typeof outcome === 'string')
    }),
  )
  return problems.flat()
}

async function lint(opa: string): Promise<string[]> {
  const sources = contractNames().flatMap((name) => [
    ...contracts[name].sources,
    `policies/${name}_test.rego`,
  ])
  const outcomes = await Promise.all([
    attempt(opa, ['fmt', '--fail', '--list', ...sources]),
    attempt(opa, ['check', '--strict', ...sources]),
    attempt(opa, ['test', ...sources]),
  ])
  return outcomes.flat()
}

async function attempt(opa: string, args: readonly string[]): Promise<string[]> {
  try {
    await run(opa, args, { cwd: root })
    return []
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    return [`opa ${args[0] ?? ''} failed: ${`${stdout}${stderr}`.trim()}`]
  }
}

async function verifyBytes(opa: string, note: (text: string) => void): Promise<string[]> {
  const [manifest, version] = await Promise.all([readManifest(), opaVersion(opa)])
  const problems = await Promise.all(
    contractNames().map(async (name) => {
      const { opa_version: made } = manifest[name]
      if (made !== version) {
        note(`policies: ${name}.wasm was made by opa ${made}, here is ${version}: not compared`)
        return []
      }
      const committed = await readFile(wasmPath(name))
      if (committed.equals(await compile(opa, name))) return []
      return [`policies/${name}.wasm is not what opa ${version} makes of its source`]
    }),
  )
  return problems.flat()
}

/** The wasm of a contract. Run in the root with relative paths, which end up in the bytes. */
async function compile(opa: string, name: Contract): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'caracal-policy-'))
  try {
    const bundle = join(folder, 'bundle.tar.gz')
    const entrypoints = contracts[name].entrypoints.flatMap((entrypoint) => ['-e', entrypoint])
    const flags = ['build', '-t', 'wasm', '-O', '0', ...entrypoints, '-o', bundle]
    await run(opa, [...flags, ...contracts[name].sources], { cwd: root })
    return fileOfTar(gunzipSync(await readFile(bundle)), '/policy.wasm')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function opaVersion(opa: string): Promise<string> {
  const { stdout } = await run(opa, ['version'])
  const version = /^Version: (\S+)/m.exec(stdout)?.[1]
  if (version === undefined) throw new Error(`${opa} does not tell its version`)
  return version
}

async function readManifest(): Promise<z.infer<typeof manifestSchema>> {
  return manifestSchema.parse(JSON.parse(await readFile(manifestPath, 'utf8')))
}

function contractNames(): readonly Contract[] {
  return Object.keys(contracts) as Contract[]
}

/** The hash of a contract's sources, one after the other. */
async function sourceHash(name: Contract): Promise<string> {
  const sources = await Promise.all(
    contracts[name].sources.map((path) => readFile(join(root, path))),
  )
  return sha256Hex(Buffer.concat(sources))
}

function wasmPath(name: Contract): string {
  return join(root, 'policies', `${name}.wasm`)
}
