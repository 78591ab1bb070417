import {
  createHuggingFaceHub,
  createListModels,
  createModelScopeHub,
  createModelStore,
  createPullModel,
  createRecordModel,
  createVerifyModel,
  type HubSource,
  type InstalledModel,
  loadConfig,
  type ModelHub,
  type ModelStore,
  type PullEvent,
  projectModelsFolder,
  resolveModelsFolder,
  timerPauses,
  type VerifyReport,
} from '@imagemill/server/models';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { interruptible } from '../interruption.ts';
import { formatBytes, formatTable } from '../terminal/format.ts';
import type { Output } from '../terminal/output.ts';
import { createProgressBar, TransferRate } from '../terminal/progress.ts';

export interface ListOptions {
  readonly json: boolean;
  readonly dir?: string;
}

export interface PullOptions {
  readonly revision?: string;
  readonly endpoint?: string;
  readonly source: HubSource;
  readonly dir?: string;
  readonly concurrency: number;
  readonly json: boolean;
}

export interface VerifyOptions {
  readonly json: boolean;
  readonly record: boolean;
  readonly dir?: string;
}

/** The project's models, and the folder that pulled ones go to. */
export function openStore(dir: string | undefined): ModelStore {
  const config = loadConfig({ overrides: dir === undefined ? {} : { modelsDir: dir } });
  return createModelStore({
    modelsFolder: resolveModelsFolder(config.modelsFolder),
    readOnlyFolders: [projectModelsFolder],
  });
}

export async function listModels(options: ListOptions, context: CommandContext): Promise<number> {
  const models = await createListModels({ store: openStore(options.dir) })();
  if (options.json) {
    for (const model of models) context.output.result(JSON.stringify(listed(model)));
  } else if (models.length === 0) {
    context.output.note('No model is installed. "imagemill models pull Tongyi-MAI/Z-Image-Turbo" downloads one.');
  } else {
    const rows = models.map((model) => [
      model.id,
      model.family,
      formatBytes(model.sizeBytes),
      verification(model),
      model.path,
    ]);
    context.output.result(formatTable(['NAME', 'FAMILY', 'SIZE', 'VERIFIED', 'FOLDER'], rows, ['SIZE']));
  }
  return exitCodes.ok;
}

export async function pullModel(repository: string, options: PullOptions, context: CommandContext): Promise<number> {
  const { output } = context;
  const progress = createPullProgress(output);
  const pull = createPullModel({
    hub: createHub(options, context),
    store: openStore(options.dir),
    pauses: timerPauses,
  });
  try {
    const { model, receivedBytes } = await interruptible(
      'Stopped. The same command goes on where it stopped.',
      (signal) =>
        pull({
          repository,
          revision: options.revision,
          concurrency: options.concurrency,
          signal,
          onEvent: progress.take,
        }),
    );
    progress.stop();
    if (options.json) output.result(JSON.stringify({ ...listed(model), receivedBytes }));
    else
      output.result(
        `${model.id} is ready in ${model.path} (${formatBytes(model.sizeBytes)}, ${formatBytes(receivedBytes)} received).`,
      );
    return exitCodes.ok;
  } finally {
    progress.stop();
  }
}

export async function verifyModel(reference: string, options: VerifyOptions, context: CommandContext): Promise<number> {
  const { output } = context;
  const store = openStore(options.dir);
  const bar = createProgressBar(output);
  const onProgress = (done: number, total: number): void =>
    bar.update(done, total, `${formatBytes(done)} of ${formatBytes(total)} hashed`);
  try {
    return await interruptible('Stopped.', async (signal) => {
      const input = { reference, signal, onProgress };
      if (options.record) {
        const model = await createRecordModel({ store })(input);
        bar.stop();
        output.result(
          options.json ? JSON.stringify(listed(model)) : `${model.id}: the manifest of its files is written.`,
        );
        return exitCodes.ok;
      }
      const report = await createVerifyModel({ store })(input);
      bar.stop();
      printReport(report, options.json, output);
      return report.faults.length === 0 ? exitCodes.ok : exitCodes.failed;
    });
  } finally {
    bar.stop();
  }
}

function createHub(options: PullOptions, { environment }: CommandContext): ModelHub {
  const { huggingFace, modelScope } = environment;
  return options.source === 'modelscope'
    ? createModelScopeHub({ endpoint: options.endpoint ?? modelScope.endpoint, token: modelScope.token })
    : createHuggingFaceHub({ endpoint: options.endpoint ?? huggingFace.endpoint, token: huggingFace.token });
}

function listed(model: InstalledModel): Record<string, unknown> {
  const { id, name, path, family, sizeBytes, verification: state, verifiedAt, origin } = model;
  return {
    name: id,
    shortName: name,
    path,
    family,
    sizeBytes,
    verified: state === 'verified',
    state,
    verifiedAt: verifiedAt ?? null,
    origin: origin ?? null,
  };
}

function verification(model: InstalledModel): string {
  const day = model.verifiedAt?.slice(0, 10) ?? '';
  switch (model.verification) {
    case 'verified':
      return `yes, ${day}`;
    case 'changed':
      return 'no: files changed';
    case 'unverified':
      return 'not yet';
  }
}

function printReport(report: VerifyReport, json: boolean, output: Output): void {
  const { model, faults, filesChecked, bytesChecked } = report;
  if (json) {
    output.result(
      JSON.stringify({ name: model.id, path: model.path, ok: faults.length === 0, filesChecked, bytesChecked, faults }),
    );
    return;
  }
  if (faults.length === 0) {
    output.result(`${model.id}: all ${filesChecked} files are whole (${formatBytes(bytesChecked)}).`);
    return;
  }
  for (const { path, fault, expected, got } of faults)
    output.result(`${FAULTS[fault]}  ${path}: expected ${expected}, got ${got}`);
  output.note(`${model.id}: ${faults.length} of ${filesChecked} files are not as they should be. ${remedy(report)}`);
}

const FAULTS = { missing: 'missing', size: 'damaged', hash: 'damaged', surplus: 'surplus' } as const;

function remedy({ model, faults }: VerifyReport): string {
  const surplus = faults.every(({ fault }) => fault === 'surplus');
  if (surplus) return 'Delete or move the surplus weights.';
  return model.origin === undefined
    ? 'Put the files there again from where the model came.'
    : `"imagemill models pull ${model.origin.repository}${model.origin.source === 'modelscope' ? ' --source modelscope' : ''}" fetches only those anew.`;
}

interface PullProgress {
  take(event: PullEvent): void;
  stop(): void;
}

/** A bar on a terminal; elsewhere a line for each file. */
function createPullProgress(output: Output): PullProgress {
  const bar = createProgressBar(output);
  const rate = new TransferRate(() => performance.now());
  let filesDone = 0;
  let files = 0;
  return {
    take(event) {
      switch (event.type) {
        case 'listed':
          files = event.files;
          output.note(
            `${event.repository} at ${event.revision.slice(0, 12)}: ${event.files} files, ${formatBytes(event.totalBytes)}.`,
          );
          break;
        case 'checked':
          filesDone = event.files;
          if (event.bytes > 0)
            output.note(
              `${formatBytes(event.bytes)} in ${event.files} files are here already; ${formatBytes(event.missingBytes)} to fetch.`,
            );
          break;
        case 'progress':
          bar.update(
            event.doneBytes,
            event.totalBytes,
            rate.describe(event.doneBytes, event.receivedBytes, event.totalBytes),
          );
          break;
        case 'file':
          filesDone += 1;
          if (!output.isInteractive)
            output.note(`[${filesDone}/${files}] ${event.path} (${formatBytes(event.sizeBytes)})`);
          break;
        case 'retry':
          output.note(
            `${event.path === '' ? '' : `${event.path}: `}${event.reason} Trying again in ${(event.waitMs / 1000).toFixed(1)} s.`,
          );
          break;
        case 'installing':
          break;
      }
    },
    stop: () => bar.stop(),
  };
}
