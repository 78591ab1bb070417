import { alertErrorCodes } from './error-codes/alerts.ts';
import { assetErrorCodes } from './error-codes/assets.ts';
import { bulkErrorCodes } from './error-codes/bulks.ts';
import { costErrorCodes } from './error-codes/cost.ts';
import type { ErrorCodeEntry } from './error-codes/entry.ts';
import { fileErrorCodes } from './error-codes/files.ts';
import { loraErrorCodes } from './error-codes/loras.ts';
import { modelErrors } from './error-codes/models.ts';
import { qualityErrorCodes } from './error-codes/quality.ts';
import { storageErrorCodes } from './error-codes/storage.ts';
import { webhookErrorCodes } from './error-codes/webhooks.ts';

export type { ErrorCodeEntry };

const table = {
  malformed_json: {
    title: 'The body is not JSON',
    status: 400,
    retryable: false,
    cause: 'The request body cannot be parsed as JSON. NaN and Infinity are not JSON.',
    help: 'Send one JSON object, encoded as UTF-8.',
  },
  malformed_request: {
    title: 'The request is malformed',
    status: 400,
    retryable: false,
    cause: 'The request line, a header or the path breaks the rules of HTTP, or the body is shorter than announced.',
    help: 'Check the URL encoding, the headers and Content-Length.',
  },
  validation_failed: {
    title: 'The request has invalid fields',
    status: 422,
    retryable: false,
    cause: 'A field is missing, unknown, of the wrong type or out of its range; `errors` names each of them.',
    help: 'Mend the fields listed under errors. GET /v1/models tells the sizes that a model accepts.',
  },
  unauthorized: {
    title: 'The API key is missing or not valid',
    status: 401,
    retryable: false,
    cause: 'No API key was sent, or it is unknown, expired or revoked; the detail tells which.',
    help: 'Send a key as `Authorization: Bearer im_…`. `imagemill keys create` makes one.',
  },
  forbidden: {
    title: 'The caller may not do this',
    status: 403,
    retryable: false,
    cause: 'The role or the scopes of the key do not include the permission that `details.permission` names.',
    help: 'Use a key of a higher role or with this scope; an admin of the tenant can make one.',
  },
  cross_origin_refused: {
    title: 'A page of another site may not do this',
    status: 403,
    retryable: false,
    cause:
      'A browser sent this from a page of another site (Origin, Sec-Fetch-Site), with a cookie or to a server that needs no key.',
    help: 'Open the page of this server itself. A program of your own should send an API key and no Origin.',
  },
  tenant_disabled: {
    title: 'The tenant is disabled',
    status: 403,
    retryable: false,
    cause: 'The tenant that the key belongs to was disabled by an admin of the installation.',
    help: 'Ask the admin of the installation.',
  },
  tenant_not_found: {
    title: 'No such tenant',
    status: 404,
    retryable: false,
    cause: 'There is no tenant of this name.',
    help: 'GET /v1/tenants and `imagemill tenants list` have the names.',
  },
  key_not_found: {
    title: 'No such key',
    status: 404,
    retryable: false,
    cause: 'The id is wrong or the key belongs to another tenant.',
    help: 'GET /v1/keys lists the keys of your tenant.',
  },
  member_not_found: {
    title: 'No such member',
    status: 404,
    retryable: false,
    cause: 'The id is wrong or the member belongs to another tenant.',
    help: 'GET /v1/members lists the members of your tenant.',
  },
  key_not_active: {
    title: 'The key is not active',
    status: 409,
    retryable: false,
    cause: 'The key was revoked or has expired, so it cannot be rotated.',
    help: 'Make a new key.',
  },
  tenant_exists: {
    title: 'The tenant exists already',
    status: 409,
    retryable: false,
    cause: 'A tenant of this name was made before.',
    help: 'Choose another name, or change the one that is there.',
  },
  tenant_protected: {
    title: 'The tenant cannot be disabled or deleted',
    status: 409,
    retryable: false,
    cause: "The tenant `default` is the installation's own: without it nobody could administer the server.",
    help: 'Revoke its keys instead.',
  },
  tenant_in_use: {
    title: 'The tenant is in use',
    status: 409,
    retryable: false,
    cause:
      'Only a tenant that is disabled and has no pictures, files or usage is deleted; the detail tells what it has.',
    help: 'Disable it: its keys and members are refused, and its records stay.',
  },
  member_exists: {
    title: 'The member exists already',
    status: 409,
    retryable: false,
    cause: 'The tenant has a member with this e-mail address.',
    help: 'Change the member that is there.',
  },
  rate_limited: {
    title: 'Too many requests',
    status: 429,
    retryable: true,
    cause:
      'The tenant or the key has a limit of requests a minute, and it is used up; or a network address made too many attempts to sign in.',
    help: 'Wait for the seconds of the Retry-After header.',
  },
  quota_exceeded: {
    title: 'A quota is used up',
    status: 429,
    retryable: true,
    cause:
      'The request would take the tenant or the key over a quota; `details` has its name, what is used, the limit and when it starts anew.',
    help: 'Ask for fewer pictures, wait until `details.resetsAt`, or ask an admin for a higher quota.',
  },
  route_not_found: {
    title: 'No such route',
    status: 404,
    retryable: false,
    cause: 'The path is not part of the API.',
    help: 'GET /openapi.json lists every route.',
  },
  generation_not_found: {
    title: 'No such generation',
    status: 404,
    retryable: false,
    cause: 'The id is wrong or belongs to somebody else.',
    help: 'Use the id that POST /v1/generations returned.',
  },
  job_not_found: {
    title: 'No such job',
    status: 404,
    retryable: false,
    cause: 'The id is wrong or belongs to somebody else.',
    help: 'Use an id from the jobs of a generation.',
  },
  method_not_allowed: {
    title: 'The route does not take this method',
    status: 405,
    retryable: false,
    cause: 'The path exists, but not with this HTTP method.',
    help: 'The Allow header lists the methods of this path.',
  },
  request_timeout: {
    title: 'The request came too slowly',
    status: 408,
    retryable: true,
    cause: 'The headers or the body were not complete in time.',
    help: 'Send the request again.',
  },
  already_final: {
    title: 'It has ended already',
    status: 409,
    retryable: false,
    cause: 'A job or generation that succeeded or failed cannot be cancelled; `details.state` tells how it ended.',
    help: 'Nothing to do.',
  },
  not_redrivable: {
    title: 'The job cannot be tried again',
    status: 409,
    retryable: false,
    cause: 'Only a job that is dead or failed can be queued again; `details.state` tells how this one stands.',
    help: 'Submit a new generation for another picture.',
  },
  idempotency_key_reused: {
    title: 'The idempotency key was used before',
    status: 409,
    retryable: false,
    cause: 'An earlier request had the same Idempotency-Key and another body.',
    help: 'Send the body of the first request, or use a new key for a new request.',
  },
  body_too_large: {
    title: 'The body is too large',
    status: 413,
    retryable: false,
    cause: 'The body is larger than the setting bodyLimitBytes.',
    help: 'Send less, or raise bodyLimitBytes.',
  },
  unsupported_media_type: {
    title: 'The body has the wrong type',
    status: 415,
    retryable: false,
    cause: 'The Content-Type of the body is not application/json.',
    help: 'Send Content-Type: application/json.',
  },
  range_not_satisfiable: {
    title: 'The range lies outside the picture',
    status: 416,
    retryable: false,
    cause: 'The Range header asks for bytes beyond the end.',
    help: 'Content-Range of the answer tells the size.',
  },
  host_not_allowed: {
    title: 'This host name is not served here',
    status: 421,
    retryable: false,
    cause:
      'The server listens on the loopback interface only and the Host header names something else, as in a DNS rebinding attack.',
    help: 'Open the server as http://127.0.0.1:<port> or http://localhost:<port>.',
  },
  headers_too_large: {
    title: 'The headers are too large',
    status: 431,
    retryable: false,
    cause: 'All headers together exceed 16 kB.',
    help: 'Send fewer or shorter headers.',
  },
  internal_error: {
    title: 'The server made a mistake',
    status: 500,
    retryable: true,
    cause: 'A fault in the server; its log has the details under the request id.',
    help: 'Try again; if it persists, report it with the request id and the log.',
  },
  engine_unavailable: {
    title: 'The engine is not ready',
    status: 503,
    retryable: true,
    cause: 'The engine process is starting, is being restarted after a crash, or cannot start; the detail tells which.',
    help: 'Wait, or mend what the detail names. Generations are accepted all the same and wait in the queue.',
  },
  shutting_down: {
    title: 'The server is shutting down',
    status: 503,
    retryable: true,
    cause: 'The server was told to stop. What it accepted is kept and continues at the next start.',
    help: 'Try again when it is back.',
  },
  disk_full: {
    title: 'The disk is full',
    status: 507,
    retryable: true,
    cause: 'The data folder has less free space than the setting minFreeBytes, or a write failed for lack of space.',
    help: 'Free some space. Jobs that were accepted before wait and continue by themselves.',
  },
  storage_failed: {
    title: 'Reading or writing the data folder failed',
    status: 500,
    retryable: true,
    cause: 'The disk answered with an error; the detail has it.',
    help: 'Check the disk and the rights of the data folder.',
  },
  database_unavailable: {
    title: 'The database cannot be reached',
    status: 503,
    retryable: true,
    cause: 'PostgreSQL is starting, stopping or away, or the way to it is broken. What was accepted is kept.',
    help: 'Try again in a moment. If it stays so, check the database and the setting databaseUrl.',
  },
  site_fenced: {
    title: 'This site does not have the records',
    status: 503,
    retryable: true,
    cause:
      'Of two sites the other one has taken over, or it has not renewed the right of this one to write. What was accepted is kept.',
    help: 'Send requests to the name that both sites share. Operators: docs/standby.md.',
  },
  carrier_unavailable: {
    title: 'Redis cannot be reached',
    status: 503,
    retryable: true,
    cause:
      'Redis is starting, stopping or away, or the way to it is broken. Jobs are accepted all the same and wait in the database.',
    help: 'Nothing is to be sent again. If it stays so, check Redis and the setting redisUrl.',
  },
  lease_expired: {
    title: 'The worker went away',
    status: 500,
    retryable: true,
    cause: 'The worker that ran the job was lost, and this happened too often for the job to be tried once more.',
    help: 'Look for crashes of the server in its log.',
  },
} as const;

export type ErrorCode =
  | keyof typeof table
  | keyof typeof assetErrorCodes
  | keyof typeof storageErrorCodes
  | keyof typeof loraErrorCodes
  | keyof typeof modelErrors
  | keyof typeof qualityErrorCodes
  | keyof typeof costErrorCodes
  | keyof typeof webhookErrorCodes
  | keyof typeof bulkErrorCodes
  | keyof typeof alertErrorCodes
  | keyof typeof fileErrorCodes;

/** Codes of error answers (`Problem.code`) and of failed jobs (`JobError.code`). A code is never reused. */
export const errorCodes: Readonly<Record<ErrorCode, ErrorCodeEntry>> = {
  ...table,
  ...assetErrorCodes,
  ...storageErrorCodes,
  ...loraErrorCodes,
  ...modelErrors,
  ...qualityErrorCodes,
  ...costErrorCodes,
  ...webhookErrorCodes,
  ...alertErrorCodes,
  ...bulkErrorCodes,
  ...fileErrorCodes,
};

/** Whether a string is one of our codes. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
