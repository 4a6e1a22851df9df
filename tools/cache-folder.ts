/**
 * Where tools keep what they download: one folder per machine, so that a second checkout downloads nothing.
 * @module
 */
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * `TEST_TOOLS_CACHE`, else the user's cache folder. For root it is `/var/cache`, because servers that refuse to run as
 * root run as another user, who cannot read root's home.
 * @param name one folder per tool
 */
export function cacheFolder(name: string): string {
  const chosen = process.env['TEST_TOOLS_CACHE']
  if (chosen) return join(chosen, name)
  const user = process.getuid?.() === 0 ? '/var/cache' : process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(user, 'agentos-tools', name)
}
