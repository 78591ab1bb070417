/** Codes about stored and uploaded pictures. */
export const assetErrorCodes = {
  asset_not_found: {
    title: 'No such picture',
    status: 404,
    retryable: false,
    cause: 'The id is wrong or belongs to somebody else, or the file was removed from the data folder.',
    help: 'Use the url of an asset as the API returned it.',
  },
  asset_link_invalid: {
    title: 'The address was not signed by this server',
    status: 403,
    retryable: false,
    cause: 'Something in the address of a picture was changed, or its signature belongs to another picture or server.',
    help: 'Use the url of an asset as the API returned it, or ask for the picture with an API key.',
  },
  asset_link_expired: {
    title: 'The address has expired',
    status: 403,
    retryable: false,
    cause: 'Addresses of pictures open without an API key for the time of the setting assetUrlSeconds only.',
    help: 'Ask for the generation again, which gives a new address, or ask for the picture with an API key.',
  },
  upload_too_large: {
    title: 'The upload is too large',
    status: 413,
    retryable: false,
    cause: 'The file is larger than the setting for uploads of its kind; the detail names it.',
    help: 'Send a smaller file, or raise the setting.',
  },
  picture_rejected: {
    title: 'The file is no picture that can be drawn from',
    status: 422,
    retryable: false,
    cause:
      'It is not a PNG, JPEG or WebP file, is damaged or animated, has more pixels than are accepted, or holds something else after its end; the detail tells which.',
    help: 'Save the picture again as PNG, JPEG or WebP, smaller if it is large.',
  },
  source_invalid: {
    title: 'The source picture cannot be read',
    status: 500,
    retryable: false,
    cause: 'The picture to start from, or its mask, could not be decoded when it was to be drawn from.',
    help: 'Upload it again and submit again.',
  },
  source_gone: {
    title: 'The source picture is no longer there',
    status: 500,
    retryable: false,
    cause: 'The generation was accepted with a picture whose file was removed before it was drawn from.',
    help: 'Upload it again and submit again.',
  },
} as const;
