import { z } from 'zod';

/** A sentence that the server says of a device, a model, an adapter or a bulk, with what other languages need to say it. */
export interface Notice {
  /** Stable: one of `noticeCodes`, or an error code. */
  readonly code: string;
  /** The sentence in English. */
  readonly message: string;
  /** Names and numbers of the sentence. */
  readonly details?: Readonly<Record<string, string | number>> | undefined;
}

export const noticeSchema: z.ZodType<Notice> = z
  .object({
    code: z.string().meta({ description: 'Stable', example: 'cpu_instead' }),
    message: z.string().meta({ description: 'In English', example: 'The CPU is used instead of cuda.' }),
    details: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .optional()
      .meta({ description: 'Names and numbers of the sentence', example: { device: 'cuda' } }),
  })
  .meta({ id: 'Notice' });

/** What notices are about, beside the error codes. A newer server may know more. */
export const noticeCodes = [
  // Devices, when an engine starts.
  'cpu_instead',
  'provider_not_built',
  'self_test_failed',
  'cuda_libraries_missing',
  'webgpu_adapter_missing',
  'pictures_grey',
  'remote_comfyui',
  'remote_models',
  // Engines that cannot draw, and models that cannot be loaded.
  'device_unavailable',
  'device_failed',
  'out_of_memory',
  'model_too_large',
  'cache_unwritable',
  'option_invalid',
  'cancelled',
  // Files of a model.
  'checkpoint_not_found',
  'checkpoint_file_missing',
  'checkpoint_file_unreadable',
  'checkpoint_file_truncated',
  'checkpoint_file_damaged',
  'checkpoint_config_invalid',
  'checkpoint_unsupported',
  'tensor_missing',
  'tensor_surplus',
  'tensor_shape_mismatch',
  'tensor_type_unsupported',
  // Files of adapters.
  'lora_keys_unknown',
  'lora_keys_dora',
  // Pulls and checks of models.
  'files_differ',
  'model_unknown',
  'model_ambiguous',
  'model_name_invalid',
  'model_unverifiable',
  'manifest_damaged',
  'hub_unreachable',
  'hub_unavailable',
  'hub_rate_limited',
  'hub_access_denied',
  'hub_model_not_found',
  'hub_answer_invalid',
  'hub_redirect_refused',
  'hub_model_unsupported',
  'download_truncated',
  'download_damaged',
  'folder_unwritable',
] as const;
export type NoticeCode = (typeof noticeCodes)[number];
