import type { Operation, Risk } from '../../tools/operation.ts'

const order: readonly Risk[] = ['low', 'medium', 'high', 'critical']

/** The highest of some risks; `low` of none. */
export function highest(risks: readonly Risk[]): Risk {
  return order[Math.max(0, ...risks.map((risk) => order.indexOf(risk)))] ?? 'critical'
}

/** The risk of an operation with its arguments: the declaration's, raised by what it is given. */
export function riskOf(
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
): { readonly risk: Risk; readonly reasons: string[] } {
  const raised = operation.raises.filter((rule) =>
    [input[rule.field]]
      .flat()
      .some(
        (value) =>
          value !== undefined &&
          rule.matches.test(typeof value === 'string' ? value : JSON.stringify(value)),
      ),
  )
  return {
    risk: highest([operation.risk, ...raised.map((rule) => rule.risk)]),
    reasons: raised.map((rule) => rule.reason),
  }
}
