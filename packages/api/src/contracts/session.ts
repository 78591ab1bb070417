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

/** Answer of `GET /v1/session/options`. */
export interface SignInOptions {
  /** Sign-in with an OpenID Connect provider; absent where keys are the only way. */
  readonly provider?:
    | {
        /** What people call it. */
        readonly name: string;
        /** Where a browser goes to sign in; takes `returnTo`, a path of the page. */
        readonly url: string;
        /** Where a browser goes after signing out here; absent when the provider's session stays. */
        readonly endUrl?: string | undefined;
      }
    | undefined;
}

export const signInOptionsSchema: z.ZodType<SignInOptions> = z
  .object({
    provider: z.object({ name: z.string(), url: z.string(), endUrl: z.string().optional() }).optional(),
  })
  .meta({ id: 'SignInOptions' });
