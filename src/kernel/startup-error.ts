/**
 * Why the service cannot start, for the person at the terminal: `message` says what was found,
 * `hint` what to do next. It is not a request's refusal, so it has no code and no HTTP status; the
 * entry point prints the two sentences and no stack.
 */
export class StartupError extends Error {
  readonly hint: string

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StartupError'
    this.hint = hint
  }
}
