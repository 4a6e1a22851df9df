/**
 * Checks who imports whom against `.dependency-cruiser.js`, and that anything was checked at all: a parser that cannot
 * read TypeScript finds no modules and no violations.
 *
 *   node tools/boundaries.ts
 *
 * @module
 */
import { join } from 'node:path'
import type { VariableDeclaration } from '@swc/core'
import { Visitor } from '@swc/core/Visitor.js'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import { forbidden, options } from '../.dependency-cruiser.js'

/**
 * dependency-cruiser walks files with swc's visitor, which has no `using` declaration and throws at the first. It is shown
 * an ordinary declaration instead: the same expressions, and so the same imports.
 */
// oxlint-disable-next-line typescript/unbound-method -- it is called with the visitor as `this` below
const visitStatement = Visitor.prototype.visitStatement
Visitor.prototype.visitStatement = function (statement) {
  // The types of swc lack the node as well.
  const { type, decls } = statement as { type: string; decls?: VariableDeclaration['declarations'] }
  if (type !== 'UsingDeclaration' || decls === undefined) return visitStatement.call(this, statement)
  return this.visitVariableDeclaration({
    ...statement,
    type: 'VariableDeclaration',
    kind: 'const',
    declare: false,
    declarations: decls,
  })
}

const CHECKED = ['packages', 'examples', 'e2e', 'bench', 'tools']

export interface Boundaries {
  /** TypeScript files that were read. */
  readonly files: number
  readonly violations: readonly {
    readonly rule: string
    readonly from: string
    readonly to: string
    readonly fix: string
  }[]
}

/** @param root folder that holds `packages`, `examples`, `e2e`, `bench` and `tools` */
export async function checkBoundaries(root: string): Promise<Boundaries> {
  const { output } = await cruise(CHECKED, { ...options, baseDir: root, validate: true, ruleSet: { forbidden } })
  const { modules, summary } = output as ICruiseResult
  return {
    files: modules.filter(({ source, dependencies }) => source.endsWith('.ts') && dependencies.length > 0).length,
    violations: summary.violations.map(({ rule, from, to, cycle }) => ({
      rule: rule.name,
      from,
      to: cycle ? cycle.map(({ name }) => name).join(' -> ') : to,
      fix: forbidden.find(({ name }) => name === rule.name)?.comment ?? '',
    })),
  }
}

if (import.meta.main) {
  const { files, violations } = await checkBoundaries(join(import.meta.dirname, '..'))
  for (const { rule, from, to, fix } of violations) console.error(`${from} -> ${to}\n  ${rule}: ${fix}`)
  console.log(`${files} files with imports, ${violations.length} forbidden imports`)
  if (files === 0) console.error('No TypeScript file was read: @swc/core is missing or broken. Run `npm ci`.')
  process.exitCode = files > 0 && violations.length === 0 ? 0 : 1
}
