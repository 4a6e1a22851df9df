/**
 * One call of a model of the provider interface as a stream of {@link ModelPart}s. Whatever the model does, the stream
 * ends in one of three ways: with `finish`, with a {@link ModelError}, or with the reason of the signal.
 * @module
 */
import { toCallOptions, type ProviderOptions } from './call-options.ts'
import { brokenOff, endedInError, toModelError, type FailureContext } from './failure.ts'
import type { ModelPart, ModelRequest } from './model.ts'
import { createSequence, toFinishReason, toUsage, type StreamPart } from './sequence.ts'

/** The method of a version 2, 3 or 4 model that the loop uses; for what is sent and read they are the same. */
export type ProviderModel = {
  readonly specificationVersion?: string
  doStream: (options: never) => PromiseLike<unknown>
}

export type ModelSource = {
  /** Opens the model: imports its package on the first call. */
  readonly open: () => Promise<ProviderModel>
  /** Our own options for every call; those of the request win. */
  readonly defaults: ProviderOptions
  readonly failure: FailureContext
}

type Reader = ReadableStreamDefaultReader<StreamPart>

/** @throws {ModelError} or the signal's reason */
export async function* streamModel(
  source: ModelSource,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelPart, void, undefined> {
  signal.throwIfAborted()
  const { failure } = source
  let reader: Reader | undefined
  let started = false
  // Also for a model that does not look at its signal: the pending read ends at once.
  const onAbort = () => void reader?.cancel(signal.reason).catch(ignore)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    reader = await orAbort(openStream(source, request, signal), signal)
    const sequence = createSequence()
    let finish: StreamPart | undefined
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      if (value.type === 'text-delta' && value.id === sequence.openText() && value.providerMetadata === undefined) {
        if (value.delta !== undefined && value.delta !== '') yield { type: 'text', text: value.delta }
        continue
      }
      if (value.type === 'error') throw toModelError(value.error, failure, started)
      if (value.type === 'finish') finish = value
      for (const part of sequence.accept(value)) {
        started = true
        yield part
      }
    }
    signal.throwIfAborted()
    if (finish === undefined) throw brokenOff(failure, started)
    const { reason, raw } = toFinishReason(finish.finishReason)
    if (reason === undefined) throw endedInError(failure, raw)
    yield* sequence.end()
    yield { type: 'finish', usage: toUsage(finish.usage), reason }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw toModelError(error, failure, started)
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Ends the request when the caller stopped early or a part failed; a stream read to its end ignores it.
    reader?.cancel().catch(ignore)
  }
}

async function openStream(source: ModelSource, request: ModelRequest, signal: AbortSignal): Promise<Reader> {
  const model = await source.open()
  const options = toCallOptions(request, source.failure.provider, source.defaults, signal, model.specificationVersion)
  // Version 2 and 3 take the same options as 4 for all that is sent, but for files, which know the version.
  const { stream } = (await model.doStream(options as never)) as { readonly stream: ReadableStream<StreamPart> }
  return stream.getReader()
}

/** Waits for the reader, or for the abort; a reader that comes after the abort is cancelled. */
async function orAbort(opening: Promise<Reader>, signal: AbortSignal): Promise<Reader> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => {
    reject(signal.reason as Error)
    opening.then((reader) => reader.cancel(signal.reason)).catch(ignore)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([opening, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** For the failure of a cancellation: the call is over, and its outcome has been told. */
function ignore(): void {}
