import { Command } from 'commander'
import { verifyGenerated, writeGenerated } from './generated.ts'
import { compilePolicies, findOpa, verifyHashes, verifyPolicies } from './policies.ts'

interface Kind {
  readonly name: string
  /** What is wrong with the committed files, in sentences. */
  readonly verify: () => Promise<readonly string[]>
  /** Makes the files anew where their sources have changed; the paths of what it wrote. */
  readonly generate: () => Promise<readonly string[]>
}

/** Everything that is made from something else and committed. */
const kinds: readonly Kind[] = [
  { name: 'policies', verify: () => verifyPolicies(), generate: compileChangedPolicies },
  { name: 'generated files', verify: () => verifyGenerated(), generate: () => writeGenerated() },
]

/** Another version of `opa` gives other bytes, so policies that have not changed stay as they are. */
async function compileChangedPolicies(): Promise<readonly string[]> {
  if ((await verifyHashes()).length === 0) return []
  const opa = await findOpa()
  if (opa === null)
    throw new Error('policies have changed: put `opa` on the PATH or name it in OPA_BIN')
  await compilePolicies({ opa })
  return ['policies/*.wasm', 'policies/manifest.json']
}

async function verify(): Promise<void> {
  for (const kind of kinds) {
    const problems = await kind.verify()
    console.log(`${kind.name}: ${problems.length === 0 ? 'ok' : `${problems.length} wrong`}`)
    for (const problem of problems) console.log(`  ${problem}`)
    if (problems.length > 0) process.exitCode = 1
  }
}

async function generate(): Promise<void> {
  for (const kind of kinds) {
    const written = await kind.generate()
    console.log(
      `${kind.name}: ${written.length === 0 ? 'unchanged' : `wrote ${written.join(', ')}`}`,
    )
  }
}

const program = new Command('caracal-dev').description(
  'Keeps what is generated and committed true.',
)
program
  .command('verify')
  .description('check that generated files and compiled policies match their sources')
  .action(verify)
program
  .command('generate')
  .description('write the generated files anew, and compile changed policies')
  .action(generate)

try {
  await program.parseAsync()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
