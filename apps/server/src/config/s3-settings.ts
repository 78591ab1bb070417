import { z } from 'zod';

const httpUrl = z.url({ protocol: /^https?$/ }).refine((text) => {
  const { username, password, search, hash } = new URL(text);
  return `${username}${password}${search}${hash}` === '';
}, 'an http or https address without credentials, query and fragment');

/** Where pictures are kept when they are not in a folder: any service that speaks S3. */
export const s3Settings = {
  s3Endpoint: httpUrl
    .optional()
    .describe(
      'Address of an S3 service that keeps the pictures, e.g. https://s3.example.com; addressed path style. Without it they are kept in a folder.',
    ),
  s3Bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'a bucket name: 3 to 63 of a-z, 0-9, dot and hyphen')
    .optional()
    .describe('Bucket of the pictures; it must exist.'),
  s3Region: z
    .string()
    .min(1)
    .max(100)
    .default('us-east-1')
    .describe('Region that requests to the S3 service are signed for.'),
  s3AccessKeyId: z.string().min(1).max(200).optional().describe('Name of the key for the S3 service.'),
  s3SecretAccessKey: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('Secret of the key for the S3 service. It is never logged or shown.'),
  s3LinkSeconds: z
    .int()
    .min(0)
    .max(604_800)
    .default(0)
    .describe(
      'Whether browsers get pictures from the S3 service itself, by a signed address that is good for this long; 0 streams them through this server.',
    ),
  s3PublicEndpoint: httpUrl
    .optional()
    .describe('Address of the S3 service as browsers reach it, in signed addresses. By default s3Endpoint.'),
};
