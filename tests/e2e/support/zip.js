// A zip file as other programs make it: deflated, with folders.

import { crc32, deflateRawSync } from 'node:zlib';

const number = (value, bytes) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};

/** @param {{path: string, bytes: Uint8Array}[]} files */
export function deflated(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { path, bytes } of files) {
    const name = Buffer.from(path);
    const packed = deflateRawSync(bytes);
    const common = Buffer.concat([number(20, 2), number(0x800, 2), number(8, 2), number(0, 4), number(crc32(bytes), 4), number(packed.length, 4), number(bytes.length, 4), number(name.length, 2), number(0, 2)]);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, name, packed]);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02', 'latin1'), number(20, 2), common, number(0, 2), number(0, 2), number(0, 2), number(0, 4), number(offset, 4), name]));
    parts.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.concat([Buffer.from('PK\x05\x06', 'latin1'), number(0, 4), number(files.length, 2), number(files.length, 2), number(listed.length, 4), number(offset, 4), number(0, 2)]);
  return Buffer.concat([...parts, listed, end]);
}
