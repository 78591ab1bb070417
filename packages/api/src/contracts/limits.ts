/** Limits of the API that no model can widen; a model's own limits come from `GET /v1/models`. */
export const LIMITS = {
  /** Characters (UTF-16 code units) of a prompt or a negative prompt. */
  promptLength: 32_000,
  /** Pictures of one generation. */
  count: 100,
  steps: 100,
  /** Pictures that one request marks or packs. */
  selection: 1_000,
  /** Characters of a tag. */
  tagLength: 60,
  /** Tags that one request adds or removes. */
  tags: 20,
  guidanceScale: 30,
  /** 2^53 − 1: seeds are the integers that a JSON number holds exactly. */
  seed: 9_007_199_254_740_991,
  /** Repeats of a job that failed. */
  retries: 20,
  /** Pause before a repeat: an hour. */
  retryBackoffSeconds: 3_600,
  /** A deadline that is given in seconds: 31 days. */
  deadlineSeconds: 2_678_400,
  /** Characters of an Idempotency-Key. */
  idempotencyKeyLength: 255,
  /** LoRA adapters of one generation. */
  loras: 8,
  /** Largest strength of an adapter, either way. */
  loraStrength: 4,
  loraNameLength: 200,
  /** Pixels of one side, whatever the model. */
  side: 16_384,
  /** Characters of a prompt template. */
  templateLength: 4_000,
  templateNameLength: 80,
  /** Templates of a tenant. */
  templates: 200,
  /** Items of one page of a list. */
  pageSize: 100,
} as const;

/** Items of one page of a list when the caller does not say. */
export const DEFAULT_PAGE_SIZE = 20;
