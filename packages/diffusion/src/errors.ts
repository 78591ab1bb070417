/**
 * Every code of the engine, with whether the same call may succeed when it is made again unchanged.
 * Callers branch on the code; the message is for people.
 */
export const diffusionErrorCodes = {
  checkpoint_not_found: { retryable: false, meaning: 'There is no checkpoint folder at the given path.' },
  checkpoint_file_missing: { retryable: false, meaning: 'A file that the checkpoint needs is not there.' },
  checkpoint_file_unreadable: { retryable: true, meaning: 'A file of the checkpoint exists but cannot be read.' },
  checkpoint_file_truncated: { retryable: false, meaning: 'A file of the checkpoint ends before its contents do.' },
  checkpoint_file_damaged: { retryable: false, meaning: 'The contents of a checkpoint file contradict themselves.' },
  checkpoint_config_invalid: { retryable: false, meaning: 'A configuration file lacks a value or holds a wrong one.' },
  checkpoint_unsupported: { retryable: false, meaning: 'The checkpoint asks for arithmetic that the engine lacks.' },
  tensor_missing: { retryable: false, meaning: 'A tensor that the model needs is not in the files.' },
  tensor_surplus: { retryable: false, meaning: 'The files hold a tensor that the model does not know.' },
  tensor_shape_mismatch: { retryable: false, meaning: 'A tensor has another shape than the configuration asks for.' },
  tensor_type_unsupported: { retryable: false, meaning: 'A tensor is stored in a type that cannot be used here.' },
  prompt_too_long: { retryable: false, meaning: 'The prompt is longer than the accepted limit.' },
  size_invalid: { retryable: false, meaning: 'Width or height is not a size that the model can draw.' },
  option_invalid: { retryable: false, meaning: 'An option has a wrong type or value, or is unknown.' },
  cancelled: { retryable: true, meaning: 'The caller stopped the work.' },
  out_of_memory: { retryable: true, meaning: 'The device has too little memory for this work.' },
  device_unavailable: { retryable: true, meaning: 'The chosen device or execution provider cannot be used.' },
  device_failed: { retryable: true, meaning: 'The device or its runtime failed in the middle of the work.' },
  model_too_large: { retryable: false, meaning: 'The model alone takes more memory than models may take.' },
  model_in_use: { retryable: true, meaning: 'The model is drawing and cannot be unloaded.' },
  disk_full: { retryable: true, meaning: 'A file cannot be written because the disk is full.' },
  cache_unwritable: { retryable: true, meaning: 'A file of converted weights cannot be written.' },
  lora_not_found: { retryable: false, meaning: 'There is no LoRA file at the given path.' },
  lora_invalid: { retryable: false, meaning: 'A LoRA file is damaged or holds keys that cannot be applied.' },
  lora_incompatible: {
    retryable: false,
    meaning: 'An adapter changes layers that the model lacks or has in another size.',
  },
  lora_too_large: { retryable: false, meaning: 'An adapter takes more memory than adapters may take together.' },
  source_invalid: { retryable: false, meaning: 'The picture to start from, or its mask, cannot be read.' },
  picture_invalid: { retryable: true, meaning: 'The computed picture holds values that are no colours.' },
} as const;

export type DiffusionErrorCode = keyof typeof diffusionErrorCodes;

/** Additional facts of an error; `cause` is the error that led to it. */
export interface DiffusionErrorOptions {
  readonly details?: Record<string, unknown>;
  readonly cause?: unknown;
}

/** The one error class that the engine throws on purpose: a stable code, a sentence, and the facts behind it. */
export class DiffusionError extends Error {
  override readonly name: string = 'DiffusionError';
  readonly code: DiffusionErrorCode;
  readonly details: Record<string, unknown>;
  /** True when the same call may succeed later without a change. */
  readonly retryable: boolean;

  constructor(code: DiffusionErrorCode, message: string, options: DiffusionErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.retryable = diffusionErrorCodes[code].retryable;
  }
}

/** Throws `cancelled` when the signal has been aborted; `what` names the work, for the message. */
export function throwIfCancelled(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw new DiffusionError('cancelled', `${what} was cancelled.`, { cause: signal.reason });
}
