import { OnnxError } from '../errors.ts';

/**
 * Protocol Buffers wire format, the part that ONNX needs.
 * https://protobuf.dev/programming-guides/encoding/
 */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Writes fields into growing chunks; messages are written depth first. */
export class WireWriter {
  readonly #chunks: Uint8Array[] = [];
  #length: number = 0;

  get length(): number {
    return this.#length;
  }

  varint(field: number, value: number | bigint): this {
    this.#tag(field, wireType.varint);
    this.#raw(encodeVarint(BigInt(value)));
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, wireType.fixed32);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.#raw(bytes);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, wireType.bytes);
    this.#raw(encodeVarint(BigInt(value.byteLength)));
    this.#raw(value);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  message(field: number, write: (writer: WireWriter) => void): this {
    const inner = new WireWriter();
    write(inner);
    return this.bytes(field, inner.finish());
  }

  finish(): Uint8Array {
    const result = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      result.set(chunk, at);
      at += chunk.byteLength;
    }
    return result;
  }

  #tag(field: number, type: number): void {
    this.#raw(encodeVarint(BigInt(field * 8 + type)));
  }

  #raw(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#length += bytes.byteLength;
  }
}

const utf8 = new TextEncoder();

/** Base-128 varint; negative numbers take ten bytes, as int64. */
function encodeVarint(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, value);
  const bytes: number[] = [];
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** One field of a message as it stands on the wire. */
export interface WireField {
  readonly field: number;
  /** A varint as signed 64-bit number, the bytes of a length-delimited field, or the raw bytes of a fixed one. */
  readonly value: bigint | Uint8Array;
}

/** Reads the fields of one message in order. @throws OnnxError `model_damaged` */
export function readFields(bytes: Uint8Array): WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined) throw new OnnxError('model_damaged', 'The model ends inside a number');
      at += 1;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw new OnnxError('model_damaged', 'A number in the model has more than ten bytes');
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.byteLength) throw new OnnxError('model_damaged', 'The model ends inside a field');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.byteLength) {
    const tag = Number(varint());
    const type = tag & 7;
    const field = Math.floor(tag / 8);
    if (type === wireType.varint) fields.push({ field, value: BigInt.asIntN(64, varint()) });
    else if (type === wireType.bytes) fields.push({ field, value: take(Number(varint())) });
    else if (type === wireType.fixed32) fields.push({ field, value: take(4) });
    else if (type === wireType.fixed64) fields.push({ field, value: take(8) });
    else throw new OnnxError('model_damaged', `The model holds wire type ${type}, which ONNX does not use`);
  }
  return fields;
}
