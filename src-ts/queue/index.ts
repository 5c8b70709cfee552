export { type Admission, admission } from './admission.js';
export { cleanText, failureMessage } from './failure-message.js';
export { FolderStore, type FolderStoreOptions } from './folder-store.js';
export { createHandler, type Handler, type HandlerContext, type HandlerOptions, type PageRecord } from './handler.js';
export type { PageJob } from './job.js';
export { JobError, type JobErrorCode } from './job-error.js';
export { checkRecord } from './record.js';
export { laterMillis, type RetryPolicy, retryPolicy } from './retry-policy.js';
export type { Store } from './store.js';
