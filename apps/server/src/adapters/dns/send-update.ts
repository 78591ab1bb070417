import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type AddressUpdate, readAnswer, type UpdateKey, updateMessage } from './update-message.ts';

export interface DnsServer {
  readonly host: string;
  readonly port: number;
}

/** Replaces the addresses of a name, over TCP. @throws Error that says what the server answered */
export async function sendUpdate(server: DnsServer, update: AddressUpdate, key: UpdateKey): Promise<void> {
  const request = updateMessage(update, key, { id: randomInt(65_536), at: Date.now() });
  const socket = connect(server);
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('the DNS server does not answer')));
  try {
    await once(socket, 'connect');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(request.bytes.length);
    socket.write(Buffer.concat([length, request.bytes]));
    const code = readAnswer(await readMessage(socket), request, key);
    if (code !== 0) throw new Error(`the DNS server refused the update: ${namesOfCodes[code] ?? `code ${code}`}`);
  } finally {
    socket.destroy();
  }
}

async function readMessage(socket: AsyncIterable<Buffer>): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0))
      return bytes.subarray(2, 2 + bytes.readUInt16BE(0));
  }
  throw new Error('the DNS server closed the connection');
}

const namesOfCodes: Readonly<Record<number, string>> = {
  1: 'FORMERR',
  2: 'SERVFAIL',
  4: 'NOTIMP',
  5: 'REFUSED',
  9: 'NOTAUTH (wrong key, clock or server)',
  10: 'NOTZONE',
};
const TIMEOUT_MS = 5_000;
