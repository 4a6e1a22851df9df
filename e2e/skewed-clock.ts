/**
 * Preloaded into a server: its clock is wrong by SKEW_MS milliseconds, in every thread.
 * @module
 */
const skewMs = Number(process.env['SKEW_MS'] ?? 0)
const RightDate = Date

class SkewedDate extends RightDate {
  constructor(...args: readonly unknown[]) {
    if (args.length === 0) super(RightDate.now() + skewMs)
    // Whatever else a Date can be made of.
    else super(...(args as [number]))
  }

  static override now(): number {
    return RightDate.now() + skewMs
  }
}

// The signature for calls without `new`, which nothing here makes, is all that is missing.
globalThis.Date = SkewedDate as unknown as DateConstructor
