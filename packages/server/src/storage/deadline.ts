/**
 * Gives up waiting for a database that says nothing.
 * @module
 */
import { unavailable } from './failure.ts'

/**
 * @param ms milliseconds to wait; what was asked goes on, but nobody hears its answer
 * @throws {AgentOSError} DATABASE_UNAVAILABLE when `answer` takes longer
 */
export async function withDeadline<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(`The database did not answer within ${ms} ms.`)), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
