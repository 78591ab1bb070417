/** Error codes of alerts. */
export const alertErrorCodes = {
  alert_not_found: {
    title: 'No such alert',
    status: 404,
    retryable: false,
    cause: 'The id is wrong, or the alert was resolved more than 90 days ago.',
    help: 'GET /v1/alerts lists them.',
  },
  alert_rule_not_found: {
    title: 'No such alert rule',
    status: 404,
    retryable: false,
    cause: 'The id is wrong, or the rule was deleted.',
    help: 'GET /v1/alert-rules lists them.',
  },
  alert_channel_not_found: {
    title: 'No such channel',
    status: 404,
    retryable: false,
    cause: 'The id is wrong, the channel was deleted, or it is made by the settings and cannot be deleted here.',
    help: 'GET /v1/alert-channels lists them. The channel mail follows from the settings alertMailTo and smtpUrl.',
  },
  alert_silence_not_found: {
    title: 'No such silence',
    status: 404,
    retryable: false,
    cause: 'The id is wrong, or the silence is over.',
    help: 'GET /v1/alert-silences lists those that hold.',
  },
  alert_limit_reached: {
    title: 'Too many of them',
    status: 409,
    retryable: false,
    cause: 'There are as many rules, channels or silences as there may be.',
    help: 'Delete one that is not needed any more.',
  },
} as const;
