export { type Asset, assetSchema } from './contracts/asset.ts';
export {
  type EventsQuery,
  eventsQuerySchema,
  type GenerationEvent,
  type GenerationFinishedEvent,
  generationEventSchema,
  generationEventTypes,
  type JobCancelledEvent,
  type JobFailedEvent,
  type JobPreviewEvent,
  type JobQueuedEvent,
  type JobStartedEvent,
  type JobStepEvent,
  type JobSucceededEvent,
} from './contracts/event.ts';
export {
  type Generation,
  type GenerationLinks,
  type GenerationPage,
  type GenerationRequest,
  type GenerationRequestInput,
  type GenerationState,
  generationPageSchema,
  generationRequestSchema,
  generationSchema,
  generationStates,
  type ListGenerationsQuery,
  listGenerationsQuerySchema,
  type SubmitHeaders,
  submitHeadersSchema,
} from './contracts/generation.ts';
export {
  type Attempt,
  type AttemptOutcome,
  type IdParams,
  idParamsSchema,
  type Job,
  type JobDetail,
  type JobProgress,
  type JobState,
  type JobTimings,
  jobDetailSchema,
  jobSchema,
  jobStates,
} from './contracts/job.ts';
export { LIMITS } from './contracts/limits.ts';
export {
  type Lora,
  type LoraList,
  type LoraParams,
  type LoraRequest,
  type LoraUse,
  loraListSchema,
  loraParamsSchema,
  loraRequestSchema,
  loraSchema,
  loraUseSchema,
  type ParsedLoraRequest,
} from './contracts/lora.ts';
export { type Model, type ModelList, type ModelState, modelListSchema } from './contracts/model.ts';
export {
  type OversizePolicy,
  type PictureFormat,
  type Priority,
  pictureFormats,
  priorities,
  type Warning,
} from './contracts/primitives.ts';
export {
  type FieldError,
  type FieldErrorCode,
  type JobError,
  type Problem,
  problemSchema,
} from './contracts/problem.ts';
export {
  type DeadLetterPage,
  type DeadLetterState,
  deadLetterPageSchema,
  type ListDeadLettersQuery,
  listDeadLettersQuerySchema,
  type PriorityRequest,
  priorityRequestSchema,
  type QueueClass,
  type QueueStatus,
  queueStatusSchema,
  type RedriveRequest,
  type RedriveResult,
  redriveRequestSchema,
  redriveResultSchema,
} from './contracts/queue.ts';
export {
  type EngineState,
  type EngineStatus,
  type Health,
  healthSchema,
  type SystemStatus,
  systemStatusSchema,
} from './contracts/system.ts';
export { type ErrorCode, type ErrorCodeEntry, errorCodes, isErrorCode } from './error-codes.ts';
