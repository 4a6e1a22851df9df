/**
 * Model instances of the AI SDK, as far as this package must know them.
 * @module
 */

/** A language model of the AI SDK (`LanguageModelV2` to `V4`), for example `openai('gpt-5-mini')`. */
export interface ModelInstance {
  readonly specificationVersion: string
  readonly provider: string
  readonly modelId: string
  doStream(options: never): PromiseLike<unknown>
}

export function isModelInstance(value: unknown): value is ModelInstance {
  return (
    typeof value === 'object' &&
    value !== null &&
    'specificationVersion' in value &&
    'modelId' in value &&
    'doStream' in value &&
    typeof value.doStream === 'function'
  )
}
