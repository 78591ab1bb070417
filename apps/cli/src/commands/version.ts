import { createRequire } from 'node:module';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';

/** Prints what a report of a fault should name. */
export async function printVersion(
  version: string,
  options: { readonly json: boolean },
  { output }: CommandContext,
): Promise<number> {
  const facts = {
    imagemill: version,
    node: process.versions.node,
    onnxruntime: onnxRuntimeVersion(),
    platform: `${process.platform}-${process.arch}`,
  };
  if (options.json) output.result(JSON.stringify(facts));
  else
    output.result(
      `imagemill ${facts.imagemill} (Node ${facts.node}, ONNX Runtime ${facts.onnxruntime}, ${facts.platform})`,
    );
  return exitCodes.ok;
}

/** Of the installed package, without loading its native library. */
function onnxRuntimeVersion(): string {
  const fromEngine = createRequire(import.meta.resolve('@imagemill/diffusion'));
  const { version } = fromEngine('onnxruntime-node/package.json') as { readonly version: string };
  return version;
}
