/**
 * What something costs, on a machine that has other things to do as well.
 * @module
 */

/** Processor time of this thread in milliseconds, from some time on. */
export function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
