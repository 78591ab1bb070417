/** What goes wrong with models and with the engine that holds them. */
export const modelErrors = {
  model_not_found: {
    title: 'There is no such model',
    status: 404,
    retryable: false,
    cause: 'No model of this server has this name, or not in this precision on this device; the detail tells which.',
    help: 'GET /v1/models lists the names and, under precisions, those of the variants.',
  },
  model_in_use: {
    title: 'The model is in use',
    status: 409,
    retryable: true,
    cause: 'A picture is being drawn with the model, or it is being loaded.',
    help: 'Unload it when its pictures are done; GET /v1/models says when it is no longer pinned.',
  },
  engine_crashed: {
    title: 'The engine process ended',
    status: 500,
    retryable: true,
    cause: 'The process that draws crashed or was killed, often for lack of memory.',
    help: 'It is restarted and the job tried again. If it repeats: fewer slots, smaller pictures, more memory.',
  },
  engine_stuck: {
    title: 'The engine process stopped answering',
    status: 500,
    retryable: true,
    cause: 'No step was reported for longer than the setting engineStuckAfterMs, so the process was ended.',
    help: 'The job is tried again. If it repeats, look at the log and at the device.',
  },
  engine_answer_invalid: {
    title: 'The engine process answered wrongly',
    status: 500,
    retryable: true,
    cause:
      'The process that draws sent a message that cannot be, or a picture whose bytes or settings are not those that were asked for.',
    help: 'The process was ended and the job is tried again. If it repeats, test the memory of the machine.',
  },
  engine_fault: {
    title: 'The engine could not draw the picture',
    status: 500,
    retryable: false,
    cause: 'The engine reported a fault that has no code of its own; the message has its words.',
    help: 'Read the message; `imagemill models verify` checks the files of a model.',
  },
  model_unusable: {
    title: 'The model cannot be loaded',
    status: 500,
    retryable: false,
    cause: 'A file of the model is missing, truncated or does not fit its configuration; the message names it.',
    help: 'Run `imagemill models verify`, and pull the model again if it is damaged.',
  },
  model_gone: {
    title: 'The model is no longer there',
    status: 500,
    retryable: false,
    cause: 'The generation was accepted with a model that the server does not offer any more.',
    help: 'Configure the model again, or submit with another one.',
  },
} as const;
