import { parentPort } from 'node:worker_threads'
import * as library from '@open-policy-agent/opa-wasm'
import { limits } from '../kernel/limits.ts'
import type { CustomJob, CustomOutcome } from './custom-runner.ts'
import type { Evaluator } from './load.ts'

interface Library {
  readonly loadPolicySync: (
    wasm: Uint8Array,
    memory: { readonly initial: number; readonly maximum: number },
  ) => Evaluator
}

// The package's declarations know no default export, which is where this function is.
const { default: opa } = library as unknown as { readonly default: Library }
const { loadPolicySync: instantiate } = opa

/** Pages of 64 KiB: what an evaluation may use before it is aborted. */
const memory = {
  initial: 5,
  maximum: limits.customPolicyMemoryBytes / 65_536,
}

const modules = new Map<string, Uint8Array>()
const policies = new Map<string, Evaluator>()

parentPort?.on('message', ({ digest, wasm, inputs }: CustomJob) => {
  if (wasm !== undefined) modules.set(digest, wasm)
  parentPort?.postMessage(inputs.map((input) => evaluate(digest, input)))
})

parentPort?.postMessage('ready')

function evaluate(digest: string, input: unknown): CustomOutcome {
  try {
    const policy = policies.get(digest) ?? load(digest)
    policies.set(digest, policy)
    return outcomeOf(policy.evaluate(input, 'caracal/custom/answer'))
  } catch {
    // A trap or an abort, such as one for want of memory: the instance is not used again.
    policies.delete(digest)
    return 'custom_policy_failed'
  }
}

function load(digest: string): Evaluator {
  const wasm = modules.get(digest)
  if (wasm === undefined) throw new Error(`the module ${digest} was never sent`)
  return instantiate(wasm, memory)
}

function outcomeOf(results: unknown): CustomOutcome {
  const [first] = Array.isArray(results) ? (results as readonly unknown[]) : []
  const answer = field(field(first, 'result'), 'deny')
  const approvals = field(field(first, 'result'), 'require_approval')
  if (!isTexts(answer) || !isTexts(approvals)) return 'custom_policy_failed'
  return { deny: answer, require_approval: approvals }
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined
}

/** What a policy says ends in events and answers: a few short lines, or it says nothing. */
function isTexts(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= limits.customPolicyEntries &&
    value.every(
      (text) =>
        typeof text === 'string' &&
        text !== '' &&
        text.length <= limits.customPolicyTextChars &&
        !/\p{C}/u.test(text),
    )
  )
}
