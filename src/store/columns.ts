import type { ColumnType } from 'kysely'

/** A JSON column: read as a value, written as its text. */
export type Json<T> = ColumnType<T, string, string>
export type Timestamp = ColumnType<Date, Date, Date>

/** The columns that every governed object of a zone has. */
export interface Governed {
  id: string
  zone_id: string
  /** The zone's revision at the last change of the object. */
  revision: number
  created_at: Timestamp
  updated_at: Timestamp
  archived_at: Timestamp | null
}
