import type { Figure } from './figure.ts'
import { readOptions, usage, type Options } from './options.ts'
import { machine, table } from './report.ts'
import { sections } from './sections-table.ts'

/** Runs the sections one after the other, so that none is in another's way. */
async function run(options: Options): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const name of options.only) {
    process.stderr.write(`bench: ${name}\n`)
    figures.push(...(await sections[name](options)))
  }
  return figures
}

/** The options; null where there is nothing to run, and the usage has been printed. */
function optionsOrUsage(): Options | null {
  try {
    const options = readOptions(process.argv.slice(2))
    if (options !== 'help') return options
    process.stdout.write(usage)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    process.stderr.write(`bench: ${error.message}\n\n${usage}`)
    process.exitCode = 2
  }
  return null
}

const options = optionsOrUsage()
if (options !== null) {
  const facts = { machine: machine(), date: new Date().toISOString().slice(0, 10) }
  const figures = await run(options)
  if (options.json) console.log(JSON.stringify({ ...facts, figures }))
  else console.log(`\n${facts.date} · ${facts.machine}\n\n${table(figures)}`)
}
