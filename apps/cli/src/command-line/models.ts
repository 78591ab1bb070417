import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { MemoryFlags } from '../commands/model-memory.ts';
import type { ListOptions, PullOptions, VerifyOptions } from '../commands/models.ts';
import { httpAddress, notEmpty, oneOf, wholeNumber } from '../option-values.ts';
import type { Done } from './done.ts';
import { addServerOption } from './server-option.ts';

/** `imagemill models …` */
export function addModels(program: Command, context: CommandContext, done: Done): void {
  const models = program.command('models').description('list, download, check, load and unload models');
  const load = (): Promise<typeof import('../commands/models.ts')> => import('../commands/models.ts');
  const dir = notEmpty('--dir', 'a folder');
  models
    .command('list')
    .description('list the installed models')
    .option('--dir <folder>', "models folder; IMAGEMILL_MODELS_DIR (default: in the user's data folder)", dir)
    .option('--json', 'print one JSON line a model', false)
    .action((flags: ListOptions) => done(load().then(({ listModels }) => listModels(flags, context))));
  models
    .command('pull')
    .description('download a model, or repair an installed one; goes on where it was stopped')
    .argument('<owner/name>', 'repository on the hub, such as Tongyi-MAI/Z-Image-Turbo')
    .option('--revision <name>', 'branch, tag or commit')
    .option(
      '--source <hub>',
      'huggingface or modelscope',
      oneOf('--source', ['huggingface', 'modelscope']),
      'huggingface',
    )
    .option(
      '--endpoint <address>',
      'address of the hub or of a mirror; HF_ENDPOINT, MODELSCOPE_ENDPOINT',
      httpAddress('--endpoint'),
    )
    .option('--dir <folder>', "models folder; IMAGEMILL_MODELS_DIR (default: in the user's data folder)", dir)
    .option('--concurrency <n>', 'files that come at once', wholeNumber('--concurrency', 1, 8), 3)
    .option('--json', 'print one JSON line when it is done', false)
    .action((repository: string, flags: PullOptions) =>
      done(load().then(({ pullModel }) => pullModel(repository, flags, context))),
    );
  models
    .command('verify')
    .description('hash the files of a model against its manifest')
    .argument('<name|folder>', 'installed model or folder of one')
    .option('--dir <folder>', "models folder; IMAGEMILL_MODELS_DIR (default: in the user's data folder)", dir)
    .option('--record', 'write the manifest from the files as they are, for a model put there by hand', false)
    .option('--json', 'print one JSON line', false)
    .action((reference: string, flags: VerifyOptions) =>
      done(load().then(({ verifyModel }) => verifyModel(reference, flags, context))),
    );
  const memory = (): Promise<typeof import('../commands/model-memory.ts')> => import('../commands/model-memory.ts');
  addServerOption(models.command('load').description('bring a model into the memory of a running server'))
    .argument('<name>', 'as "demo", or with a precision as "demo:w8a8"')
    .option('--json', 'print one JSON line', false)
    .action((name: string, flags: MemoryFlags) =>
      done(memory().then(({ loadModel }) => loadModel(name, flags, context))),
    );
  addServerOption(models.command('unload').description('take a model out of the memory of a running server'))
    .argument('<name>', 'as "demo", or with a precision as "demo:w8a8"')
    .option('--json', 'print one JSON line', false)
    .action((name: string, flags: MemoryFlags) =>
      done(memory().then(({ unloadModel }) => unloadModel(name, flags, context))),
    );
}
