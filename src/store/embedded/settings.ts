/** The role that owns the database: it may make roles and databases, and is no superuser. */
export const ownerRole = 'caracal_owner'
export const databaseName = 'caracal'

/** No connection is ever let in as this role; it exists because every cluster has one. */
export const superuserRole = 'postgres'

/**
 * What the server runs with; the command line carries it, so that a file edited or left by an
 * older version cannot weaken it. The reasons are PostgreSQL 18's documentation, chapter 19.
 */
export const serverSettings: Readonly<Record<string, string>> = {
  // An acknowledged commit is on the disk.
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  // A lean server beside one Node process: small shared memory, few helpers, short queries.
  shared_buffers: '64MB',
  max_connections: '100',
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  max_wal_size: '256MB',
  min_wal_size: '64MB',
  jit: 'off',
  io_method: 'sync',
  max_parallel_workers_per_gather: '0',
  autovacuum: 'on',
  autovacuum_max_workers: '2',
  // Nothing replicates from it.
  max_wal_senders: '0',
  max_replication_slots: '0',
  max_logical_replication_workers: '0',
  // Lines go to Caracal's log, which dates them; statements may hold secrets and are not logged.
  log_destination: 'stderr',
  logging_collector: 'off',
  log_line_prefix: '',
  log_checkpoints: 'off',
  log_min_messages: 'warning',
  log_min_error_statement: 'panic',
  lc_messages: 'C',
  timezone: 'UTC',
  log_timezone: 'UTC',
  password_encryption: 'scram-sha-256',
  unix_socket_permissions: '0700',
}

export const hostBasedAuthentication = `# Passwords for all; the superuser is used in single-user mode only.
local  all  ${superuserRole}  reject
host   all  ${superuserRole}  all  reject
local  all  all  scram-sha-256
host   all  all  127.0.0.1/32  scram-sha-256
`

/** Settings as server arguments. */
export function settingArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}
