/**
 * Notices changes of directories early. Only a hint: it may fail (inotify has few instances per user) or go deaf, and
 * the poll behind it finds everything.
 * @module
 */
import { type FSWatcher, statSync, watch as watchFile } from 'node:fs'
import type { Log } from '../telemetry/log.ts'

/** Directories watched at most; further ones are left to the poll. */
const MAX_DIRECTORIES = 512

export type Watcher = {
  /** Watches exactly these directories from now on. Directories that cannot be watched are left to the poll. */
  readonly follow: (directories: readonly string[]) => void
  /** For good. */
  readonly close: () => void
}

export type WatcherDeps = {
  readonly onChange: () => void
  readonly log: Log
  readonly watch?: ((directory: string, onEvent: () => void) => FSWatcher) | undefined
}

export function createWatcher({
  onChange,
  log,
  watch = (directory, onEvent) => watchFile(directory, onEvent),
}: WatcherDeps): Watcher {
  const watchers = new Map<string, FSWatcher>()
  /** A directory that was removed and made again is another one, and its watcher is deaf. */
  const identities = new Map<string, string | undefined>()
  let hasWarned = false
  let isClosed = false

  const forget = (directory: string) => {
    watchers.get(directory)?.close()
    watchers.delete(directory)
    identities.delete(directory)
  }
  const warn = (directory: string, error: unknown) => {
    if (hasWarned) return
    hasWarned = true
    log.warn('cannot watch for changes; they are found by polling', { directory, error })
  }
  const open = (directory: string) => {
    try {
      const watcher = watch(directory, onChange)
      watcher.on('error', (error) => {
        forget(directory)
        warn(directory, error)
      })
      watchers.set(directory, watcher)
      identities.set(directory, identityOf(directory))
    } catch (error) {
      // A directory that is gone by now is a change, not a failure of watching.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) warn(directory, error)
    }
  }

  return {
    follow: (directories) => {
      // A look that was under way when the server began to stop ends after it.
      if (isClosed) return
      const wanted = new Set(directories.slice(0, MAX_DIRECTORIES))
      for (const directory of watchers.keys()) {
        if (!wanted.has(directory) || identities.get(directory) !== identityOf(directory)) forget(directory)
      }
      for (const directory of wanted) if (!watchers.has(directory)) open(directory)
    },
    close: () => {
      isClosed = true
      for (const directory of watchers.keys()) forget(directory)
    },
  }
}

/** Inode numbers are used again, so the time of birth belongs to them. */
function identityOf(directory: string): string | undefined {
  const stats = statSync(directory, { throwIfNoEntry: false })
  return stats === undefined ? undefined : `${stats.ino} ${stats.birthtimeMs}`
}
