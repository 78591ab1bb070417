/** Codes about pictures that the quality gate looked at. */
export const qualityErrorCodes = {
  picture_held: {
    title: 'The picture waits for a review',
    status: 409,
    retryable: false,
    cause: 'The picture failed a check of the quality gate whose action is review; `details.reasons` names it.',
    help: 'Accept, reject or redraw it on the review page or by POST /v1/reviews/:id/accept, reject or redraw.',
  },
  picture_redrawn: {
    title: 'The picture is drawn once more with another seed',
    status: 409,
    retryable: true,
    cause: 'The picture failed a check of the quality gate whose action is retry; `details.reasons` names it.',
    help: 'Nothing needs to be done. If too many pictures are drawn anew, look at the limits of the quality policy.',
  },
  review_not_found: {
    title: 'No such review',
    status: 404,
    retryable: false,
    cause: 'The id is wrong or belongs to somebody else, or the quality gate found nothing wrong with the picture.',
    help: 'GET /v1/reviews lists the pictures that wait for a decision.',
  },
  review_decided: {
    title: 'The review is decided already',
    status: 409,
    retryable: false,
    cause: 'Somebody accepted, rejected or redrew the picture before, or its job runs again.',
    help: 'GET /v1/reviews shows what was decided, with state=accepted, rejected or redrawn.',
  },
} as const;
