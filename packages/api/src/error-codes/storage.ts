/** Codes about the S3 service that keeps the pictures. */
export const storageErrorCodes = {
  storage_unreachable: {
    title: 'The S3 service cannot be reached',
    status: 503,
    retryable: true,
    cause: 'The connection to the S3 service that keeps the pictures was refused, broke, or took too long.',
    help: 'Check that the service runs and that the setting s3Endpoint leads to it. Jobs wait and continue by themselves.',
  },
  storage_bucket_missing: {
    title: 'The bucket is missing',
    status: 503,
    retryable: true,
    cause: 'The S3 service has no bucket of the name in the setting s3Bucket.',
    help: 'Create the bucket, or correct the setting.',
  },
  storage_access_denied: {
    title: 'The S3 service refused the key',
    status: 503,
    retryable: true,
    cause: 'The access key is unknown, its secret is wrong, or it may not read and write objects of the bucket.',
    help: 'Check s3AccessKeyId, s3SecretAccessKey, and the rights of the key.',
  },
  storage_clock_wrong: {
    title: 'Clocks differ too much',
    status: 503,
    retryable: true,
    cause: 'The S3 service refuses requests whose time is far from its own; the clock of one machine is wrong.',
    help: 'Set the clocks of both machines, e.g. by NTP.',
  },
} as const;
