/** Error codes of webhooks. */
export const webhookErrorCodes = {
  webhook_not_found: {
    title: 'No such webhook',
    status: 404,
    retryable: false,
    cause: 'The id is wrong or the webhook belongs to another tenant.',
    help: 'GET /v1/webhooks lists the webhooks of your tenant.',
  },
  delivery_not_found: {
    title: 'No such delivery',
    status: 404,
    retryable: false,
    cause: 'The id is wrong, the delivery is of another webhook, or it ended more than 30 days ago.',
    help: 'GET /v1/webhooks/{id}/deliveries lists what was sent.',
  },
  webhook_limit_reached: {
    title: 'Too many webhooks',
    status: 409,
    retryable: false,
    cause: 'The tenant has as many webhooks as it may have.',
    help: 'Delete one that is not needed any more, or let one take several kinds of events.',
  },
} as const;
