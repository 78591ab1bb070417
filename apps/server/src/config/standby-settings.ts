import { z } from 'zod';

const command = z.string().min(1).max(4_096).optional();
const dnsName = z.string().regex(/^(?=.{1,253}\.?$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?)+$/i, 'a DNS name');

/** What "imagemill standby" watches, and what it does when the active site is gone. */
export const standbySettings = {
  site: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens')
    .optional()
    .describe(
      'Name of the site that this process belongs to, where there are two. Records that belong to another site are neither written nor claimed.',
    ),
  standbyActiveUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address of the active site that "imagemill standby" watches: it asks /health/ready there.'),
  standbyUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address of the standby site, as "imagemill standby" reaches it. DNS is switched when it is ready.'),
  standbyActiveDatabaseUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'postgres://user:password@host:port/database')
    .optional()
    .describe(
      'Database of the active site, as "imagemill standby" reaches it: to renew that site\'s lease, to tell it how far this one is behind, and to fence it. Never logged.',
    ),
  standbyLeaseSeconds: z
    .number()
    .min(0)
    .max(3_600)
    .default(0)
    .describe(
      'The active site may write for this long after "imagemill standby" last reached its database, and a switch waits for that; 0 lets it write without end. At least three times standbyIntervalSeconds.',
    ),
  standbyIntervalSeconds: z.number().min(0.05).max(300).default(2).describe('How often the active site is asked.'),
  standbyFailures: z
    .int()
    .min(1)
    .max(1_000)
    .default(5)
    .describe('So many answers that fail in a row mean that the active site is gone.'),
  standbyFenceCommand: command.describe(
    'Command that makes sure that the old site does not go on: cuts its power or network. Only when it ends with 0 is the site switched.',
  ),
  standbyPromoteCommand: command.describe(
    'Command that makes the database of the standby site writable, e.g. by restoring a backup. By default pg_promote() in databaseUrl, which must be a streaming replica then.',
  ),
  standbyStartCommand: command.describe(
    'Command that starts the processes of the standby site once its database is promoted.',
  ),
  standbySwitchCommand: command.describe(
    'Command that leads clients to the standby site, in place of an update of DNS.',
  ),
  standbyDnsServer: z
    .string()
    .regex(/^[^\s:]+(:\d{1,5})?$|^\[[0-9a-f:]+\](:\d{1,5})?$/i, 'host or host:port')
    .optional()
    .describe('Primary DNS server that takes dynamic updates (RFC 2136), as host or host:port.'),
  standbyDnsZone: dnsName.optional().describe('Zone of the name that is switched, e.g. example.com.'),
  standbyDnsName: dnsName.optional().describe('Name that is switched to the standby site, e.g. mill.example.com.'),
  standbyDnsAddresses: z
    .array(z.union([z.ipv4(), z.ipv6()]))
    .max(16)
    .default([])
    .describe('Addresses of the standby site under that name.'),
  standbyDnsTtlSeconds: z.int().min(0).max(5).default(5).describe('How long resolvers may keep the new addresses.'),
  standbyDnsKeyName: dnsName.optional().describe('Name of the TSIG key (HMAC-SHA256) that signs the update.'),
  standbyDnsKeySecret: z
    .base64()
    .min(1)
    .max(1_000)
    .optional()
    .describe('Secret of that key, in base64. It is never logged or shown.'),
};
