import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { engineOptions } from '../adapters/inference/engine-options.ts';
import { EngineProcess } from '../adapters/inference/engine-process.ts';
import { ComfyUiServer } from '../adapters/remote/comfyui-server.ts';
import { type Workflow, workflowProblem, workflowSchema, zImageWorkflow } from '../adapters/remote/comfyui-workflow.ts';
import { OpenAiServer } from '../adapters/remote/openai-server.ts';
import { RemoteEngine } from '../adapters/remote/remote-engine.ts';
import type { RemoteServer } from '../adapters/remote/remote-server.ts';
import type { OwnedEngine } from '../application/engine-port.ts';
import type { Clock, Logger } from '../application/ports.ts';
import type { Config } from '../config/load.ts';
import { type RemoteDevice, remoteDeviceOf } from '../config/remote-settings.ts';
import { StartupError } from '../config/startup-error.ts';
import type { watchedProcess } from './compose-watchdog.ts';
import { remoteInspector } from './inspect-remote.ts';

/** What draws, as the settings say: a process on a device of this machine, or an engine elsewhere. @throws StartupError */
export function startEngine(
  config: Config,
  {
    clock,
    log,
    ...watched
  }: { readonly clock: Clock; readonly log: Logger } & Partial<ReturnType<typeof watchedProcess>>,
): OwnedEngine {
  const { device, slots, engineStuckAfterMs: stuckAfterMs } = config;
  const remote = remoteDeviceOf(device);
  if (remote !== undefined) {
    const server = remoteServer(remote, config, clock);
    return new RemoteEngine({ device, server, slots, clock, log, stuckAfterMs, inspect: remoteInspector(config, log) });
  }
  return new EngineProcess({
    engine: engineOptions(config, { slots, cacheDir: join(config.dataDir, 'cache') }),
    environment: config.engineEnvironment,
    ...{ stuckAfterMs, clock, log },
    ...watched,
  });
}

function remoteServer({ api, baseUrl }: RemoteDevice, config: Config, clock: Clock): RemoteServer {
  const { remoteModel: model, remoteDialect: dialect, remoteApiKey: apiKey, comfyuiWorkflow } = config;
  if (api === 'openai') return new OpenAiServer({ baseUrl, apiKey, model, dialect });
  const workflow = comfyuiWorkflow === undefined ? zImageWorkflow : readWorkflow(comfyuiWorkflow);
  return new ComfyUiServer({ baseUrl, apiKey, workflow, clock });
}

/** @throws StartupError `settings_invalid` */
function readWorkflow(file: string): Workflow {
  const invalid = (why: string, cause?: unknown): StartupError => {
    const message = `The workflow ${file} (comfyuiWorkflow) cannot be used: ${why}.`;
    return new StartupError('settings_invalid', message, { details: { file }, cause });
  };
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw invalid((error as Error).message, error);
  }
  const workflow = workflowSchema.safeParse(value);
  if (!workflow.success) {
    throw invalid(
      'it is not in API format, which ComfyUI writes by "Export (API)": nodes by id with class_type and inputs',
    );
  }
  const problem = workflowProblem(workflow.data);
  if (problem !== undefined) throw invalid(problem);
  return workflow.data;
}
