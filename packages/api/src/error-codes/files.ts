/** Error codes of files and batches of OpenAI's API. */
export const fileErrorCodes = {
  file_not_found: {
    title: 'No such file',
    status: 404,
    retryable: false,
    cause: 'The id is wrong, the file was deleted or its time is over, or it belongs to another tenant.',
    help: 'GET /v1/files lists the files of your tenant.',
  },
  file_in_use: {
    title: 'The file is needed',
    status: 409,
    retryable: false,
    cause: 'A batch that has not ended reads this file.',
    help: 'Wait until the batch has ended, or cancel it.',
  },
  batch_not_found: {
    title: 'No such batch',
    status: 404,
    retryable: false,
    cause: 'The id is wrong or the batch belongs to another tenant.',
    help: 'GET /v1/batches lists the batches of your tenant.',
  },
} as const;
