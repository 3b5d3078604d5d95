/** Sessions as a plant has them: S7 through a proxy, MMS, refusals, faults. For tests and pictures. */
import type { Hello } from '../../src/node/inspector/rows.js';
import { type AnyTpdu, cc, cr, dt, type Made, type Rows } from './rows.js';

const SETUP = '32010000000100080000f0000001000101e0';
const SETUP_ACK = '320300000001000800000000f0000001000100f0';
const READ = (number: number) =>
  `3201000000${number.toString(16).padStart(2, '0')}000e00000401120a10020010000184000000`;

/** The answer to `READ`: a value of 16 octets. */
const VALUE = (number: number) =>
  `3203000000${number.toString(16).padStart(2, '0')}000200140000 0401 ff040080 ${'41c80000'.repeat(4)}`.replaceAll(
    ' ',
    '',
  );

const INITIATE =
  '0d b6 05 06 13 01 00 16 01 02 14 02 00 02 33 02 00 01 34 02 00 01 c1 a0 31 81 9d a0 03 80 01 01 a2 81 95 81 04 00 00 00 01 82 04 00 00 00 01'.replaceAll(
    ' ',
    '',
  );
const REPORT = Buffer.from(
  `01000100613f303d020103a038a336a134a0328004${'00'.repeat(4)}${Buffer.from('simpleIOGenericIO/LLN0$RP$EventsRCB01').toString('hex')}${'8403028a01'.repeat(240)}`,
  'hex',
);

const PLC = '10.20.0.40:102';

/** The two connections that a proxy has for a client. */
export class Pair {
  readonly rows: Rows;
  readonly client: Made;
  readonly target: Made;

  constructor(rows: Rows, pair: number, client = '10.20.0.31:49152', target = PLC) {
    this.rows = rows;
    this.client = rows.connection({
      role: 'server',
      local: '10.20.0.5:1102',
      remote: client,
      pair,
    });
    this.target = rows.connection({
      role: 'client',
      local: '10.20.0.5:51210',
      remote: target,
      pair,
    });
  }

  up(tpdu: AnyTpdu): void {
    this.rows.fromClient(this.client, tpdu);
    this.rows.fromClient(this.target, tpdu);
  }

  down(tpdu: AnyTpdu): void {
    this.rows.fromServer(this.target, tpdu);
    this.rows.fromServer(this.client, tpdu);
  }

  /** @param side who ends TCP; the proxy then ends the other connection */
  close(side: 'client' | 'target', how: 'fin' | 'reset' = 'fin'): void {
    const [first, second] =
      side === 'client' ? [this.client, this.target] : [this.target, this.client];
    this.rows.event(first, 'close', { how, by: 'remote' });
    this.rows.event(second, 'close', { how, by: 'local' });
  }
}

/** `hello` of a proxy. */
export const PROXY: Hello = {
  source: 'proxy',
  title: '10.20.0.5:1102',
  target: '10.20.0.40:102',
  isLive: true,
  isRedacted: false,
  maxOctets: 32 * 1024 * 1024,
};

/** A proxy in front of a controller, with most of what can happen. */
export function plantRows(rows: Rows): { readonly hmi: Pair; readonly gateway: Pair } {
  const hmi = new Pair(rows, 1, '10.20.0.31:49152');
  hmi.up(cr());
  rows.wait(6);
  hmi.down(cc());
  hmi.up(dt(SETUP));
  rows.wait(4);
  hmi.down(dt(SETUP_ACK));
  for (let number = 2; number < 9; number += 1) {
    rows.wait(95);
    hmi.up(dt(READ(number)));
    rows.wait(3 + (number % 4));
    hmi.down(dt(VALUE(number)));
  }
  rows.wait(300);
  refusedByDr(rows, 2, '10.20.0.77:50112');
  rows.wait(210);
  const gateway = mmsSession(rows, 3);
  rows.wait(120);
  refusedByReset(rows, 4);
  rows.wait(60);
  deviating(rows, 5);
  rows.wait(40);
  hmi.up(dt(READ(9)));
  rows.wait(5);
  hmi.down(dt(VALUE(9)));
  segmented(gateway);
  return { hmi, gateway };
}

/** The wrong slot: the device answers with a DR. */
export function refusedByDr(rows: Rows, number: number, client?: string): void {
  const pair = new Pair(rows, number, client);
  pair.up(cr({ calling: '0200', called: '0103', srcRef: 0x0007 }));
  rows.wait(2);
  pair.down({ type: 'DR', dstRef: 0x0007, srcRef: 0, reason: 3 });
  pair.close('target');
}

/** The device resets TCP, as many do. */
export function refusedByReset(rows: Rows, number: number): void {
  const pair = new Pair(rows, number, '10.20.0.90:61002');
  pair.up(cr({ calling: '0300', called: '0302', srcRef: 0x0101 }));
  rows.wait(11);
  pair.close('target', 'reset');
}

function mmsSession(rows: Rows, number: number): Pair {
  const pair = new Pair(rows, number, '10.20.0.12:40811');
  const selectors = { calling: '0001', called: '0001', size: 1024, srcRef: 0x0001 };
  pair.up(cr(selectors));
  rows.wait(1);
  pair.down(cc({ ...selectors, dstRef: 0x0001, srcRef: 0x0008 }));
  pair.up(dt(INITIATE));
  rows.wait(2);
  pair.down(dt(`0e${INITIATE.slice(2)}`));
  return pair;
}

/** A report in several DTs. */
function segmented(pair: Pair): void {
  pair.down(dt(REPORT.subarray(0, 600), false));
  pair.down(dt(REPORT.subarray(600, 1200), false));
  pair.down(dt(REPORT.subarray(1200)));
}

/** A client that breaks the standard: a TPDU-NR that is not 0, an unknown TPDU, then it goes. */
function deviating(rows: Rows, number: number): void {
  const pair = new Pair(rows, number, '10.20.0.66:33870');
  const offer = { calling: '4d5441', called: '0101', size: 512, srcRef: 0x0042 };
  pair.up(cr(offer));
  rows.wait(3);
  pair.down(cc({ ...offer, size: 1024, dstRef: 0x0042, srcRef: 0x0009 }));
  pair.up('02f081 3201000000020008');
  pair.up('02 40 80 7265616420646231');
  rows.wait(1);
  pair.down({
    type: 'ER',
    dstRef: 0x0042,
    rejectCause: 2,
    parameters: { invalidTpdu: Buffer.from('0240', 'hex') },
  });
  pair.close('target');
}
