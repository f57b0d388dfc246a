import { expect, test } from 'vitest'
import { findOpa, verifyHashes, verifyPolicies } from '../../scripts/policies.ts'

test('the committed wasm belongs to the committed sources', async () => {
  expect(await verifyHashes()).toEqual([])
})

const opa = await findOpa()

test.skipIf(opa === null)('opa compiles, formats and tests them alike', async () => {
  expect(await verifyPolicies(() => undefined)).toEqual([])
})
