/**
 * Writes the pages of `docs/` that follow from the code: every error code and every setting.
 * `--check` writes nothing and fails when a page is out of date.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type MetricDefinition, metricDefinitions } from '../apps/server/src/adapters/telemetry/metric-definitions.ts';
import { modelErrorCodes } from '../apps/server/src/application/model-errors.ts';
import { describeSettings, type SettingDescription } from '../apps/server/src/config/describe.ts';
import { startupErrorCodes } from '../apps/server/src/config/startup-error.ts';
import { errorCodes } from '../packages/api/src/error-codes.ts';
import { diffusionErrorCodes } from '../packages/diffusion/src/errors.ts';

const pages: Readonly<Record<string, () => string>> = {
  'errors.md': errorsPage,
  'metrics.md': metricsPage,
  'settings.md': settingsPage,
};

export function errorsPage(): string {
  const api = Object.entries(errorCodes).sort(([a, x], [b, y]) => x.status - y.status || a.localeCompare(b));
  return page(
    'Error codes',
    'Every error carries a stable `code`; messages may change. The API answers with RFC 9457 problems (`application/problem+json`); the command line prints the code in brackets and, with `--json`, as a field. *Again* says whether the same call may succeed later without a change.',
    [
      '## The API and its jobs',
      '',
      'Status is the HTTP status of an answer; for what happens to a job it is the one that a waiting request would get.',
      '',
      ...table(
        ['Code', 'Status', 'Again', 'Cause', 'What to do'],
        api.map(([code, { status, retryable, cause, help }]) => [
          tick(code),
          String(status),
          yes(retryable),
          cause,
          help,
        ]),
      ),
      '',
      '## The server at its start',
      '',
      'The server says one sentence and ends with exit code 1.',
      '',
      ...table(
        ['Code', 'Meaning'],
        Object.entries(startupErrorCodes).map(([code, meaning]) => [tick(code), meaning]),
      ),
      '',
      '## The engine',
      '',
      'On the command line, and as the `error.code` of a job that failed.',
      '',
      ...meanings(diffusionErrorCodes),
      '',
      '## Models: finding, pulling, verifying',
      '',
      ...meanings(modelErrorCodes),
    ],
  );
}

export function settingsPage(): string {
  const rows = describeSettings().map((setting) => [
    tick(setting.name),
    tick(setting.variable),
    expected(setting),
    setting.default === undefined ? '' : tick(asText(setting.default)),
    setting.description,
  ]);
  return page(
    'Settings of the server',
    'From the command line, else the environment, else `imagemill.config.json` in the working directory (one JSON object with settings by name), else the default. `MODEL_PATH` stands for `IMAGEMILL_MODEL`. `CUDA_VISIBLE_DEVICES` and the other variables that find drivers and libraries are handed on to engine processes. Unknown names are refused.',
    table(['Setting', 'Variable', 'Value', 'Default', 'Meaning'], rows),
  );
}

export function metricsPage(): string {
  const rows = Object.entries<MetricDefinition>(metricDefinitions).map(([name, { type, labels, help }]) => [
    tick(name),
    type,
    labels.map(tick).join(', '),
    help,
  ]);
  return page(
    'Metrics',
    "`GET /metrics` answers in Prometheus' text format. It asks for the permission `operations:read` of the installation's own tenant: `imagemill keys create --tenant default --role operator --scopes operations:read --name prometheus`, and `authorization: credentials: <key>` in the scrape configuration. On loopback no key is needed unless `requireKey` is set. For a Prometheus in a network of its own the settings `metricsHost` and `metricsPort` open a listener that serves the metrics alone, without a key.",
    [
      'Each process counts what it did itself: sum counters and histograms over instances. Gauges of the queue are read from the records, and are the same on every server of an installation: take their maximum. Labels take values from short lists; tenants appear as the class that `tenantClasses` gives them (else `own` or `other`), with `metricsTenants` as their ids. Beside these there are the usual `process_*` and `nodejs_*` metrics of the server process.',
      '',
      '[deploy/prometheus](../deploy/prometheus) has alert rules with their tests, [deploy/grafana](../deploy/grafana) a dashboard to import.',
      '',
      ...table(['Metric', 'Type', 'Labels', 'Meaning'], rows),
    ],
  );
}

function expected({ choices, type, minimum, maximum }: SettingDescription): string {
  if (choices !== undefined) return choices.map(tick).join(', ');
  if (type === 'integer') return `${group(minimum)} to ${group(maximum)}`;
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'array') return 'list (in a variable: separated by commas)';
  return 'text';
}

function group(value: number | undefined): string {
  if (value === undefined || value === Number.MAX_SAFE_INTEGER) return 'any';
  return value.toLocaleString('en-US');
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function meanings(
  codes: Readonly<Record<string, { readonly retryable: boolean; readonly meaning: string }>>,
): string[] {
  const rows = Object.entries(codes).map(([code, { retryable, meaning }]) => [tick(code), yes(retryable), meaning]);
  return table(['Code', 'Again', 'Meaning'], rows);
}

function page(title: string, intro: string, body: readonly string[]): string {
  const note =
    '<!-- Written by `npm run docs:sync` from the code; `npm run docs:check` fails when it is out of date. -->';
  return `${[`# ${title}`, '', note, '', intro, '', ...body].join('\n')}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

function tick(text: string): string {
  return `\`${text}\``;
}

function yes(value: boolean): string {
  return value ? 'yes' : 'no';
}

function main(isCheck: boolean): number {
  const stale: string[] = [];
  for (const [name, write] of Object.entries(pages)) {
    const path = fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
    const text = write();
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    stale.push(`docs/${name}`);
    if (!isCheck) writeFileSync(path, text);
  }
  if (stale.length === 0) console.log('docs: up to date');
  else
    console.log(
      isCheck ? `docs: out of date: ${stale.join(', ')}. Run "npm run docs:sync".` : `docs: wrote ${stale.join(', ')}`,
    );
  return isCheck ? stale.length : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = main(process.argv.includes('--check')) === 0 ? 0 : 1;
