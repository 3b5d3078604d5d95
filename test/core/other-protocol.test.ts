import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../src/core/errors.js';
import { otherProtocol } from '../../src/core/other-protocol.js';
import { decode } from '../../src/core/tpdu/decode.js';
import { TpktSplitter } from '../../src/core/tpkt/splitter.js';
import { hex } from '../support/splits.js';

const octetsOf = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

const BEGINNINGS: readonly (readonly [string, Uint8Array])[] = [
  ['HTTP', octetsOf('GET / HTTP/1.1\r\n')],
  ['HTTP', octetsOf('DELETE /x HTTP/1.1\r\n')],
  ['HTTP', octetsOf('OPTIONS * HTTP/1.1\r\n')],
  ['HTTP', octetsOf('PRI * HTTP/2.0\r\n')],
  ['HTTP', octetsOf('HTTP/1.0 400 Bad Request\r\n')],
  ['HTTP', octetsOf('HTTP')],
  ['RTSP', octetsOf('OPTIONS rtsp://host/ RTSP/1.0\r\n')],
  ['SIP', octetsOf('OPTIONS sip:nm SIP/2.0\r\n')],
  ['SSH', octetsOf('SSH-2.0-OpenSSH_9.6\r\n')],
  ['a PROXY protocol header', octetsOf('PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n')],
  ['a PROXY protocol header', hex('0d0a0d0a000d0a515549540a')],
  ['SMTP or FTP', octetsOf('220 ready\r\n')],
  ['SMTP or FTP', octetsOf('EHLO host\r\n')],
  ['POP3', octetsOf('+OK ready\r\n')],
  ['IMAP', octetsOf('* OK ready\r\n')],
  ['VNC', octetsOf('RFB 003.008\n')],
  ['OPC UA', octetsOf('HELF\u0020\u0000\u0000\u0000')],
  ['AMQP', octetsOf('AMQP\u0000\u0000\u0009\u0001')],
  ['MQTT', hex('101000044d51545404c2')],
  ['TLS', hex('16030100')],
  ['TLS', hex('15030300020228')],
  ['TLS', hex('16')],
  ['telnet', hex('fffd18')],
  ['IEC 60870-5-104', hex('680407000000')],
  ['DNP3', hex('056405c0')],
  ['EtherNet/IP', hex('65000400000000000000')],
  ['SMB', hex('00000045ff534d4272')],
  ['MySQL', hex('4a0000000a')],
  ['Modbus', hex('000100000006010300000001')],
];

describe('octets that are no TPKT', () => {
  it.each(BEGINNINGS)('look like %s', (name, octets) => {
    expect(otherProtocol(octets)).toBe(name);
  });

  it.each(['00', '04000007', 'ffffffff', '4141414141'])('look like nothing known: %s', (digits) => {
    expect(otherProtocol(hex(digits))).toBeUndefined();
  });

  it.each(BEGINNINGS)('that look like %s are named by the error of the stream', (name, octets) => {
    const splitter = new TpktSplitter({ packet: () => true, packetInPieces: () => true });
    expect(errorOf(() => splitter.push(octets)).hint).toContain(`this looks like ${name}; `);
  });
});

it('H.323, which uses TPKT too, is named by the error of the TPDU', () => {
  const setup = hex('0802 0001 05 04 03 8893a5');
  expect(errorOf(() => decode(setup)).hint).toMatch(/H\.323/);
});

function errorOf(act: () => unknown): ProtocolError {
  try {
    act();
  } catch (error) {
    if (error instanceof ProtocolError) {
      return error;
    }
    throw error;
  }
  throw new Error('a ProtocolError was expected');
}
