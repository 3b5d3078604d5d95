import { describe, expect, it } from 'vitest';
import { otherProtocol, otherProtocolHint } from '../../src/core/other-protocol.js';
import { decode } from '../../src/core/tpdu/decode.js';
import { TpktSplitter } from '../../src/core/tpkt/splitter.js';
import { faultOf } from '../support/fault.js';
import { hex } from '../support/splits.js';

const octetsOf = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

const BEGINNINGS: readonly (readonly [string, Uint8Array])[] = [
  ['HTTP', octetsOf('GET / HTTP/1.1\r\n')],
  ['HTTP', octetsOf('DELETE /x HTTP/1.1\r\n')],
  ['HTTP', octetsOf('OPTIONS * HTTP/1.1\r\n')],
  ['HTTP', octetsOf('PRI * HTTP/2.0\r\n')],
  ['HTTP', octetsOf('HTTP/1.0 400 Bad Request\r\n')],
  ['HTTP', octetsOf('HTTP')],
  ['HTTP', octetsOf('<html>')],
  ['HTTP', octetsOf('<!DOCTYPE html>')],
  ['RTSP', octetsOf('RTSP/1.0 200 OK\r\n')],
  ['RTSP', octetsOf('PLAY rtsps://host/ RTSP/1.0\r\n')],
  ['SIP', octetsOf('SIP/2.0 200 OK\r\n')],
  ['SIP', octetsOf('BYE sips:nm SIP/2.0\r\n')],
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
  ['MQTT', hex('10ffff7f00044d51545404c2')],
  ['TLS', hex('16030100')],
  ['TLS', hex('15030300020228')],
  ['TLS', hex('16')],
  ['telnet', hex('fffd18')],
  ['IEC 60870-5-104', hex('680407000000')],
  ['IEC 60870-5-104', hex('680e07000000')],
  ['IEC 60870-5-104', hex('681007000000')],
  ['IEC 60870-5-104', hex('68ef07000000')],
  ['IEC 60870-5-104', hex('68fd07000000')],
  ['DNP3', hex('056405c0')],
  ['EtherNet/IP', hex('65000400000000000000')],
  ['SMB', hex('00000045ff534d4272')],
  ['MySQL', hex('4a0000000a')],
  ['Modbus', hex('000100000006010300000001')],
  ['Modbus', hex('000100000010010300000001')],
];

describe('octets that are no TPKT', () => {
  it.each(BEGINNINGS)('look like %s', (name, octets) => {
    expect(otherProtocol(octets)).toBe(name);
  });

  it.each(BEGINNINGS)('look like %s only from the first octet on', (name, octets) => {
    expect(otherProtocol(Uint8Array.of(0x7e, ...octets))).not.toBe(name);
  });

  it.each(['6803', '68fe', '000100000001'])(
    'look like nothing whose length is out of range: %s',
    (digits) => {
      expect(otherProtocol(hex(digits))).toBeUndefined();
    },
  );

  it.each(['00', '04000007', 'ffffffff', '4141414141'])('look like nothing known: %s', (digits) => {
    expect(otherProtocol(hex(digits))).toBeUndefined();
  });

  it.each(BEGINNINGS)('that look like %s are named by the error of the stream', (name, octets) => {
    const splitter = new TpktSplitter({ packet: () => true, packetInPieces: () => true });
    expect(faultOf(() => splitter.push(octets)).hint).toContain(`this looks like ${name}; `);
  });
});

describe('the hint', () => {
  it.each([
    ['GET / HTTP/1.1', 'this looks like HTTP; is it the right port?'],
    ['SSH-2.0', 'this looks like SSH; it is a text protocol, so is it the right port?'],
    ['220 ready', 'this looks like SMTP or FTP; it is a text protocol, so is it the right port?'],
    ['+OK ready', 'this looks like POP3; it is a text protocol, so is it the right port?'],
    ['* OK ready', 'this looks like IMAP; it is a text protocol, so is it the right port?'],
    ['\u0016\u0003\u0001', 'this looks like TLS; does only one side use the tls option?'],
    [
      'PROXY TCP4',
      'this looks like a PROXY protocol header; the option proxyProtocol.from of listen names the proxies whose headers are read',
    ],
  ])('for %j says what to try', (text, hint) => {
    expect(otherProtocolHint(octetsOf(text))).toBe(hint);
  });

  it('is none where nothing is known', () => {
    expect(otherProtocolHint(hex('04000007'))).toBeUndefined();
  });
});

it('H.323, which uses TPKT too, is named by the error of the TPDU', () => {
  const setup = hex('0802 0001 05 04 03 8893a5');
  expect(faultOf(() => decode(setup)).hint).toMatch(/H\.323/);
});
