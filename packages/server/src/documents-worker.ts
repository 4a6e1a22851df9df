/**
 * Composition root of a thread that reads documents: knows no database, no agent and no secret.
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { ReaderInit } from './documents/protocol.ts'
import { serveDocuments } from './documents/worker-side.ts'

if (parentPort === null) throw new Error('documents-worker.ts runs in a worker thread of the server')
// The reader starts this file with a ReaderInit and nothing else.
serveDocuments(parentPort, workerData as ReaderInit)
