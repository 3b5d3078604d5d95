/**
 * The packets to mutate: every octet string of the wire vectors, and packets of deployed clients and servers.
 */
import { readFileSync } from 'node:fs';
import { TPKT_HEADER_LENGTH } from './octets.js';

/** The payloads of TPKTs. Each has one TPDU or more. */
export type Corpus = readonly Uint8Array[];

interface Vector {
  readonly hex?: string;
  readonly hexZeroed?: string;
  readonly chunks?: readonly string[];
  readonly tpdus?: readonly string[];
  /** Of a script: each may hold a TPDU that is received. */
  readonly steps?: readonly { readonly tpdu?: string }[];
}

/** Packets of deployed systems: what each is, and its octets with the TPKT header. */
const FIELD: readonly (readonly [string, string])[] = [
  ['CR of an S7 client, size first', '0300001611e00000000100c0010ac1020100c2020102'],
  ['CR of an S7 client, size last', '0300001611e00000002e00c1020100c2020300c0010a'],
  ['CR of a scanner for S7', '0300001611e00000001400c1020100c2020102c0010a'],
  ['CR of a scanner for MMS', '0300001611e00000000100c1020000c2020001c0010a'],
  ['CR of an MMS client with size code 0x0d', '0300001611e00000000100c0010dc2020001c1020001'],
  ['CR with other selectors', '0300001611e00000000100c0010ac1021000c2022700'],
  ['CC that lowers the size to 512', '0300001611d00001a0e300c00109c1021000c2022700'],
  ['CC of a controller', '0300001611d00002443100c0010ac1020100c2020102'],
  ['DT without user data or EOT, sent as an acknowledgement', '0300000702f000'],
  ['DT with a TSDU', '0300002102f080320700000400000800080001120411440100ff09000400000000'],
  ['DT with a request', '0300001902f08032010000000000080000f0000008000803c0'],
  ['DT with its answer', '0300001b02f080320300000000000800000000f0000002000200f0'],
  [
    'CR with a long selector',
    '030000241fe00000000100c1020600c21053494d415449432d524f4f542d484d49c0010a',
  ],
  ['DT before TLS begins', '0300002102f0807201001231000005b30000000000000000300000000072010000'],
  ['DT with the answer', '0300001f02f0807201001032000005b3000000007000000000000072010000'],
  [
    'DT with a refusal',
    '0300002602f0807201001732000005a90000000034d180b3a08086b9ff890000000072010000',
  ],
  ['DT with a TLS ClientHello, its beginning', '0300000f02f0801603010005010000010303'],
  [
    'CR of a remote desktop',
    '0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000',
  ],
  ['CC of a remote desktop', '030000130ed000001234000200080001000000'],
  [
    'CR of a remote desktop with a token and a correlation id',
    `030000433ee000000000007473763a2f2f6661726d0d0a010808000300000006002400${'5a'.repeat(16)}${'00'.repeat(16)}`,
  ],
  ['CC of a remote desktop that refuses', '030000130ed000001234000300080005000000'],
  ['DT of a remote desktop', '0300000902f0802180'],
  ['DR with no references', '0300000b06800000000000'],
  ['DR as a refusal, reason 128', '0300000b06800001000080'],
  ['DR that closes', '0300000b06800001000100'],
  ['DR with an octet of user data', '0300000c0680000100010000'],
  ['DR built from a CR', '0300001611800000000100c0010ac1020100c2020102'],
  ['CC without a size', '030000130ed00014000000c1020100c2020102'],
  ['CC that answers', '0300001611d00001000100c1020000c2020001c0010a'],
  ['DT with the beginning of a session', '0300001702f0800d0ec10c310aff08bbbbbbbbbbbbbbbb'],
  ['CR with size code 0xa2', '0300000e09e00000000100c001a2'],
  ['CR with size code 0x10', '0300000e09e00000000100c00110'],
  ['ER for a parameter value', '030000090470000103'],
  ['ER that quotes', '0300000e0970000103c103021080'],
  ['DT of one octet', '0300000802f08001'],
  ['DT of one octet, more to come', '0300000802f00001'],
  ['ED of RFC 1006', '0300000802108001'],
];

let made: Corpus | undefined;

/** Returns the corpus without duplicates. */
export function corpus(): Corpus {
  made ??= [...new Set([...vectors(), ...FIELD.map(([, digits]) => payload(digits))])].map(
    (digits) => Uint8Array.from(Buffer.from(digits, 'hex')),
  );
  return made;
}

function payload(digits: string): string {
  return digits.slice(2 * TPKT_HEADER_LENGTH);
}

function vectors(): readonly string[] {
  const all = ['vectors.json', 'class2.json', 'captures.json'].flatMap((name) => {
    const file = new URL(`../../test/vectors/${name}`, import.meta.url);
    return (JSON.parse(readFileSync(file, 'utf8')) as { readonly vectors: readonly Vector[] })
      .vectors;
  });
  return all.flatMap(({ hex, hexZeroed, chunks, tpdus = [], steps = [] }) => [
    ...(hex === undefined ? [] : [hex]),
    ...(hexZeroed === undefined ? [] : [hexZeroed]),
    ...(chunks === undefined ? [] : [payload(chunks.join(''))]),
    ...tpdus,
    ...steps.flatMap(({ tpdu }) => (tpdu === undefined ? [] : [tpdu])),
  ]);
}
