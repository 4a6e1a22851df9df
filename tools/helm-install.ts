/**
 * Helm, both majors that users have: each built once from its released module, some minutes of one core.
 * @module
 */
import { join } from 'node:path'
import { installOnce } from './cache-folder.ts'
import { installRelease } from './go.ts'

export const HELM_VERSIONS = { 3: 'v3.21.4', 4: 'v4.2.4' } as const

export type HelmMajor = keyof typeof HELM_VERSIONS

/**
 * @returns path of its command
 * @throws {Error} when Go is missing, or a module cannot be had
 */
export async function installHelm(major: HelmMajor): Promise<string> {
  const version = HELM_VERSIONS[major]
  const folder = await installOnce(`helm-${version}`, (target) =>
    installRelease(`helm.sh/helm/v${major}/cmd/helm`, version, join(target, 'helm')),
  )
  return join(folder, 'helm')
}
