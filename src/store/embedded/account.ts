import { readFileSync } from 'node:fs'
import { StartupError } from '../../kernel/startup-error.ts'

/** The user and group ids that the server's processes and files have. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** Existing accounts that may run the server when Caracal runs as root, best first. */
const unprivilegedNames = ['postgres', '_postgres', 'nobody'] as const

/**
 * The account the server must run as, or undefined where it is this process's own. PostgreSQL
 * refuses to run as root, so root lends it an unprivileged account that already exists. Data that
 * exists decides: its owner stays its owner, whatever accounts are installed later.
 */
export function serverAccount(dataOwner: Account | undefined): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  if (dataOwner !== undefined && dataOwner.uid !== 0) return dataOwner
  const account = accountNamed(unprivilegedNames, readFileSync('/etc/passwd', 'utf8'))
  if (account !== undefined) return account
  throw new StartupError(
    `Caracal runs as root, PostgreSQL refuses to, and /etc/passwd has none of the accounts ` +
      `${unprivilegedNames.join(', ')} to run it as.`,
    'Start Caracal as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.',
  )
}

/** The first of the names that a passwd file (passwd(5)) gives an unprivileged account. */
export function accountNamed(names: readonly string[], passwd: string): Account | undefined {
  const accounts = new Map(
    passwd.split('\n').map((line) => {
      const [name = '', , uid, gid] = line.split(':')
      return [name, { uid: Number(uid), gid: Number(gid) }] as const
    }),
  )
  for (const name of names) {
    const account = accounts.get(name)
    if (account !== undefined && account.uid > 0 && account.gid > 0) return account
  }
  return undefined
}
