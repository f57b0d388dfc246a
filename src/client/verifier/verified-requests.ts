import type { Mandate } from './mandate.ts'

const mandates = new WeakMap<object, Mandate>()

/** Notes the mandate of a request of whatever framework. */
export function noteMandate(request: object, mandate: Mandate): void {
  mandates.set(request, mandate)
}

/** The mandate of a request that `requireMandate` has let through; throws for any other. */
export function mandateOf(request: object): Mandate {
  const mandate = mandates.get(request)
  if (mandate === undefined) throw new TypeError('this request went through no requireMandate')
  return mandate
}
