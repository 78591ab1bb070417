/**
 * Fails when the docs lack something that the code has: a command or option of the command line in `docs/cli.md`, a
 * signal in `docs/operations/alerts.md`, an incident in `docs/operations/runbook.md`; or when a link of
 * the operators' pages leads nowhere.
 * Settings, errors and metrics are written by `sync-docs.ts`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { allCommands, createProgram } from '../apps/cli/src/program.ts';
import { incidentKinds } from '../apps/server/src/application/incidents.ts';
import { signals } from '../apps/server/src/domain/alerting/rule.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What is missing, one sentence each. */
export function missingInDocs(): string[] {
  const missing: string[] = [];
  const need = (page: string, what: string, words: string): void => {
    if (!read(page).includes(words)) missing.push(`${page} does not name ${what}.`);
  };
  for (const words of commandsAndOptions()) need('docs/cli.md', words, words);
  for (const signal of Object.keys(signals)) need('docs/operations/alerts.md', `the signal ${signal}`, `\`${signal}\``);
  for (const kind of incidentKinds) need('docs/operations/runbook.md', `the incident ${kind}`, `\`${kind}\``);
  for (const page of pagesBelow('docs/operations')) {
    for (const [, target = ''] of read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      if (!existsSync(resolve(root, dirname(page), target)))
        missing.push(`${page} links to ${target}, which is not there.`);
    }
  }
  return missing;
}

function commandsAndOptions(): string[] {
  const context = {} as Parameters<typeof createProgram>[1];
  const program = createProgram('0', context, async () => undefined);
  return allCommands(program).flatMap((command) => {
    const options = command.options.map(({ long }) => long ?? '').filter((long) => !GENERAL.has(long));
    return command === program ? options : [command.name(), ...options];
  });
}

function pagesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => name.endsWith('.md'));
}

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

const GENERAL: ReadonlySet<string> = new Set(['--help', '--version', '--verbose', '']);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const missing = missingInDocs();
  for (const sentence of missing) console.log(sentence);
  console.log(missing.length === 0 ? 'docs: nothing is missing' : `docs: ${missing.length} things are missing`);
  process.exitCode = missing.length === 0 ? 0 : 1;
}
