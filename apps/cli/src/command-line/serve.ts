import type { Command } from 'commander';
import type { ServeFlags } from '../commands/serve.ts';
import { notEmpty, wholeNumber } from '../option-values.ts';
import type { Done } from './done.ts';
import { addEngineOptions } from './engine-options.ts';

/** `imagemill serve` */
export function addServe(program: Command, done: Done): void {
  const command = program
    .command('serve')
    .description('serve the API and the page; docs/settings.md lists every setting');
  addListening(command);
  addData(command);
  addDrawing(command);
  command.action((flags: ServeFlags) =>
    done(import('../commands/serve.ts').then(({ serveUntilStopped }) => serveUntilStopped(flags))),
  );
}

/** The processes of a cluster: `imagemill api`, `worker`, `scaler`, `dispatcher`, `migrate`, `move` */
export function addCluster(program: Command, done: Done): void {
  const api = program
    .command('api')
    .description('serve the API and the page of a cluster, without an engine; docs/cluster.md');
  addListening(api);
  addData(api);
  api.action((flags: ServeFlags) => done(import('../commands/serve.ts').then(({ runRole }) => runRole('api', flags))));

  const worker = program.command('worker').description('draw the jobs of a cluster, without an API; docs/cluster.md');
  addHealth(worker);
  addData(worker);
  addDrawing(worker);
  worker.action((flags: ServeFlags) =>
    done(import('../commands/serve.ts').then(({ runRole }) => runRole('worker', flags))),
  );

  addScaler(program, done);

  const dispatcher = program
    .command('dispatcher')
    .description('lay the jobs of a cluster out for its workers in Redis; docs/cluster.md');
  addHealth(dispatcher);
  dispatcher.action((flags: ServeFlags) =>
    done(import('../commands/serve.ts').then(({ runRole }) => runRole('dispatcher', flags))),
  );

  program
    .command('migrate')
    .description('bring the tables of the database up to date (IMAGEMILL_DATABASE_URL)')
    .action(() => done(import('../commands/serve.ts').then(({ migrate }) => migrate())));

  program
    .command('move')
    .description('move the records and pictures of a data folder into a cluster; docs/cluster.md')
    .option(
      '--data-dir <folder>',
      'the data folder of a stopped server; IMAGEMILL_DATA_DIR (default: ./data)',
      notEmpty('--data-dir', 'a folder'),
    )
    .action((flags: Pick<ServeFlags, 'dataDir'>) =>
      done(import('../commands/serve.ts').then(({ move }) => move(flags))),
    );
}

function addScaler(program: Command, done: Done): void {
  const scaler = program
    .command('scaler')
    .description('run workers of this machine, more while the queue is long and fewer when it is not; docs/deploy.md')
    .option(
      '--min-workers <n>',
      'workers that are always there; IMAGEMILL_SCALE_MIN_WORKERS (default: 1)',
      wholeNumber('--min-workers', 0, 64),
    )
    .option(
      '--max-workers <n>',
      'most workers; IMAGEMILL_SCALE_MAX_WORKERS (default: one for each of IMAGEMILL_SCALE_DEVICES)',
      wholeNumber('--max-workers', 1, 64),
    );
  addHealth(scaler);
  addData(scaler);
  addDrawing(scaler);
  scaler.action(({ minWorkers, maxWorkers, ...flags }: ServeFlags & ScalerFlags) =>
    done(
      import('../commands/serve.ts').then(({ runRole }) =>
        runRole('scaler', { ...flags, scaleMinWorkers: minWorkers, scaleMaxWorkers: maxWorkers }),
      ),
    ),
  );
}

interface ScalerFlags {
  readonly minWorkers?: number;
  readonly maxWorkers?: number;
}

function addListening(command: Command): void {
  command
    .option(
      '--host <address>',
      'address to listen on; IMAGEMILL_HOST (default: 127.0.0.1)',
      notEmpty('--host', 'an address'),
    )
    .option(
      '--port <n>',
      'port to listen on, 0 picks one; IMAGEMILL_PORT (default: 7860)',
      wholeNumber('--port', 0, 65_535),
    );
}

function addHealth(command: Command): void {
  command
    .option(
      '--host <address>',
      'address on which it says how it does; IMAGEMILL_HOST (default: 127.0.0.1)',
      notEmpty('--host', 'an address'),
    )
    .option(
      '--worker-port <n>',
      'port of that, 0 picks one; IMAGEMILL_WORKER_PORT (default: 0)',
      wholeNumber('--worker-port', 0, 65_535),
    );
}

function addData(command: Command): void {
  command
    .option(
      '--data-dir <folder>',
      'records and pictures; IMAGEMILL_DATA_DIR (default: ./data)',
      notEmpty('--data-dir', 'a folder'),
    )
    .option('--models-dir <folder>', 'installed models; IMAGEMILL_MODELS_DIR', notEmpty('--models-dir', 'a folder'))
    .option(
      '--model <name|folder>',
      'default model; MODEL_PATH (default: the first installed)',
      notEmpty('--model', 'a name or folder'),
    );
}

function addDrawing(command: Command): void {
  command.option(
    '--slots <n>',
    'pictures under way at once; IMAGEMILL_SLOTS (default: 4)',
    wholeNumber('--slots', 1, 64),
  );
  addEngineOptions(command, { remote: true });
}
