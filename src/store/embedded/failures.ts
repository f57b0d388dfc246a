import { StartupError } from '../../kernel/startup-error.ts'
import { errnoOf } from './files.ts'

/** What to do about a failure, by the words that PostgreSQL or the system has for it. */
const remedies: readonly (readonly [words: RegExp, remedy: (directory: string) => string])[] = [
  [
    /No space left on device|ENOSPC|Disk quota exceeded|EDQUOT/,
    (directory) => `Free space on the file system of ${directory} and start again.`,
  ],
  [
    /Read-only file system|EROFS/,
    (directory) => `Make the file system of ${directory} writable, or set another CARACAL_HOME.`,
  ],
  [
    /invalid permissions|wrong ownership/,
    (directory) => `Give ${directory}/postgres back to its owner alone: chmod -R go= and chown -R.`,
  ],
  [
    /spawn .*EPERM/,
    () =>
      'This root may not act as another user (a container without CAP_SETUID): start Caracal as an ordinary user.',
  ],
  [
    /Permission denied|EACCES|EPERM|Operation not permitted/,
    (directory) =>
      `Start Caracal as the user who owns ${directory}, or give that user the files back (chown -R).`,
  ],
  [
    /Cannot allocate memory|could not (map|resize) .*shared memory|ENOMEM/,
    () => 'Give the machine or container more memory (the server asks for about 100 MB).',
  ],
  [
    /checkpoint record|invalid page|checksum|incompatible with server|could not open file/,
    (directory) => `The data in ${directory}/postgres is damaged: restore it from a backup.`,
  ],
]

/**
 * An error for the terminal from a sentence and the lines that a program or the system gave: the
 * complaint among them is quoted, and any of them may name the cause that has a remedy.
 */
export function startupError(
  sentence: string,
  lines: readonly string[],
  directory: string,
): StartupError {
  const words = complaintIn(lines)
  const remedy = remedies.find(([pattern]) => lines.some((line) => pattern.test(line)))?.[1]
  return new StartupError(
    `${sentence}${words === '' ? '' : `: ${words}`}.`,
    remedy?.(directory) ??
      `Look at the lines that PostgreSQL printed and at ${directory}, or set DATABASE_URL to a ` +
        'PostgreSQL of your own.',
  )
}

/** The line that says why a PostgreSQL program gave up: its last complaint, without its rank. */
export function complaintIn(lines: readonly string[]): string {
  const complaint = /(?:FATAL|PANIC|ERROR|initdb: error|postgres: error): +(.*)$/
  const found = lines
    .map((line) => complaint.exec(line)?.[1])
    .findLast((text) => text !== undefined)
  return (found ?? lines.at(-1) ?? '').replace(/\.$/, '')
}

/** Turns a file system's refusal into one for the terminal; other errors are bugs and stay. */
export function asStartupError(error: unknown, directory: string): unknown {
  if (error instanceof StartupError || errnoOf(error) === undefined) return error
  const words = error instanceof Error ? error.message : String(error)
  const failure = startupError('The embedded PostgreSQL cannot start', [words], directory)
  failure.cause = error
  return failure
}
