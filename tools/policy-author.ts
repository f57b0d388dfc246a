import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { operation } from './operation.ts'
import { draftStep, preview } from './plans.ts'

const drafted = z.object({
  outcome: z
    .enum(['drafted', 'question', 'refused'])
    .meta({ description: 'refused: no valid draft came about; nothing of it is to be used' }),
  text: z.string().meta({ description: 'For the person: what it does, what is asked, or why not' }),
  author: z.string().meta({ description: 'The model that drafted, or the built-in planner' }),
  attempts: z.int().meta({ description: 'Drafts that were checked' }),
  documents: z
    .record(z.string(), z.unknown())
    .nullable()
    .meta({ description: 'As the contract reads them; null unless drafted' }),
  source: z.string().nullable().meta({ description: 'The text of the policy' }),
  widens: z.boolean().meta({ description: 'Somebody gets more by it, which the words ask for' }),
  steps: z.array(draftStep).meta({ description: 'For plans.create; nothing of them is kept' }),
  preview: preview.nullable().meta({ description: 'The plan’s preview with it in force' }),
})

export const policyAuthor = [
  operation({
    id: 'policies.draft',
    summary: 'Draft a policy from words, checked and previewed; nothing is stored or activated',
    effect: 'act',
    versioned: false,
    level: 'propose',
    input: z.strictObject({
      words: z
        .string()
        .trim()
        .min(1)
        .max(limits.descriptionChars)
        .meta({ description: 'What the policy is to do' }),
    }),
    output: drafted,
    route: ['POST', '/v1/zones/:zone_id/policies/draft', 200],
  }),
] as const
