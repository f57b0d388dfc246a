import { Command } from 'commander'
import { verifyGenerated, writeGenerated } from './generated.ts'

/** What is made from something else and committed: each check lists what is wrong, in sentences. */
const checks = [
  { name: 'generated files', problems: async () => verifyGenerated() },
  {
    name: 'policies',
    problems: async () => (await import('./policies.ts')).verifyPolicies(),
  },
] as const

async function verify(): Promise<void> {
  for (const { name, problems } of checks) {
    const found = await problems()
    console.log(`${name}: ${found.length === 0 ? 'ok' : `${found.length} wrong`}`)
    for (const problem of found) console.log(`  ${problem}`)
    if (found.length > 0) process.exitCode = 1
  }
}

async function generate(): Promise<void> {
  const changed = await writeGenerated()
  console.log(changed.length === 0 ? 'nothing to write' : `wrote ${changed.join(', ')}`)
}

const program = new Command('caracal-dev').description(
  'Keeps what is generated and committed true.',
)
program
  .command('verify')
  .description('check that generated files and compiled policies match their sources')
  .action(verify)
program.command('generate').description('write the generated files anew').action(generate)

await program.parseAsync()
