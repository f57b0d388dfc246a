import { CommanderError, type Command } from 'commander'

/** A command line that its command does not understand, with what to type instead. */
export class UsageError extends CommanderError {
  readonly hint: string

  constructor(error: CommanderError, message: string, hint: string) {
    super(error.exitCode, error.code, message)
    this.hint = hint
  }
}

/** Has a command and those below it say which option was meant, and where its help is. */
export function explainUsage(command: Command): void {
  command.exitOverride((error) => {
    throw error.exitCode === 0 || error.code === 'commander.help' ? error : usageOf(command, error)
  })
  for (const one of command.commands) explainUsage(one)
}

function usageOf(command: Command, error: CommanderError): UsageError {
  const hint = `See: ${pathOf(command)} --help`
  const unknown =
    error.code === 'commander.unknownOption' ? /'(--?[^']+)'/.exec(error.message)?.[1] : undefined
  if (unknown === undefined) return new UsageError(error, error.message, hint)
  const message = `error: unknown option '${unknown}'`
  const meant = nearest(unknown, [...optionsOf(command), ...argumentsOf(command)])
  if (meant === null) return new UsageError(error, message, hint)
  return optionsOf(command).includes(meant)
    ? new UsageError(error, `${message}; did you mean ${meant}?`, hint)
    : new UsageError(error, `${message}; it is an argument`, `Type: ${commandLineOf(command)}`)
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** The options of a command and of those above it. */
function optionsOf(command: Command): readonly string[] {
  const own = command.options.flatMap(({ long }) => (typeof long === 'string' ? [long] : []))
  return command.parent === null ? [...own, '--help'] : [...own, ...optionsOf(command.parent)]
}

/** The arguments of a command, as somebody would spell them as options. */
function argumentsOf(command: Command): readonly string[] {
  return command.registeredArguments.map((argument) => `--${argument.name()}`)
}

function commandLineOf(command: Command): string {
  const places = command.registeredArguments.map((argument) => `<${argument.name()}>`)
  return [pathOf(command), ...places].join(' ')
}

/** The flag that is most like a word, the first of equals; null: none is. */
function nearest(word: string, flags: readonly string[]): string | null {
  const [plain = word] = word.split('=')
  const ranked = flags
    .map((flag) => ({ flag, edits: editsBetween(plain, flag) }))
    .filter(({ flag, edits }) => edits <= Math.max(2, flag.length / 2 - 1))
    .sort((a, b) => a.edits - b.edits)
  return ranked[0]?.flag ?? null
}

/** How many letters to insert, delete, replace or swap make one word of another (Damerau). */
function editsBetween(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity
  for (let row = 1; row <= from.length; row += 1) {
    rows.push([row])
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1]
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      rows[row]?.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(row - 2, column - 2) + 1 : Infinity,
        ),
      )
    }
  }
  return at(from.length, to.length)
}
