/**
 * `node bench/load/main.ts JOB`: the load generator as a process of its own. JOB is JSON (see `job.ts`); the result is
 * printed as one JSON line.
 * @module
 */
import type { Job } from './job.ts'
import { loadRequests } from './requests.ts'
import { loadRuns } from './runs.ts'
import { loadStreams } from './streams.ts'

// Written by the bench that starts this process.
const job = JSON.parse(process.argv[2] ?? '') as Job
console.log(JSON.stringify(await run(job)))

function run(given: Job) {
  switch (given.kind) {
    case 'runs':
      return loadRuns(given)
    case 'streams':
      return loadStreams(given)
    case 'requests':
      return loadRequests(given)
  }
}
