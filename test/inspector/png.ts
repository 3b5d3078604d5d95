/** Packs a screenshot again: rows of text compress better without the filters that browsers choose. */
import { crc32, deflateSync } from 'node:zlib';
import type { Page } from 'playwright-core';

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const CHANNELS = 3;

/** The same picture in fewer octets. `page` is any page; its browser decodes the picture. */
export async function smaller(picture: Buffer, page: Page): Promise<Buffer> {
  const { width, height, pixels } = await page.evaluate(decode, picture.toString('base64'));
  const rgb = Buffer.from(pixels, 'base64');
  const row = width * CHANNELS;
  // Each row begins with the number of its filter: 0 is none.
  const rows = Array.from({ length: height }, (_, y) => [
    Buffer.of(0),
    rgb.subarray(y * row, (y + 1) * row),
  ]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits, colours without alpha.
  header.set([8, 2, 0, 0, 0], 8);
  const data = deflateSync(Buffer.concat(rows.flat()), { level: 9 });
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(typed), 4);
  return Buffer.concat([ends.subarray(0, 4), typed, ends.subarray(4)]);
}

/** Runs in the page: the pixels as red, green and blue. */
async function decode(picture: string) {
  const octets = Uint8Array.from(atob(picture), (char) => char.charCodeAt(0));
  const image = await createImageBitmap(new Blob([octets]));
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  context?.drawImage(image, 0, 0);
  const rgba = context?.getImageData(0, 0, width, height).data ?? [];
  let pixels = '';
  for (let i = 0; i < width * height * 4; i += 4) {
    pixels += String.fromCharCode(rgba[i] ?? 0, rgba[i + 1] ?? 0, rgba[i + 2] ?? 0);
  }
  return { width, height, pixels: btoa(pixels) };
}
