#!/usr/bin/env node
// Starts the command on the Node that the project brings, whatever Node has found this file; so it
// is plain JavaScript that Node 18 understands.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const nodeMajor = 24
const here = dirname(fileURLToPath(import.meta.url))

/** The sources where this is a checkout; the compiled files where it is an installed package. */
function entryFile() {
  const source = join(here, 'main.ts')
  const compiled = join(here, '..', '..', 'dist', 'src', 'cli', 'main.js')
  // Node runs no TypeScript below node_modules.
  const installed = here.split(sep).includes('node_modules')
  return existsSync(source) && !(installed && existsSync(compiled)) ? source : compiled
}

/** The Node of the npm package `node`; null where it is not installed. */
function pinnedNode() {
  try {
    const folder = dirname(nodeModule.createRequire(import.meta.url).resolve('node/package.json'))
    const names = ['node', 'node.exe'].map((name) => join(folder, 'bin', name))
    return names.find((path) => existsSync(path)) ?? null
  } catch {
    return null
  }
}

function launch(node, entry) {
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // The terminal has sent its interrupt to the child already; it decides what becomes of it.
    process.on(signal, () => signal !== 'SIGINT' && child.kill(signal))
  }
  child.on('error', (error) => {
    process.stderr.write(`error: Node ${nodeMajor} cannot be started: ${error.message}\n`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exitCode = code ?? 1
    else {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }
  })
}

// Most of a command's time is compiling, which Node since 22.1 can keep from one to the next.
nodeModule.enableCompileCache?.(join(here, '..', '..', 'node_modules', '.cache', 'caracal'))
const entry = entryFile()
if (Number(process.versions.node.split('.')[0]) >= nodeMajor) {
  await import(pathToFileURL(entry).href)
} else {
  const node = pinnedNode()
  if (node === null) {
    process.stderr.write(
      `error: Caracal runs on Node ${nodeMajor}, which "npm ci" brings along; this is Node ${process.versions.node}\n`,
    )
    process.exitCode = 1
  } else launch(node, entry)
}
