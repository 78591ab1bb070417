import { createHash } from 'node:crypto';
import { generationRequestSchema } from '@imagemill/api';
import type { z } from 'zod';
import type { EvaluateRow } from '../../application/bulk-ports.ts';
import { type BulkSettings, fillTemplate, problemOfError, seedOfRow, withColumns } from '../../domain/bulk.ts';
import type { AppError } from '../../domain/errors.ts';

export interface EvaluateRowPorts {
  /** The error that names every setting that was refused, as a request with it would get. */
  readonly errorOf: (error: z.ZodError, asked: unknown) => AppError;
}

/** What a row asks for, with the settings of the bulk where its own columns say nothing. Checked as a request is. */
export function createEvaluateRow({ errorOf }: EvaluateRowPorts): EvaluateRow {
  return (given, settings) => evaluateRow(given, settings, errorOf);
}

function evaluateRow(
  given: Readonly<Record<string, string>>,
  { template, seed, unchangedSince: _since, columns, ...defaults }: BulkSettings,
  errorOf: EvaluateRowPorts['errorOf'],
): ReturnType<EvaluateRow> {
  const row = withColumns(given, columns);
  const own = overridesOf(row);
  const filled = template === undefined ? { text: row['prompt'] ?? '' } : fillTemplate(template, row, seed);
  if ('problem' in filled) return filled;
  const request = { seed: seedOfRow(row, seed), ...defaults, ...own, prompt: filled.text, priority: 'bulk' };
  const asked = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
  const parsed = generationRequestSchema.safeParse(asked);
  if (!parsed.success) {
    return { problem: problemOfError(errorOf(parsed.error, asked)) };
  }
  const { deadline: _deadline, maxRetries: _retries, retryBackoffSeconds: _backOff, ...input } = parsed.data;
  return { input, hash: createHash('sha256').update(JSON.stringify(input)).digest('hex') };
}

/** Columns with the names of settings, as text or as a number; an empty cell says nothing. */
function overridesOf(row: Readonly<Record<string, string>>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const name of NUMBERS) {
    const text = row[name]?.trim();
    // What is no number goes on as text, so that the check of the request names it.
    if (text) found[name] = Number.isFinite(Number(text)) ? Number(text) : text;
  }
  for (const name of TEXTS) if (row[name]) found[name] = row[name];
  return found;
}

const NUMBERS = ['width', 'height', 'seed', 'steps', 'count', 'guidanceScale', 'quality'] as const;
const TEXTS = ['negativePrompt', 'model', 'format'] as const;
