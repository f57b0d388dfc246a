import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'

/** The parameters of an OAuth request, each at most once and never empty. */
export type Parameters = ReadonlyMap<string, string>

/** More than any grant has. */
const parametersMax = 32

/** What no parameter may hold (RFC 6749 appendix A), and no event could store. */
const controls = /[\u0000-\u001f\u007f]/

/**
 * Reads an application/x-www-form-urlencoded body. A parameter without a value counts as omitted,
 * one that is given twice is refused (RFC 6749 section 3.1), except that several `resource`s are a
 * request for a mandate of several resources, which has a refusal of its own (RFC 8707 section 2).
 */
export function parseForm(form: string): Parameters {
  const parameters = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(form)) {
    if (value === '') continue
    if (parameters.has(name)) refuseRepeated(name)
    if (controls.test(value))
      refuse('invalid_request', 'A parameter holds a control character.', {
        details: { reason: 'parameter_malformed' },
      })
    if (parameters.size >= parametersMax)
      refuse('invalid_request', `A request has at most ${parametersMax} parameters.`, {
        details: { reason: 'too_many_parameters' },
      })
    parameters.set(name, value)
  }
  return parameters
}

function refuseRepeated(name: string): never {
  if (name === 'resource')
    refuse('invalid_target', 'A mandate is for one resource; ask once for each.', {
      details: { reason: 'several_resources' },
    })
  return refuse('invalid_request', 'A parameter is given more than once.', {
    details: { reason: 'parameter_repeated' },
  })
}

export function required(parameters: Parameters, name: string): string {
  return (
    parameters.get(name) ??
    refuse('invalid_request', `The parameter ${name} is missing.`, {
      details: { reason: 'parameter_missing', parameter: name },
    })
  )
}

/** RFC 6749 section 3.3. */
const scopeToken = /^[\u0021\u0023-\u005b\u005d-\u007e]{1,120}$/

/** The scopes asked for, each once; null where the request leaves them to the zone. */
export function scopesAsked(parameters: Parameters): readonly string[] | null {
  const text = parameters.get('scope')
  if (text === undefined) return null
  const scopes = [...new Set(text.split(' ').filter((scope) => scope !== ''))]
  if (scopes.length === 0) return null
  if (scopes.length > limits.scopesPerGrant || !scopes.every((scope) => scopeToken.test(scope)))
    refuse('invalid_scope', `Give at most ${limits.scopesPerGrant} scopes, separated by spaces.`, {
      details: { reason: 'scope_malformed' },
    })
  return scopes
}
