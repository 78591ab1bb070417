/**
 * A dynamic update of DNS (RFC 2136) that is signed with a shared key (TSIG, RFC 8945, HMAC-SHA256): all addresses of
 * one name are replaced in one message, which a server does wholly or not at all.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';

export interface AddressUpdate {
  readonly zone: string;
  readonly name: string;
  /** IPv4 and IPv6. */
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
}

export interface UpdateKey {
  readonly name: string;
  /** Base64. */
  readonly secret: string;
}

export interface SignedMessage {
  readonly bytes: Buffer;
  readonly mac: Buffer;
}

/** @param at ms since 1970; the server takes it when its clock says nearly the same */
export function updateMessage(
  { zone, name, addresses, ttlSeconds }: AddressUpdate,
  key: UpdateKey,
  { id, at }: { readonly id: number; readonly at: number },
): SignedMessage {
  const owner = wireName(name);
  const removals = [TYPE_A, TYPE_AAAA, TYPE_CNAME].map((type) => record(owner, type, CLASS_ANY, 0, Buffer.alloc(0)));
  const additions = addresses.map((address) => {
    const data = addressBytes(address);
    return record(owner, data.length === 4 ? TYPE_A : TYPE_AAAA, CLASS_IN, ttlSeconds, data);
  });
  const updates = [...removals, ...additions];
  const zoneSection = Buffer.concat([wireName(zone), words(TYPE_SOA, CLASS_IN)]);
  const header = words(id, OPCODE_UPDATE << 11, 1, 0, updates.length, 0);
  return signed(Buffer.concat([header, zoneSection, ...updates]), key, at);
}

/**
 * Result code of an answer (0: done), by https://www.iana.org/assignments/dns-parameters.
 *
 * @throws Error when it is no answer to this message, or a success that the key did not sign
 */
export function readAnswer(answer: Buffer, request: SignedMessage, key: UpdateKey): number {
  if (answer.length < 12 || answer.readUInt16BE(0) !== request.bytes.readUInt16BE(0))
    throw new Error('no answer to the update');
  const code = answer.readUInt16BE(2) & 0xf;
  if (code !== 0) return code;
  const tsig = lastRecord(answer);
  if (tsig === undefined || tsig.type !== TYPE_TSIG) throw new Error('the answer is not signed');
  const { start, data } = tsig;
  const algorithmEnd = nameEnd(data, 0);
  const macLength = data.readUInt16BE(algorithmEnd + 8);
  const mac = data.subarray(algorithmEnd + 10, algorithmEnd + 10 + macLength);
  const bare = Buffer.from(answer.subarray(0, start));
  bare.writeUInt16BE(bare.readUInt16BE(10) - 1, 10);
  const rest = data.subarray(algorithmEnd + 10 + macLength + 2);
  const variables = signedVariables(key, data.subarray(algorithmEnd, algorithmEnd + 8), rest);
  const expected = hmac(key, Buffer.concat([words(request.mac.length), request.mac, bare, variables]));
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected))
    throw new Error('the answer is signed with another key');
  return code;
}

function signed(message: Buffer, key: UpdateKey, at: number): SignedMessage {
  const time = Buffer.alloc(8);
  time.writeUIntBE(Math.floor(at / 1_000), 0, 6);
  time.writeUInt16BE(FUDGE_SECONDS, 6);
  const noError = words(0, 0);
  const mac = hmac(key, Buffer.concat([message, signedVariables(key, time, noError)]));
  const id = message.readUInt16BE(0);
  const data = Buffer.concat([wireName(ALGORITHM), time, words(mac.length), mac, words(id), noError]);
  const bytes = Buffer.concat([message, record(wireName(key.name), TYPE_TSIG, CLASS_ANY, 0, data)]);
  bytes.writeUInt16BE(message.readUInt16BE(10) + 1, 10);
  return { bytes, mac };
}

/** RFC 8945, 4.3.3. */
function signedVariables(key: UpdateKey, time: Buffer, rest: Buffer): Buffer {
  return Buffer.concat([wireName(key.name), words(CLASS_ANY, 0, 0), wireName(ALGORITHM), time, rest]);
}

function hmac({ secret }: UpdateKey, bytes: Buffer): Buffer {
  return createHmac('sha256', Buffer.from(secret, 'base64')).update(bytes).digest();
}

function record(owner: Buffer, type: number, dnsClass: number, ttl: number, data: Buffer): Buffer {
  return Buffer.concat([owner, words(type, dnsClass, ttl >>> 16, ttl & 0xffff, data.length), data]);
}

function wireName(name: string): Buffer {
  const labels = name.toLowerCase().replace(/\.$/, '').split('.');
  return Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => 0);
  return words(...first, ...zeros, ...last);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}

function lastRecord(message: Buffer) {
  let at = 12;
  for (let i = message.readUInt16BE(4); i > 0; i--) at = nameEnd(message, at) + 4;
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10);
  let last: { readonly start: number; readonly type: number; readonly data: Buffer } | undefined;
  for (let i = 0; i < records; i++) {
    const end = nameEnd(message, at);
    const dataAt = end + 10;
    const dataEnd = dataAt + message.readUInt16BE(end + 8);
    last = { start: at, type: message.readUInt16BE(end), data: message.subarray(dataAt, dataEnd) };
    at = dataEnd;
  }
  return last;
}

function nameEnd(message: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = message.readUInt8(at);
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += length + 1;
  }
}

const ALGORITHM = 'hmac-sha256';
const OPCODE_UPDATE = 5;
const TYPE_A = 1;
const TYPE_CNAME = 5;
const TYPE_SOA = 6;
const TYPE_AAAA = 28;
const TYPE_TSIG = 250;
const CLASS_IN = 1;
const CLASS_ANY = 255;
const FUDGE_SECONDS = 300;
