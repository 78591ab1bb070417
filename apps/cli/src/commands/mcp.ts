import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { type ServerFlags, serverOf } from '../command-line/server-option.ts';

/**
 * Carries the messages of an agent that starts this command to a server and back: the tools, the key and its quotas
 * are those of the server's /mcp. Ends when the agent closes stdin.
 */
export async function carryMcp({ server }: ServerFlags, { environment, output }: CommandContext): Promise<number> {
  const { key } = environment.server;
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const remote = new StreamableHTTPClientTransport(new URL(`${serverOf(server, environment)}/mcp`), {
    requestInit: { headers },
  });
  const agent = new StdioServerTransport();
  const ended = new Promise<void>((resolve) => {
    process.stdin.once('end', resolve).once('close', resolve);
  });
  agent.onmessage = (message) =>
    void remote.send(message).catch((error: Error) => {
      output.note(`error: ${error.message}`);
      void agent.send(answerTo(message, error)).catch(() => undefined);
    });
  remote.onmessage = (message) => void agent.send(message);
  await remote.start();
  await agent.start();
  await ended;
  await remote.close();
  await agent.close();
  return exitCodes.ok;
}

/** A request that could not be carried gets an answer, so that the agent does not wait for ever. */
function answerTo(message: JSONRPCMessage, { message: text }: Error): JSONRPCMessage {
  const id = 'id' in message && message.id !== undefined ? message.id : 0;
  return { jsonrpc: '2.0', id, error: { code: INTERNAL_ERROR, message: text } };
}

/** https://www.jsonrpc.org/specification#error_object */
const INTERNAL_ERROR = -32_603;
