import { z } from 'zod'

/** The answer of the decision contract (policies/decision.rego), as every surface shows it. */
export const decision = z.object({
  allow: z.boolean(),
  reason: z.string().meta({ description: 'One precise reason; ok when allowed' }),
  scopes: z.record(
    z.string(),
    z.object({
      verdict: z.enum(['allow', 'deny', 'approval']),
      reason: z.string(),
      rules: z.array(z.string()),
    }),
  ),
  missing: z.array(z.string()),
  rules: z.array(z.string()),
  risk: z.string(),
  obligations: z.array(
    z.object({
      tier: z.string(),
      approver: z.string(),
      ttl_seconds: z.number(),
      quorum: z.number(),
      scopes: z.array(z.string()),
    }),
  ),
  explanation: z.string().meta({ description: 'The same in a sentence' }),
  smallest_change: z
    .string()
    .nullable()
    .meta({ description: 'The smallest change that would have allowed it; null when allowed' }),
})
