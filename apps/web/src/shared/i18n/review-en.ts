/** Messages of the review page in English. `review-zh-cn.ts` holds the same keys. */
export const reviewEn = {
  title: 'Review',
  about:
    'Pictures that failed a check. Those held back do not count before they are accepted; marked ones count until they are rejected.',
  list: 'Pictures to review',
  empty: 'Nothing waits for a decision.',
  picture: 'Picture to review: {{prompt}}',
  held: 'Held back until somebody decides',
  marked: 'Marked; it counts already',
  limit: 'limit',
  seed: 'seed {{seed}}',
  accept: 'Accept',
  reject: 'Reject',
  redraw: 'Draw again',
  checks: {
    blank: 'Of one colour',
    clipped: 'Nearly all black or white',
    blurred: 'Less sharp than this model normally draws',
    duplicate: 'Like another picture',
    unsafe: 'Unsafe by the safety model',
    unattractive: 'Unattractive by the aesthetic model',
  },
} as const;
