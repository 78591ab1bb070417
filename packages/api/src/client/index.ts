export type { UsageRequest } from './administration.ts';
export { ApiError, NOT_A_PROBLEM, UNREACHABLE } from './api-error.ts';
export type { BulkSettingsQuery } from './bulks.ts';
export { type CallOptions, type Client, type ClientOptions, createClient } from './client.ts';
export type { ReadEventsOptions } from './events.ts';
