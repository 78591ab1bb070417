/** Codes about money. */
export const costErrorCodes = {
  budget_exceeded: {
    title: 'The budget of the month is spent',
    status: 402,
    retryable: false,
    cause:
      'The tenant has a hard budget for the calendar month (UTC), and what is spent, waits and was asked for exceeds it.',
    help: 'Wait for the next month, ask for less, or have an admin of the installation raise the budget (PUT /v1/budget).',
  },
} as const;
