/** TPDUs that deployed devices and stacks send, as they were seen or follow from their code. */
import { describe, expect, it } from 'vitest';
import { type DecodeOptions, decode } from '../../../src/core/tpdu/index.js';
import { hex } from './support.js';

interface Seen {
  readonly by: string;
  readonly octets: string;
  readonly context?: DecodeOptions;
  readonly is: object;
  /** Diagnostics in order; none by default. */
  readonly notes?: readonly string[];
}

const OPEN: DecodeOptions = { class: 0 };

function selectors(callingTsel: string, calledTsel: string): object {
  return { callingTsel: hex(callingTsel), calledTsel: hex(calledTsel) };
}

const SEEN: readonly Seen[] = [
  {
    by: 'a gos7 or snap7 client: CR to rack 0, slot 2',
    octets: '11e00000000100c0010ac1020100c2020102',
    is: { type: 'CR', srcRef: 1, parameters: { tpduSize: 1024, ...selectors('0100', '0102') } },
  },
  {
    by: 'a nodeS7 client: CR',
    octets: '11e00000000200c0010ac1020100c2020102',
    is: { type: 'CR', srcRef: 2 },
  },
  {
    by: 'an S7NetPlus client: CR to an S7-300',
    octets: '11e00000002e00c1020100c2020300c0010a',
    is: { type: 'CR', srcRef: 0x2e, parameters: { tpduSize: 1024, ...selectors('0100', '0300') } },
  },
  {
    by: 'the s7-info script: CR',
    octets: '11e00000001400c1020100c2020102c0010a',
    is: { type: 'CR', srcRef: 0x14 },
  },
  {
    by: 'the s7-info script: its second CR',
    octets: '11e00000000500c1020100c2020200c0010a',
    is: { type: 'CR', srcRef: 5, parameters: selectors('0100', '0200') },
  },
  {
    by: 'the iec61850-mms script: CR',
    octets: '11e00000000100c1020000c2020001c0010a',
    is: { type: 'CR', parameters: selectors('0000', '0001') },
  },
  {
    by: 'a libiec61850 client: CR with size 8192 in class 0',
    octets: '11e00000000100c0010dc2020001c1020001',
    is: { type: 'CR', parameters: { tpduSize: 8192, ...selectors('0001', '0001') } },
  },
  {
    by: 'a capture: CR with selectors 1000 and 2700',
    octets: '11e00000000100c0010ac1021000c2022700',
    is: { type: 'CR', parameters: { tpduSize: 1024, ...selectors('1000', '2700') } },
  },
  {
    by: 'a capture: CC that lowers the size to 512',
    octets: '11d00001a0e300c00109c1021000c2022700',
    is: { type: 'CC', dstRef: 1, srcRef: 0xa0e3, parameters: { tpduSize: 512 } },
  },
  {
    by: 'an S7: CC',
    octets: '11d00002443100c0010ac1020100c2020102',
    is: { type: 'CC', dstRef: 2, srcRef: 0x4431 },
  },
  {
    by: 'a WinAC or SIPROTEC: "fast acknowledge"',
    octets: '02f000',
    context: OPEN,
    is: { type: 'DT', eot: false, userData: hex('') },
    notes: ['empty-dt'],
  },
  {
    by: 'the same: the reply after it',
    octets: '02f080320700000400000800080001120411440100ff09000400000000',
    context: OPEN,
    is: { type: 'DT', eot: true },
  },
  {
    by: 'an S7 client: set up communication',
    octets: '02f08032010000000000080000f0000008000803c0',
    context: OPEN,
    is: { type: 'DT', eot: true, userData: hex('32010000000000080000f0000008000803c0') },
  },
  {
    by: 'an S7: its answer',
    octets: '02f080320300000000000800000000f0000002000200f0',
    context: OPEN,
    is: { type: 'DT', eot: true },
  },
  {
    by: 'a TIA client to an S7-1500: CR with a called selector of 16 octets',
    octets: '1fe00000000100c1020600c21053494d415449432d524f4f542d484d49c0010a',
    is: {
      type: 'CR',
      parameters: selectors('0600', '53494d415449432d524f4f542d484d49'),
    },
  },
  {
    by: 'a TIA client: InitSSL',
    octets: '02f0807201001231000005b30000000000000000300000000072010000',
    context: OPEN,
    is: { type: 'DT', eot: true },
  },
  {
    by: 'an S7-1500: InitSSL answered',
    octets: '02f0807201001032000005b3000000007000000000000072010000',
    context: OPEN,
    is: { type: 'DT', eot: true },
  },
  {
    by: 'an S7-1200: InitSSL refused',
    octets: '02f0807201001732000005a90000000034d180b3a08086b9ff890000000072010000',
    context: OPEN,
    is: { type: 'DT', eot: true },
  },
  {
    by: 'a client that puts 1498 octets into a TPDU of 1024',
    octets: `02f080${'16'.repeat(1498)}`,
    context: { class: 0, maxTpduSize: 1024 },
    is: { type: 'DT', eot: true },
    notes: ['tpdu-too-long'],
  },
  {
    by: 'a remote desktop server: CC with a negotiation response',
    octets: '0ed000001234000200080001000000',
    is: { type: 'CC', dstRef: 0, srcRef: 0x1234, parameters: {} },
    notes: ['remote-desktop'],
  },
  {
    by: 'a remote desktop client: CR with a cookie and a negotiation request',
    octets: '27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000',
    is: { type: 'CR', srcRef: 0, remoteDesktop: { cookie: 'Cookie: mstshash=eltons' } },
    notes: ['ref-zero', 'remote-desktop'],
  },
  {
    by: 'a remote desktop client: disconnect',
    octets: '02f0802180',
    context: OPEN,
    is: { type: 'DT', eot: true, userData: hex('2180') },
  },
  {
    by: 'iso-on-tcp when it closes: DR without references',
    octets: '06800000000000',
    context: OPEN,
    is: { type: 'DR', dstRef: 0, srcRef: 0, reason: 0 },
  },
  {
    by: 'a server that refuses with reason 128',
    octets: '06800001000080',
    is: { type: 'DR', dstRef: 1, srcRef: 0, reason: 128 },
  },
  {
    by: 'a client that closes by DR',
    octets: '06800001000100',
    context: OPEN,
    is: { type: 'DR', dstRef: 1, srcRef: 1, reason: 0 },
  },
  {
    by: 'python-snap7: DR with a stray octet',
    octets: '0680000100010000',
    context: OPEN,
    is: { type: 'DR', userData: hex('00') },
    notes: ['dr-data-class0'],
  },
  {
    by: 'snap7: DR made of a CR',
    octets: '11800000000100c0010ac1020100c2020102',
    context: OPEN,
    is: { type: 'DR', dstRef: 0, srcRef: 1, reason: 0, parameters: {} },
    notes: ['param-not-allowed', 'param-not-allowed', 'param-not-allowed'],
  },
  {
    by: 'conpot: CC without a size and with SRC-REF 0',
    octets: '0ed00014000000c1020100c2020102',
    is: { type: 'CC', dstRef: 0x14, srcRef: 0, parameters: selectors('0100', '0102') },
    notes: ['ref-zero'],
  },
  {
    by: 'a tester of libiec61850: DT as the first TPDU',
    octets: `02f0800d0ec10c310aff08${'bb'.repeat(8)}`,
    is: { type: 'DT', eot: true },
  },
  {
    by: 'a tester of libiec61850: CR with size code 0xa2',
    octets: '09e00000000100c001a2',
    is: { type: 'CR', parameters: {} },
    notes: ['param-value'],
  },
  {
    by: 'an iec61850bean client: CR with size code 0x10',
    octets: '09e00000000100c00110',
    is: { type: 'CR', parameters: { tpduSize: 65_531 } },
  },
  {
    by: 'a stack that answers by ER: invalid parameter value',
    octets: '0470000103',
    is: { type: 'ER', dstRef: 1, rejectCause: 3 },
  },
];

describe('a tolerant reading takes what is sent by', () => {
  it.each(SEEN)('$by', ({ octets, context, is, notes = [] }) => {
    const tpdu = decode(hex(octets), context);
    expect(tpdu).toMatchObject(is);
    expect(tpdu.diagnostics.map(({ code }) => code)).toEqual(notes);
  });
});
