/** Error codes of bulks. */
export const bulkErrorCodes = {
  bulk_not_found: {
    title: 'No such bulk',
    status: 404,
    retryable: false,
    cause: 'The id is wrong or the bulk belongs to another tenant.',
    help: 'GET /v1/bulks lists the bulks of your tenant.',
  },
  bulk_file_invalid: {
    title: 'The file cannot be read',
    status: 422,
    retryable: false,
    cause: 'The file has no header or no rows, is not of the kind that its name says, or unpacks to too much.',
    help: 'Hand in CSV with a header, one JSON object a line, or an .xlsx workbook; the detail says what is wrong.',
  },
} as const;
