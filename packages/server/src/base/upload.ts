/**
 * Files that come with a request: on the disk of this machine while they arrive, gone once the request is answered.
 * @module
 */
export type Upload = {
  /** The field of the form that carried it. */
  readonly field: string
  /** As its sender called it, without directories; may be empty. */
  readonly filename: string
  /** As its sender said, without parameters; undefined where nothing was said. */
  readonly mimeType: string | undefined
  readonly path: string
  readonly bytes: number
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string
}
