/**
 * What legacy decorators of TypeScript compile to calls of: the semantics of TypeScript's own `__decorate` and
 * `__param`. One module per helper is what the compiler asks for, so each is a source text under its name.
 * @module
 */
const DECORATE = `export default function decorate(decorators, target, key, desc) {
  const c = arguments.length
  let r = c < 3 ? target : desc === null ? (desc = Object.getOwnPropertyDescriptor(target, key)) : desc
  for (let i = decorators.length - 1; i >= 0; i--) {
    const d = decorators[i]
    if (d) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r
  }
  if (c > 3 && r) Object.defineProperty(target, key, r)
  return r
}`

const DECORATE_PARAM = `export default function decorateParam(index, decorator) {
  return (target, key) => decorator(target, key, index)
}`

/** Source of the helper module of this name, as the compiler imports it; undefined for any other name. */
export function decoratorHelper(name: string): string | undefined {
  switch (name) {
    case '@oxc-project/runtime/helpers/decorate':
      return DECORATE
    case '@oxc-project/runtime/helpers/decorateParam':
      return DECORATE_PARAM
    default:
      return undefined
  }
}
