/** Entry of an engine process: picks the engine by the name of the device and passes messages on. */
import type { JobFault } from '../../domain/job.ts';
import type { Engine, EngineFactory } from './engine.ts';
import type { EngineCommand, EngineEvent, EngineOptions, OrderAnswer } from './engine-protocol.ts';

/** Engines by the word before the colon of a device. Loaded when asked for, so that no other costs memory. */
const factories: Readonly<Record<string, () => Promise<EngineFactory>>> = {
  cpu: async () => (await import('./onnx-engine.ts')).createOnnxEngine,
  webgpu: async () => (await import('./onnx-engine.ts')).createOnnxEngine,
  cuda: async () => (await import('./onnx-engine.ts')).createOnnxEngine,
  fixed: async () => (await import('./fixed-time-engine.ts')).createFixedTimeEngine,
};

let engine: Engine | undefined;

function send(event: EngineEvent): void {
  // Without a callback a closed channel would throw; the `disconnect` event ends this process anyway.
  process.send?.(event, undefined, undefined, () => undefined);
}

process.on('message', (command: EngineCommand) => {
  void obey(command);
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

async function obey(command: EngineCommand): Promise<void> {
  switch (command.type) {
    case 'start':
      return start(command.options);
    case 'submit':
      engine?.submit(command.item, send);
      return;
    case 'cancel':
      engine?.cancel(command.id);
      return;
    case 'expectLoras':
      engine?.expectLoras?.();
      return;
    case 'load':
    case 'unload':
      return answer(command.order, async () => {
        await engine?.[command.type](command.model);
        return {};
      });
    case 'calibrate':
      return answer(command.order, async () => ({ limits: (await engine?.calibrate(command.model)) ?? [] }));
    case 'close':
      await engine?.close();
      process.disconnect();
      return;
  }
}

async function start(options: EngineOptions): Promise<void> {
  try {
    const factory = await findFactory(options.device);
    engine = await factory(options, send);
    const { executionProvider, notes } = engine;
    send({ type: 'ready', device: options.device, executionProvider, notes });
  } catch (error) {
    send({ type: 'broken', fault: toFault(error) });
    process.disconnect();
  }
}

async function answer(order: number, work: () => Promise<Omit<OrderAnswer, 'fault'>>): Promise<void> {
  try {
    send({ type: 'answer', order, ...(await work()), fault: undefined });
  } catch (error) {
    send({ type: 'answer', order, fault: toFault(error) });
  }
}

async function findFactory(device: string): Promise<EngineFactory> {
  const kind = device.split(':')[0] ?? '';
  const factory = factories[kind];
  if (factory !== undefined) return factory();
  const known = Object.keys(factories).join(', ');
  const message = `There is no engine for the device ${JSON.stringify(device)}. Devices start with one of: ${known}.`;
  throw Object.assign(new Error(message), { code: 'device_unavailable' });
}

/** The code, message and details of an error that carries them; `engine_fault` for any other. */
function toFault(error: unknown): JobFault {
  const { code, message, details, retryable } = error as Partial<JobFault>;
  return {
    code: typeof code === 'string' ? code : 'engine_fault',
    message: typeof message === 'string' ? message : String(error),
    details: typeof details === 'object' && details !== null ? details : {},
    retryable: retryable === true,
  };
}
