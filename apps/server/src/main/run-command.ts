import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a command of the operator in a shell; what it prints goes to where this process logs. @throws Error unless it ends with 0 */
export async function runCommand(command: string, timeoutMs = 120_000): Promise<void> {
  const child = spawn(command, { shell: true, stdio: ['ignore', 2, 2], timeout: timeoutMs });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  if (code !== 0) throw new Error(`the command ended with ${code ?? signal}`);
}
