import { utf8 } from "../../support/byte_streams.ts";

/** What a forged header says; what is left out is what a regular, empty file of POSIX has. */
export interface Forged {
  readonly name?: string | Uint8Array;
  readonly type?: string;
  /** The text of the size field, or its bytes. */
  readonly size?: string | Uint8Array;
  readonly time?: string | Uint8Array;
  readonly magic?: string;
  readonly prefix?: string;
  readonly checksum?: string;
}

/** A header of any form, with a right checksum unless one is given. */
export function forgeHeader(forged: Forged): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(512);
  const put = (offset: number, value: string | Uint8Array): void =>
    block.set(typeof value === "string" ? utf8(value) : value, offset);
  put(0, forged.name ?? "name");
  put(100, "0000644\x000000000\x000000000\0");
  put(124, forged.size ?? "00000000000\0");
  put(136, forged.time ?? "14000000000\0");
  put(148, "        ");
  put(156, forged.type ?? "0");
  put(257, forged.magic ?? "ustar\x0000");
  put(345, forged.prefix ?? "");
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, forged.checksum ?? `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** A member: header and content, padded. */
export function forgeMember(
  forged: Forged,
  content: string | Uint8Array = "",
): Uint8Array<ArrayBuffer> {
  const bytes = typeof content === "string" ? utf8(content) : content;
  const size = `${bytes.length.toString(8).padStart(11, "0")}\0`;
  return joinBytes(forgeHeader({ size, ...forged }), bytes, new Uint8Array(-bytes.length & 511));
}

/** An extended header with these records, each of them whole. */
export function forgePax(records: string | Uint8Array, type = "x"): Uint8Array<ArrayBuffer> {
  return forgeMember({ name: "././@PaxHeader", type }, records);
}

/** A record of an extended header. */
export function paxRecord(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  let length = utf8(body).length;
  while (length !== utf8(`${length}${body}`).length) length = utf8(`${length}${body}`).length;
  return `${length}${body}`;
}

/** An archive of these members, with its end. */
export function forgeArchive(...members: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return joinBytes(...members, new Uint8Array(1024));
}

/** Byte arrays one behind the other. */
export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** A number as GNU tar writes it in a field of 12 bytes. */
export function binary(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setBigInt64(4, BigInt(value));
  if (value < 0) view.setInt32(0, -1);
  else view.setUint8(0, 0x80);
  return new Uint8Array(view.buffer);
}
