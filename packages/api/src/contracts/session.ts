/** Sign-in of a browser. */
import { z } from 'zod';

/** Body of `POST /v1/session`. */
export interface SignInRequest {
  /** An API key. */
  readonly key: string;
}

export const signInRequestSchema: z.ZodType<SignInRequest> = z
  .strictObject({ key: z.string().min(1).max(200) })
  .meta({ id: 'SignInRequest' });
