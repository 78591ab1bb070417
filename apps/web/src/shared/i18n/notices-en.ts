/**
 * What the server says of devices, models and adapters, in English. `notices-zh-cn.ts` holds the same keys; a test holds
 * both against `noticeCodes` of `@imagemill/api`. Codes of errors have their sentences in `errors-en.ts`.
 */
export const noticesEn = {
  inServersWords: 'In the server’s words',
  /** Sentences that say all. */
  whole: {
    cpu_instead: 'The processor is used instead of {{device}}.',
    provider_not_built: '{{provider}} is not part of this installation, which has {{found}}.',
    self_test_failed: '{{provider}} failed its self-test with {{attention}} attention: {{reason}}',
    cuda_libraries_missing:
      'The CUDA libraries of ONNX Runtime are not installed; “npm run cuda:install” adds them. CUDA 12 and cuDNN 9 must be on the machine.',
    webgpu_adapter_missing:
      'No WebGPU adapter was found: a graphics card with a Vulkan, Metal or Direct3D 12 driver is needed.',
    pictures_grey: 'Pictures are grey: this device waits {{ms, number}} ms for each and computes nothing.',
    remote_comfyui: 'ComfyUI {{version}} at {{engine}} on {{devices}}.',
    remote_models: 'The engine at {{engine}} offers: {{models}}.',
    cancelled: 'It was stopped.',
    lora_keys_unknown_one: '{{count, number}} key that belongs to no known layer is left out: {{keys}}',
    lora_keys_unknown_other: '{{count, number}} keys that belong to no known layer are left out: {{keys}}',
    lora_keys_dora_one: '{{count, number}} key of DoRA, which cannot be applied, is left out: {{keys}}',
    lora_keys_dora_other: '{{count, number}} keys of DoRA, which cannot be applied, are left out: {{keys}}',
    files_differ_one: '{{count, number}} file differs from what it should be.',
    files_differ_other: '{{count, number}} files differ from what they should be.',
  },
  /** What is wrong, in short; the server's own words follow. */
  short: {
    device_unavailable: 'The device cannot be used.',
    device_failed: 'The device failed in the middle of the work.',
    out_of_memory: 'The device has too little memory.',
    model_too_large: 'The model alone takes more memory than models may take.',
    cache_unwritable: 'Converted weights cannot be written to the disk.',
    option_invalid: 'A setting of the engine is wrong.',
    checkpoint_not_found: 'There is no such folder.',
    checkpoint_file_missing: 'A file of the model is missing.',
    checkpoint_file_unreadable: 'A file cannot be read.',
    checkpoint_file_truncated: 'A file ends too early.',
    checkpoint_file_damaged: 'A file is damaged.',
    checkpoint_config_invalid: 'A configuration file lacks a value or holds a wrong one.',
    checkpoint_unsupported: 'The model asks for arithmetic that this version lacks.',
    tensor_missing: 'Weights are missing.',
    tensor_surplus: 'The files hold weights that the model does not know.',
    tensor_shape_mismatch: 'Weights have another shape than the configuration asks for.',
    tensor_type_unsupported: 'Weights are stored in a type that cannot be used here.',
    model_unknown: 'No model of this name is installed.',
    model_ambiguous: 'Several installed models have this name.',
    model_name_invalid: 'The name is not of the form owner/name.',
    model_unverifiable: 'The model has no list of hashes to check its files against.',
    manifest_damaged: 'The list of hashes of the model is damaged.',
    hub_unreachable: 'The hub does not answer.',
    hub_unavailable: 'The hub has a passing fault. Try again later.',
    hub_rate_limited: 'The hub asks for a pause. Try again later.',
    hub_access_denied: 'The hub wants a token, or an accepted licence, for this model.',
    hub_model_not_found: 'The hub has no such model, revision or file.',
    hub_answer_invalid: 'The hub answered something unexpected.',
    hub_redirect_refused: 'The hub led to an address that is not followed.',
    hub_model_unsupported: 'The repository is not a model that can be drawn with here.',
    download_truncated: 'A file ended too early on its way. Pull again: what was received is kept.',
    download_damaged: 'A file was damaged on its way. Pull again.',
    folder_unwritable: 'The folder of models cannot be written.',
  },
} as const;
