import { type Client, createClient } from '@imagemill/api/client';
import { sessionEnd } from './session-state.ts';

/** The API of the server that served this page. */
export const client: Client = createClient({
  async fetch(input, init) {
    const response = await globalThis.fetch(input, init);
    // A key that is refused at sign-in ends no session.
    if (response.status === 401 && !String(input).endsWith('/v1/session')) sessionEnd.set(true);
    return response;
  },
});
