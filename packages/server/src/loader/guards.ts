/**
 * What agent code in a worker must not do to the process, and what becomes of the errors it lets go. Guards against
 * mistakes, not malice: the pod is the boundary for that.
 *
 * A rejection nobody handles, or an exception in a timer, belongs to no run that we could name: it is reported, and the
 * worker with its other runs goes on.
 * @module
 */
export type StrayKind = 'unhandled rejection' | 'uncaught exception'

export type Guards = {
  /** Agent code called process.exit. Return quickly: the worker ends next. */
  readonly onExit: (code: number) => void
  readonly onStray: (kind: StrayKind, error: unknown) => void
}

/** Installs the guards for the lifetime of this thread. Must run in a worker, before any agent code. */
export function installGuards({ onExit, onStray }: Guards): void {
  const exit = process.exit.bind(process)
  const kill = process.kill.bind(process)
  const guardedExit = (code?: number | string | null): never => {
    const given = Number(code ?? process.exitCode ?? 0)
    onExit(Number.isInteger(given) ? given : 1)
    return exit(given)
  }
  process.exit = guardedExit
  // `reallyExit` is what process.exit ends in; packages that restore it must meet the guard too.
  Object.defineProperty(process, 'reallyExit', { value: guardedExit, configurable: true, writable: true })
  process.kill = (pid, signal) => {
    if (pid <= 0 || pid === process.pid || pid === process.ppid) {
      throw new Error(`process.kill(${pid}) would end the server and is refused in agent code`)
    }
    return kill(pid, signal)
  }
  process.on('unhandledRejection', (reason) => onStray('unhandled rejection', reason))
  process.on('uncaughtException', (error) => onStray('uncaught exception', error))
}
