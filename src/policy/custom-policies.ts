import type { Id } from '../kernel/ids.ts'
import type { Documents } from './document-schemas.ts'

/** A policy of custom Rego in a policy set version. */
export interface CustomModule {
  readonly policyVersionId: Id<'policyVersion'>
  /** Content hash of its wasm, as `sha256:<hex>`. */
  readonly digest: string
  /** Whether its answer may hang on where a request comes from, and through how many hops. */
  readonly readsContext: boolean
}

/** The custom Rego of a policy set version, with the way to its wasm. */
export interface CustomPolicies {
  readonly modules: readonly CustomModule[]
  /** The wasm of a digest; rejects where it is missing or is not what the digest says. */
  readonly load: (digest: string) => Promise<Uint8Array>
}

/** Everything that a policy set version says. */
export interface VersionPolicy {
  readonly documents: Documents
  readonly custom: CustomPolicies
}

export const noCustomPolicies: CustomPolicies = {
  modules: [],
  load: (digest) => Promise.reject(new Error(`there is no custom policy ${digest}`)),
}
