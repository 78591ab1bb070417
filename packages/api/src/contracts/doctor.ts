import { z } from 'zod';
import { timestampSchema } from './primitives.ts';

export interface DoctorCheck {
  readonly id: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly advice?: string | undefined;
}

/** A fault that the watchdog saw and what it did. */
export interface Incident {
  readonly at: string;
  readonly kind: string;
  readonly message: string;
  readonly action: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Answer of `GET /v1/doctor`. */
export interface Diagnosis {
  readonly version: string;
  /** The server's clock. */
  readonly at: string;
  readonly checks: readonly DoctorCheck[];
  /** Newest first. */
  readonly incidents: readonly Incident[];
}

export const diagnosisSchema: z.ZodType<Diagnosis> = z
  .object({
    version: z.string(),
    at: timestampSchema,
    checks: z.array(
      z.object({
        id: z.string(),
        state: z.enum(['ok', 'warn', 'fail']),
        message: z.string(),
        advice: z.string().optional(),
      }),
    ),
    incidents: z.array(
      z.object({
        at: timestampSchema,
        kind: z.string(),
        message: z.string(),
        action: z.string(),
        details: z.record(z.string(), z.unknown()),
      }),
    ),
  })
  .meta({ id: 'Diagnosis' });
