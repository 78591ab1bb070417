import { type Client, createClient } from '@imagemill/api/client';

/** The API of the server that served this page. */
export const client: Client = createClient();
