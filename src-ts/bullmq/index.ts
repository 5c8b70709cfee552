export * from '../queue/index.js';
export { type BulkJob, type EnqueueOptions, type EnqueueProgress, enqueue, jobOptions, pageJob } from './enqueue.js';
export type { ExtractorWorkerOptions, OtherWorkerOptions, PoolWorkerOptions, QueueOptions } from './options.js';
export { createWorker, GuestWorker, type Shutdown, type ShutdownOptions } from './worker.js';
