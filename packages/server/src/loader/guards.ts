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
  const kill = process.kill.bind(process)
  // What process.exit ends in; not in Node's types, because only Node is meant to call it.
  const internals = process as unknown as { reallyExit: (code: number) => never }
  const reallyExit = internals.reallyExit.bind(process)
  internals.reallyExit = (code) => {
    onExit(code)
    return reallyExit(code)
  }
  process.kill = (pid, signal) => {
    if (pid <= 0 || pid === process.pid || pid === process.ppid) {
      throw new Error(`process.kill(${pid}) would end the server and is refused in agent code`)
    }
    return kill(pid, signal)
  }
  process.on('unhandledRejection', (reason) => onStray('unhandled rejection', reason))
  process.on('uncaughtException', (error) => onStray('uncaught exception', error))
}
