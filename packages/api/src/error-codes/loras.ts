/** Codes about LoRA adapters. */
export const loraErrorCodes = {
  lora_not_found: {
    title: 'No such LoRA',
    status: 404,
    retryable: false,
    cause: 'No file of the installation and no upload of the tenant has this name.',
    help: 'GET /v1/loras lists the names.',
  },
  lora_rejected: {
    title: 'The file is no LoRA that can be drawn with',
    status: 422,
    retryable: false,
    cause:
      'The upload is damaged, is no safetensors file, or holds keys that no layer of a model takes; the detail names them.',
    help: 'Upload a LoRA for Z-Image in the safetensors format.',
  },
  lora_exists: {
    title: 'There is another LoRA of this name',
    status: 409,
    retryable: false,
    cause: 'An upload has the name of a LoRA with other content.',
    help: 'Choose another name, or delete the other one first.',
  },
  lora_protected: {
    title: 'The LoRA belongs to the installation',
    status: 409,
    retryable: false,
    cause: 'Only uploads can be deleted through the API.',
    help: 'Remove the file from the folder of LoRAs.',
  },
  lora_unavailable: {
    title: 'The LoRA cannot be fetched for now',
    status: 503,
    retryable: true,
    cause:
      'The upload is on record, but its bytes are not in the bucket, or are others than the record says. A job that needs it goes back to the queue and is tried again.',
    help: 'Bring the bucket up to date from its replica or a backup, or delete the LoRA and upload it again.',
  },
  lora_gone: {
    title: 'The LoRA is no longer there',
    status: 500,
    retryable: false,
    cause: 'The generation was accepted with a LoRA that was removed or replaced before the picture was drawn.',
    help: 'Put the file back and redrive the job, or submit again.',
  },
  lora_invalid: {
    title: 'The LoRA cannot be read',
    status: 500,
    retryable: false,
    cause: 'The file is damaged or holds keys that cannot be applied; the message names them.',
    help: 'Export the adapter again.',
  },
  lora_incompatible: {
    title: 'The LoRA does not fit the model',
    status: 422,
    retryable: false,
    cause: 'It changes layers that the model lacks or has in another size; the message names them.',
    help: 'Use an adapter that was trained for this model.',
  },
  lora_too_large: {
    title: 'The LoRA takes too much memory',
    status: 500,
    retryable: false,
    cause: 'One adapter alone takes more memory than all adapters may take together.',
    help: 'Use an adapter of a lower rank.',
  },
} as const;
