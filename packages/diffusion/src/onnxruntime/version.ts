import { env } from 'onnxruntime-node';

/** Version of the ONNX Runtime that computes. */
export const onnxRuntimeVersion: string = env.versions.node ?? env.versions.common;
