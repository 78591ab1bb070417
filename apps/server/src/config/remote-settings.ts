import { z } from 'zod';

/** How an image server that speaks OpenAI's API names what OpenAI does not have. */
export const remoteDialects = ['auto', 'openai', 'sd-server', 'localai'] as const;

const remoteDevice = /^(openai|comfyui):(https?:\/\/[^\s/@?#]+(?:\/[^\s@?#]*)?)$/;

/** Whether the text names a device of this machine or an engine elsewhere. */
export function fitsDevice(text: string): boolean {
  return /^(cpu|webgpu|coreml|dml(:\d+)?|cuda(:\d+)?|fixed:\d+)$/.test(text) || remoteDevice.test(text);
}

export const deviceSchema = z
  .string()
  .refine(
    fitsDevice,
    'cpu, webgpu, coreml, dml, cuda:<n>, fixed:<ms>, openai:http://<host>:<port> or comfyui:http://<host>:<port>',
  )
  .default('cpu')
  .describe(
    'What draws: cpu, webgpu, cuda:0; openai:http://host:port or comfyui:http://host:port hands pictures to an engine there (docs/remote-engines.md). fixed:250 waits 250 ms for a grey picture and computes nothing.',
  );

/** An engine on another machine, or in another program. */
export interface RemoteDevice {
  readonly api: 'openai' | 'comfyui';
  /** Without a slash at the end. */
  readonly baseUrl: string;
}

/** Undefined for a device of this machine. */
export function remoteDeviceOf(device: string): RemoteDevice | undefined {
  const [, api, url] = remoteDevice.exec(device) ?? [];
  if (url === undefined || (api !== 'openai' && api !== 'comfyui')) return undefined;
  return { api, baseUrl: url.replace(/\/+$/, '') };
}

/** Where another engine draws (device openai:… or comfyui:…). */
export const remoteSettings = {
  remoteModel: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'Name of the model as the remote engine knows it; its last part is what clients ask for. By default Z-Image-Turbo, and the engine is told no name.',
    ),
  remoteDialect: z
    .enum(remoteDialects)
    .default('auto')
    .describe(
      'How the remote engine names steps, seed and guidance: openai (SGLang, vLLM-Omni, Imagemill), sd-server or localai. auto knows sd-server by its list of models and takes all else for openai.',
    ),
  remoteApiKey: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('Sent to the remote engine as a bearer token. It is never logged or shown.'),
  comfyuiWorkflow: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File of a ComfyUI workflow in API format with places such as {{prompt}} and {{seed}}. By default one for Z-Image-Turbo.',
    ),
};
