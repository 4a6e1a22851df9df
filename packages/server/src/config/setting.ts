/**
 * What the tables of settings are written with.
 * @module
 */
import { z } from 'zod'

export const ms = (min: number, max: number, fallback: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback)
export const text = () => z.string().trim().min(1)
export const flag = (fallback: boolean) => z.stringbool().default(fallback)
export const list = () =>
  z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    )
    .pipe(z.array(z.string()))

/** Where a setting belongs on the reference page. */
type Group =
  | 'Listening'
  | 'Agents'
  | 'Database'
  | 'Runs'
  | 'Knowledge'
  | 'Queue'
  | 'Schedules'
  | 'Identity and logs'
  | 'Telemetry'
  | 'Database set-up'

export type Setting = {
  readonly group: Group
  readonly schema: z.ZodType
  readonly about: string
  readonly secret?: true
}

export const setting = <S extends z.ZodType>(group: Group, schema: S, about: string) => ({ group, schema, about })
export const secret = <S extends z.ZodType>(group: Group, schema: S, about: string) => ({
  group,
  schema,
  about,
  secret: true as const,
})
