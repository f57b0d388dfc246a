/** How much a run of the benchmark does. */
export interface Settings {
  /** How long each load on the token endpoint lasts, after its warm-up. */
  readonly seconds: number
  readonly connections: number
  /** How often a plan of each size is previewed and applied. */
  readonly rounds: number
  /** How often the service is started on existing data. */
  readonly starts: number
  /** How many mandates the long load asks for. */
  readonly exchanges: number
  /** Folder for CPU profiles of the service; null: it is not profiled. */
  readonly profile: string | null
}
