/** One of our connections of class 2, in either role, with bare TCP as its peer; and the TPDUs of that peer. */
import { connect } from '../../src/index.js';
import { closeLater, rawClient, rawServer, serve } from './life.js';
import { hex, type RawPeer, tpkt } from './raw.js';
import { Mailbox, type Role, type SharedOptions, srcRefOf, type Wire } from './wire.js';

/** The reference of the peer. */
export const THEIRS = '0c0d';

/** Bits of 0xC6: expedited data, and EA for each of it. */
export const NO_EXPEDITED = '00';
export const EXPEDITED = '01';
export const WITH_EA = '21';

/** Options for expedited data. A client asks for EA too; a server grants what the CR asks for. */
export function expeditedOptions(role: Role): SharedOptions {
  return { expedited: true, ...(role === 'client' ? { expeditedAck: true } : {}) };
}

/** A CR of class 2 with class 0 as alternative unless it is to stand alone. */
export function cr2(bits = NO_EXPEDITED, isAlone = false): Buffer {
  const parameters = `c0010b c601${bits} ${isAlone ? '' : 'c70100'}`;
  return tpkt(`${lengthOf(parameters)} e0 0000 ${THEIRS} 21 ${parameters}`);
}

/** A CC of class 2. */
export function cc2(dstRef: string, bits = NO_EXPEDITED): Buffer {
  const parameters = `c0010b c601${bits}`;
  return tpkt(`${lengthOf(parameters)} d0 ${dstRef} ${THEIRS} 21 ${parameters}`);
}

function lengthOf(parameters: string): string {
  return (6 + hex(parameters).length).toString(16).padStart(2, '0');
}

/** A connection of class 2, and its peer with both references. */
export interface Wire2 extends Wire {
  /** Our reference, as four digits. */
  readonly ours: string;
  dt(text: string, eot?: boolean): Buffer;
  ed(text: string): Buffer;
  ea(number?: string): Buffer;
  dr(reason?: number, more?: string): Buffer;
  dc(): Buffer;
}

/** Opens one in that role; `bits` are those of 0xC6 that the peer asks for or grants. */
export async function wire2(
  role: Role,
  options: SharedOptions = {},
  bits = NO_EXPEDITED,
): Promise<Wire2> {
  const reports = new Mailbox<Error>();
  const withReports = { onError: reports.put, tpClass: 2, ...options } as const;
  if (role === 'server') {
    const server = await serve(withReports);
    const raw = await rawClient(server.address.port);
    raw.send(cr2(bits));
    const ours = srcRefOf(await raw.packet());
    return { ...peerOf(raw, ours), connection: await server.accept(), reports, server };
  }
  const peer = await rawServer();
  const connecting = connect(peer.address, withReports);
  const raw = await peer.accept();
  const ours = srcRefOf(await raw.packet());
  raw.send(cc2(ours, bits));
  const connection = await connecting;
  closeLater(() => connection.destroy());
  return { ...peerOf(raw, ours), connection, reports, server: undefined };
}

/** The TPDUs of a peer that has both references. */
export function peerOf(
  raw: RawPeer,
  ours: string,
): Omit<Wire2, 'connection' | 'reports' | 'server'> {
  return {
    raw,
    ours,
    dt: (text, eot = true) => tpkt(`04 f0 ${ours} ${eot ? '80' : '00'} ${text}`),
    ed: (text) => tpkt(`04 10 ${ours} 80 ${text}`),
    ea: (number = '00') => tpkt(`04 20 ${ours} ${number}`),
    dr: (reason = 128, more = '') => drOf(ours, reason, more),
    dc: () => tpkt(`05 c0 ${ours} ${THEIRS}`),
  };
}

/** `more` is the variable part, then `|`, then user data. */
function drOf(ours: string, reason: number, more: string): Buffer {
  const [parameters = '', userData = ''] = more.split('|');
  const li = (6 + hex(parameters).length).toString(16).padStart(2, '0');
  return tpkt(
    `${li} 80 ${ours} ${THEIRS} ${reason.toString(16).padStart(2, '0')} ${parameters} ${userData}`,
  );
}

/** 0xE0 of a non-disruptive DR. */
export const NON_DISRUPTIVE = 'e00180';

/** What our side sends, as digits. */
export const sent = {
  dt: (text: string) => `04f0${THEIRS}80${text}`,
  ed: (number: number, text: string) => `0410${THEIRS}${octet(0x80 | number)}${text}`,
  ea: (number: number) => `0420${THEIRS}${octet(number)}`,
  dr: (ours: string, reason: number, more = '') =>
    `${octet(6 + more.length / 2)}80${THEIRS}${ours}${octet(reason)}${more}`,
  dc: (ours: string) => `05c0${THEIRS}${ours}`,
};

function octet(value: number): string {
  return value.toString(16).padStart(2, '0');
}

/** The next TPDU that our side sends, as digits. */
export async function next({ raw }: { readonly raw: RawPeer }): Promise<string> {
  return (await raw.packet()).toString('hex');
}
