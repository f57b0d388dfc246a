import { findOpa } from '../../scripts/policies.ts'

/** The `opa` of this machine; null where there is none, which is said: what needs it is skipped. */
export const opa = await findOpa()

if (opa === null)
  process.stdout.write('no opa on this machine (OPA_BIN or PATH): custom Rego is not tested\n')
