/**
 * The commands that judge the chart: both majors of Helm, helm-unittest, kubeconform and kube-score, each built once with Go.
 * @module
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installOnce } from '../cache-folder.ts'
import { buildPinned, installRelease, whyNoGo } from '../go.ts'
import { installHelm } from '../helm-install.ts'
import { installSchemas } from './schemas.ts'

/** As the go.mod of Helm 4 says. */
const LEAST_GO = 26
const KUBECONFORM = 'v0.7.0'
const KUBE_SCORE = 'v1.20.0'
/** Its own go.mod replaces a module, which `go install` refuses: this one repeats the replacement. */
const HELM_UNITTEST = join(import.meta.dirname, '..', 'helm-unittest')

export interface ChartTools {
  readonly helm3: string
  readonly helm4: string
  readonly helmUnittest: string
  readonly kubeconform: string
  readonly kubeScore: string
  /** Folder of JSON schemas, as `schemas.ts` lays it out. */
  readonly schemas: string
}

/** @returns why the chart's tools cannot be built on this machine; undefined when they can */
export const whyNoChartTools = () => whyNoGo(LEAST_GO)

/**
 * @returns paths of the commands and of the schemas
 * @throws {Error} when Go is missing, or a module cannot be had
 */
export async function installChartTools(): Promise<ChartTools> {
  // One after the other: Go fills every core by itself.
  const kubeconform = await installKubeconform()
  const schemas = await installSchemas()
  const helm4 = await installHelm(4)
  const helm3 = await installHelm(3)
  const helmUnittest = await installHelmUnittest()
  return { helm3, helm4, helmUnittest, kubeconform, kubeScore: await installKubeScore(), schemas }
}

async function installKubeconform(): Promise<string> {
  const folder = await installOnce(`kubeconform-${KUBECONFORM}`, (target) =>
    installRelease('github.com/yannh/kubeconform/cmd/kubeconform', KUBECONFORM, join(target, 'kubeconform')),
  )
  return join(folder, 'kubeconform')
}

async function installKubeScore(): Promise<string> {
  const folder = await installOnce(`kube-score-${KUBE_SCORE}`, (target) =>
    installRelease('github.com/zegl/kube-score/cmd/kube-score', KUBE_SCORE, join(target, 'kube-score')),
  )
  return join(folder, 'kube-score')
}

async function installHelmUnittest(): Promise<string> {
  const sums = await readFile(join(HELM_UNITTEST, 'go.sum'))
  const hash = createHash('sha256').update(sums).digest('hex').slice(0, 12)
  const folder = await installOnce(`helm-unittest-${hash}`, (target) =>
    buildPinned(
      HELM_UNITTEST,
      'github.com/helm-unittest/helm-unittest/cmd/helm-unittest',
      join(target, 'helm-unittest'),
    ),
  )
  return join(folder, 'helm-unittest')
}
