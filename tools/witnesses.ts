import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { governed, includeArchived, name, nothing, page, pageOf, ref } from './fields.ts'
import { operation } from './operation.ts'

const verifierKey = z
  .string()
  .max(400)
  .meta({ description: 'Public key as C2SP signed-note has it: name+id+key, of type 0x04' })

const witness = z.object({
  ...governed('witness'),
  name: z.string(),
  verifier_key: z.string(),
})

const all = '/v1/zones/:zone_id/witnesses'
const target = { witness_id: ref('witness') }

/** None of these is a step of a plan: who watches the log is not for words to a model to say. */
export const witnesses = [
  operation({
    id: 'witnesses.list',
    summary: 'List the witnesses of the audit log of the zone',
    effect: 'read',
    input: z.strictObject({ ...page, include_archived: includeArchived }),
    output: pageOf(witness),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'witnesses.create',
    summary: `Accept the cosignatures of a witness, of at most ${limits.witnessesPerZone} (C2SP tlog-cosignature)`,
    effect: 'create',
    risk: 'medium',
    plannable: false,
    input: z.strictObject({ name, verifier_key: verifierKey }),
    output: witness,
    route: ['POST', all, 201],
  }),
  operation({
    id: 'witnesses.get',
    summary: 'Read one witness',
    effect: 'read',
    input: z.strictObject(target),
    output: witness,
    route: ['GET', `${all}/:witness_id`, 200],
  }),
  operation({
    id: 'witnesses.delete',
    summary: 'Archive a witness; the cosignatures that are kept stay',
    effect: 'delete',
    risk: 'medium',
    plannable: false,
    input: z.strictObject(target),
    output: nothing,
    route: ['DELETE', `${all}/:witness_id`, 204],
  }),
] as const
