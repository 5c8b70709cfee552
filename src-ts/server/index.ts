export type { FleetMember } from './live-fleet.js';
export type { ServerOptions } from './options.js';
export { type ServeOptions, serve } from './serve.js';
export { createServer } from './server.js';
export type { HealthReport, MemoryReport, ReadyReport } from './status.js';
