/** The reader of captures: formats, links, IP and TCP, and what it reports as missing. */
import { describe, expect, test } from 'vitest';
import { CaptureReader } from '../../src/cli/capture/capture-reader.js';
import { LIMITS, type Limits, PIECE_COST } from '../../src/cli/capture/limits.js';
import {
  ACK,
  CLIENT,
  Connection,
  type End,
  ethernet,
  FIN,
  type Frame,
  ipv4,
  ipv6,
  Pcapng,
  pcap,
  pcapng,
  RAW,
  RST,
  SERVER,
  SYN,
  tcpSegment,
} from '../support/capture-file.js';

const CR = '0300001611e00000000200c0010ac1020100c2020102';
const CC = '0300001611d00002443100c0010ac1020100c2020102';
const DT = '0300000802f08001';
const LONG = `0300004602f080${'0300000702f080'.repeat(9)}`;

const hex = (octets: string) => Buffer.from(octets, 'hex');

/** The TPKTs of a file and what is missing in it, one line for each, pushed in pieces of this size. */
function read(file: Buffer, options: Reading = {}): string[] {
  return readAll(file, options).lines;
}

/** How a file is read. */
interface Reading {
  readonly limits?: Limits;
  readonly piece?: number;
}

/** The same, and the ends of TCP. */
function readAll(file: Buffer, { limits = LIMITS, piece = file.length }: Reading = {}) {
  const reader = new CaptureReader(file.subarray(0, 64), limits);
  const lines: string[] = [];
  const ends: string[] = [];
  const add = (events: ReturnType<CaptureReader['push']>) => {
    for (const event of events) {
      const from = event.flow === undefined ? '' : ` ${event.flow.stream} ${event.flow.from}`;
      const where = `${event.frame?.number ?? '-'}${from}`;
      if ('ended' in event) {
        ends.push(`${where} ${event.ended}`);
      } else {
        lines.push(`${where} ${'tpkt' in event ? event.tpkt.toString('hex') : event.lost}`);
      }
    }
  };
  for (let at = 0; at < file.length; at += piece) {
    add(reader.push(file.subarray(at, at + piece)));
  }
  add(reader.end());
  expect(reader.held).toBe(0);
  return { lines, ends };
}

/** The same of packets on raw IP. */
const readPackets = (packets: readonly (Buffer | Frame)[], limits: Limits = LIMITS) =>
  read(pcap(packets), { limits });

/** One connection that sends three TPKTs: as packets, and as what is read of it. */
const three = () => new Connection().client(CR).server(CC).client(DT);
const THREE = [`4 0 10.0.0.1:50000 ${CR}`, `5 0 10.0.0.5:102 ${CC}`, `6 0 10.0.0.1:50000 ${DT}`];

describe('formats', () => {
  const packets = three().packets;

  test.each([
    ['pcap', pcap(packets)],
    ['pcap, big endian', pcap(packets, { isBigEndian: true })],
    ['pcap with nanoseconds', pcap(packets, { isNanoseconds: true })],
    ['pcapng', pcapng(packets)],
    ['pcapng, big endian', pcapng(packets, { isBigEndian: true })],
  ])('%s is read, in one piece or in many', (_name, file) => {
    expect(read(file)).toEqual(THREE);
    expect(read(file, { piece: 1 })).toEqual(THREE);
    expect(read(file, { piece: 37 })).toEqual(THREE);
  });

  /** The times of the TPKTs of a file, in milliseconds. */
  function times(file: Buffer) {
    const reader = new CaptureReader(file);
    return reader.push(file).map(({ frame }) => frame?.time);
  }

  test('times are the same in all resolutions', () => {
    const expected = [1_700_000_000_003, 1_700_000_000_004, 1_700_000_000_005];
    expect(times(pcap(packets))).toEqual(expected);
    expect(times(pcap(packets, { isNanoseconds: true }))).toEqual(expected);
    expect(times(pcapng(packets))).toEqual(expected);
  });

  test('a resolution and an offset of an interface of pcapng count', () => {
    const blocks = new Pcapng();
    const offset = Buffer.alloc(8);
    offset.writeBigInt64LE(1_000n);
    const face = blocks.face(RAW, 0, blocks.option(9, Buffer.of(0x81)), blocks.option(14, offset));
    const file = [blocks.section(), face, ...packets.map((each) => blocks.packet(each, 7n))];
    expect(times(Buffer.concat(file))).toEqual([1_003_500, 1_003_500, 1_003_500]);
  });

  test('octets behind the end of the options of pcapng are no options', () => {
    const blocks = new Pcapng();
    const end = blocks.option(0, Buffer.alloc(0));
    const face = blocks.face(RAW, 0, end, blocks.option(9, Buffer.of(0x81)));
    const file = [blocks.section(), face, ...packets.map((each) => blocks.packet(each, 7_000n))];
    expect(times(Buffer.concat(file))).toEqual([7, 7, 7]);
  });

  test('several sections and interfaces of pcapng have their own order and links', () => {
    const big = new Pcapng(true);
    const little = new Pcapng();
    const [syn = hex(''), ...rest] = packets;
    const file = [
      ...[big.section(), big.face(1), big.face(RAW), big.packet(syn, 1n, 1)],
      ...[little.section(), little.block(0xbad, Buffer.alloc(50)), little.face(1)],
      ...rest.map((each) => little.packet(ethernet(each), 1n)),
    ];
    expect(read(Buffer.concat(file), { piece: 11 })).toEqual(THREE);
  });

  test('simple packet blocks and the old packet blocks are read, without and with a time', () => {
    const blocks = new Pcapng();
    const files = packets.map((each, i) => {
      const lengths = blocks.word(each.length, each.length);
      return i % 2 === 0
        ? blocks.block(3, blocks.word(each.length), each)
        : blocks.block(2, blocks.half(0), blocks.half(0), blocks.word(0, 1), lengths, each);
    });
    expect(read(Buffer.concat([blocks.section(), blocks.face(RAW), ...files]))).toEqual(THREE);
  });

  test.each([
    ['pcap', pcap],
    ['pcapng', pcapng],
  ])('a cut %s file is reported behind what is whole', (_name, format) => {
    const file = format(packets);
    expect(read(file.subarray(0, file.length - 5))).toEqual([
      ...THREE.slice(0, 2),
      '- the capture file is cut short: it ends after 5 packets',
    ]);
  });

  test('a damaged file is reported with its octet', () => {
    const damaged = Buffer.concat([pcap(packets), Buffer.alloc(16, 0xff), hex('00')]);
    const [octet, length] = [pcap(packets).length, 0xffffffff + 16];
    expect(read(damaged)).toEqual([
      ...THREE,
      `- the capture is damaged at octet ${octet}: a record of ${length} octets, at most 1048576 expected`,
    ]);
  });

  test('packets that the capturing program has dropped are reported', () => {
    const blocks = new Pcapng();
    const count = Buffer.alloc(8);
    count.writeBigUInt64LE(3n);
    const statistics = blocks.block(5, blocks.word(0, 0, 0), blocks.option(5, count));
    expect(read(Buffer.concat([pcapng(packets), statistics]))).toEqual([
      ...THREE,
      '- the program that wrote the capture has dropped 3 packets',
    ]);
  });

  test('packets that the program has dropped before another are reported in front of it', () => {
    const blocks = new Pcapng();
    const [syn = hex(''), ...rest] = packets;
    const count = Buffer.alloc(8);
    count.writeBigUInt64LE(3n);
    const padded = Buffer.concat([syn, Buffer.alloc(-syn.length & 3)]);
    const options = [blocks.option(2, Buffer.alloc(4)), blocks.option(4, count)];
    const enhanced = (...more: readonly Buffer[]) =>
      blocks.block(6, blocks.word(0, 0, 1, syn.length, syn.length), padded, ...more);
    const old = (drops: number) => {
      const lengths = blocks.word(0, 1, syn.length, syn.length);
      return blocks.block(2, blocks.half(0), blocks.half(drops), lengths, syn);
    };
    const all = [enhanced(), enhanced(...options), old(0), old(1), old(0xffff)];
    const others = rest.map((each) => blocks.packet(each, 1n));
    const file = Buffer.concat([blocks.section(), blocks.face(RAW), ...all, ...others]);
    expect(read(file).slice(0, 2)).toEqual([
      '2 the program that wrote the capture has dropped 3 packets before this one',
      '4 the program that wrote the capture has dropped 1 packet before this one',
    ]);
    expect(read(file)).toHaveLength(5);
  });
});

describe('the end of TCP', () => {
  const endsOf = (connection: Connection, ...others: readonly Connection[]) =>
    readAll(pcap([connection, ...others].flatMap(({ packets }) => packets))).ends;

  test.each([
    ['by FIN of both sides is that of the first', three().end(), '8 0 10.0.0.1:50000 fin'],
    ['by a reset of the client', three().reset(), '7 0 10.0.0.1:50000 reset'],
    ['by a reset of the server', three().reset('server'), '7 0 10.0.0.5:102 reset'],
    [
      'before the answer to the CR',
      new Connection().client(CR).reset('server'),
      '5 0 10.0.0.5:102 reset',
    ],
    [
      'by a reset behind a FIN is that of the FIN',
      three().end().lost().lost().reset('server'),
      '8 0 10.0.0.1:50000 fin',
    ],
    ['is reported once', three().end().reset().reset('server'), '8 0 10.0.0.1:50000 fin'],
  ])('%s', (_what, connection, end) => {
    expect(endsOf(connection)).toEqual([end]);
  });

  test('comes behind octets that a FIN has overtaken', () => {
    const { packets } = three().end();
    const [dt, ...fins] = packets.splice(5, 3) as [Buffer, Buffer, Buffer];
    const { lines, ends } = readAll(pcap([...packets.splice(0, 5), ...fins, dt]));
    expect(lines).toHaveLength(3);
    expect(ends).toEqual(['8 0 10.0.0.1:50000 fin']);
  });

  test('is known at the end of the capture, if octets before a FIN are missing', () => {
    const { lines, ends } = readAll(pcap(three().client(DT).lost().end().packets));
    expect(lines.at(-1)).toContain('8 octets are missing in the capture');
    expect(ends).toEqual(['8 0 10.0.0.1:50000 fin']);
  });

  test('is reported as unknown when a SYN with other numbers comes, or as FIN if one side has sent it', () => {
    const other = new Connection({ seq: 90_000 }).client(CR);
    expect(endsOf(three(), other)).toEqual([expect.stringMatching(/^7 0 \S+ unknown$/)]);
    const half = three().end().lost().lost();
    expect(endsOf(half, other)).toEqual(['8 0 10.0.0.1:50000 fin']);
  });

  test('is reported again, if TPKTs have come behind it', () => {
    expect(endsOf(three().reset('server').client(DT).end())).toEqual([
      '7 0 10.0.0.5:102 reset',
      '10 0 10.0.0.1:50000 fin',
    ]);
  });

  test('is none with a FIN of one side, and without TPKTs', () => {
    expect(endsOf(three().end().lost().lost())).toEqual([]);
    expect(endsOf(new Connection().client('474554').end())).toEqual([]);
  });
});

describe('links', () => {
  const packets = three().packets;
  const on = (linkType: number, frame: (packet: Buffer) => Buffer) =>
    read(pcap(packets.map(frame), { linkType }));
  const behind = (header: string) => (packet: Buffer) => Buffer.concat([hex(header), packet]);

  test.each([
    ['Ethernet', 1, (packet: Buffer) => ethernet(packet)],
    ['a VLAN tag', 1, (packet: Buffer) => ethernet(packet, '81000064')],
    ['two VLAN tags', 1, (packet: Buffer) => ethernet(packet, '88a80064810000c8')],
    ['a tag of HSR', 1, (packet: Buffer) => ethernet(packet, '892f00340001')],
    ['802.3 with LLC and SNAP', 1, (packet: Buffer) => ethernet(packet, '0040aaaa03000000')],
    ['SLL', 113, behind('0000000100060200000000010000' + '0800')],
    ['SLL2', 276, behind('0800000000000001000104060200000000010000')],
    ['a VLAN tag in SLL2', 276, behind('8100000000000001000104060200000000010000' + '00640800')],
    ['loopback of a little endian machine', 0, behind('02000000')],
    ['loopback of a big endian machine', 0, behind('00000002')],
    ['loopback of OpenBSD', 108, behind('00000002')],
    ['raw IP', 101, (packet: Buffer) => packet],
    ['raw IPv4', 228, (packet: Buffer) => packet],
  ])('%s', (_name, linkType, frame) => {
    expect(on(linkType, frame)).toEqual(THREE);
  });

  test('packets of a link that is not known are counted', () => {
    expect(on(105, (packet) => packet)).toEqual(['1 6 packets are not read: link type 105']);
  });

  test.each([
    ['Ethernet', 1, 13],
    ['a VLAN tag', 1, 15],
    ['SLL', 113, 15],
    ['SLL2', 276, 19],
    ['loopback', 0, 3],
    ['raw IP', 101, 0],
  ])('a header that the snap length has cut is counted: %s', (_name, linkType, captured) => {
    const octets = Buffer.concat([hex('02000000000102000000000281000064'), Buffer.alloc(46)]);
    expect(read(pcap([{ octets, captured }], { linkType }))).toEqual([
      '1 1 packet is not read: headers cut by the snap length',
    ]);
  });

  test('a frame that is too short for a header on the wire too is ignored', () => {
    expect(read(pcap([Buffer.alloc(13)], { linkType: 1 }))).toEqual([]);
  });

  test('packets in MPLS are counted, and other protocols are ignored', () => {
    const arp = Buffer.concat([hex('ffffffffffff0200000000010806'), Buffer.alloc(46)]);
    const spanningTree = Buffer.concat([
      hex('0180c20000000200000000010026424203'),
      Buffer.alloc(43),
    ]);
    const mpls = Buffer.concat([hex('0200000000010200000000028847'), Buffer.alloc(46)]);
    expect(read(pcap([arp, spanningTree, mpls], { linkType: 1 }))).toEqual([
      '3 1 packet is not read: MPLS',
    ]);
  });
});

describe('IP', () => {
  const ends = { from: CLIENT, to: SERVER };

  test('IPv6 with extension headers', () => {
    const client: End = { address: [...Array(15).fill(0), 1], port: 50_000 };
    const server: End = { address: [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 5], port: 102 };
    const segment = tcpSegment({ from: client, to: server, seq: 1, data: hex(DT) });
    const extensions = {
      first: 0,
      octets: hex(`2b00000000000000${'3c00'}000000000000${'0600'}000000000000`),
    };
    expect(readPackets([ipv6(client, server, segment, extensions)])).toEqual([
      `1 0 [::1]:50000 ${DT}`,
    ]);
  });

  test('IPv4 with an authentication header', () => {
    const segment = tcpSegment({ from: CLIENT, to: SERVER, seq: 1, data: hex(DT) });
    const header = hex('0604000000000001000000010000000000000000abcdabcd'.slice(0, 48));
    const packet = ipv4(CLIENT, SERVER, Buffer.concat([header, segment]));
    packet[9] = 51;
    expect(readPackets([packet])).toEqual([`1 0 10.0.0.1:50000 ${DT}`]);
  });

  test('a tunnel is counted', () => {
    const packet = ipv4(CLIENT, SERVER, Buffer.alloc(40));
    packet[9] = 47;
    expect(readPackets([packet])).toEqual(['1 1 packet is not read: GRE']);
  });

  test.each([
    ['version', 0, 0x50],
    ['header length', 0, 0x44],
    ['length', 3, 19],
  ])('an IPv4 header with a wrong %s is counted', (_what, at, value) => {
    const packet = ipv4(CLIENT, SERVER, Buffer.alloc(40));
    packet[at] = value;
    expect(readPackets([packet])).toEqual(['1 1 packet is not read: wrong IP header']);
  });

  test.each([
    ['within the packet', 'wrong IP header', (packet: Buffer) => packet],
    [
      'within what is captured',
      'headers cut by the snap length',
      (octets: Buffer) => ({ octets, captured: 44 }),
    ],
    [
      'within its own header',
      'headers cut by the snap length',
      (octets: Buffer) => ({ octets, captured: 39 }),
    ],
  ])('IPv6 whose headers do not end %s is counted', (_where, reason, make) => {
    const end: End = { address: [...Array(15).fill(0), 1], port: 1 };
    const endless = { first: 60, octets: hex('3c00000000000000') };
    const packet = ipv6(end, end, Buffer.alloc(0), endless);
    expect(readPackets([make(packet)])).toEqual([`1 1 packet is not read: ${reason}`]);
  });

  test('a packet that is shorter than an IP header is counted', () => {
    expect(readPackets([ipv4(CLIENT, SERVER, Buffer.alloc(0)).subarray(0, 19)])).toEqual([
      '1 1 packet is not read: wrong IP header',
    ]);
  });

  test('a length of 0, of a system whose network card segments, is that of the packet', () => {
    const packet = ipv4(CLIENT, SERVER, tcpSegment({ ...ends, seq: 1, data: hex(DT) }));
    packet.writeUInt16BE(0, 2);
    expect(readPackets([packet])).toEqual([`1 0 10.0.0.1:50000 ${DT}`]);
  });

  describe('fragments', () => {
    const segment = tcpSegment({ ...ends, seq: 1, data: hex(DT.repeat(4)) });
    const part = (start: number, end: number) =>
      ipv4(CLIENT, SERVER, segment.subarray(start, end), {
        ...{ id: 7, offset: start, hasMore: end < segment.length },
      });

    test('are put together in any order', () => {
      const expected = Array.from({ length: 4 }, () => `3 0 10.0.0.1:50000 ${DT}`);
      expect(readPackets([part(0, 24), part(24, 40), part(40, 52)])).toEqual(expected);
      expect(readPackets([part(40, 52), part(0, 24), part(24, 40)])).toEqual(expected);
      const twice = [part(40, 52), part(40, 52), part(0, 40)];
      expect(readPackets(twice)).toEqual(expected);
    });

    test('that lack one are reported', () => {
      expect(readPackets([part(0, 24), part(40, 52)])).toEqual([
        '1 an IP datagram from 10.0.0.1 > 10.0.0.5 is not read: fragments of it are missing in the capture',
      ]);
    });

    test('that overlap are kept once', () => {
      const reader = new CaptureReader(pcap([]));
      const parts = Array.from({ length: 4 }, (_, i) => part(8 * i, 48));
      reader.push(pcap([...parts, ...parts.reverse()]));
      expect(reader.held).toBe(48 + PIECE_COST);
      reader.end();
      expect(reader.held).toBe(0);
    });

    test('that overlap are put together', () => {
      expect(readPackets([part(8, 24), part(32, 48), part(0, 48), part(40, 52)])).toEqual(
        Array.from({ length: 4 }, () => `4 0 10.0.0.1:50000 ${DT}`),
      );
    });

    test('that would be too much are not kept, and their datagram is reported', () => {
      const limits = { ...LIMITS, heldOctets: 2 * PIECE_COST };
      const packets = [part(0, 24), part(32, 48), part(24, 32), part(48, 52)];
      expect(readPackets(packets, limits)).toEqual([
        '1 an IP datagram from 10.0.0.1 > 10.0.0.5 is not read: too many octets of all streams wait for others',
      ]);
    });

    test('of too many datagrams are reported as the limit is reached', () => {
      const firsts = [1, 2, 3].map((id) =>
        ipv4(CLIENT, SERVER, segment.subarray(0, 24), { id, offset: 0, hasMore: true }),
      );
      const lines = readPackets(firsts, { ...LIMITS, datagrams: 2 });
      expect(lines.map((line) => line.split(' ')[0])).toEqual(['1', '2', '3']);
    });

    test('of IPv6 are put together', () => {
      const client: End = { address: [...Array(15).fill(0), 1], port: 50_000 };
      const whole = tcpSegment({ from: client, to: client, seq: 1, data: hex(DT.repeat(2)) });
      const parts = [
        ipv6(client, client, whole.subarray(0, 24), { first: 44, octets: hex('0600000100000009') }),
        ipv6(client, client, whole.subarray(24), { first: 44, octets: hex('0600001800000009') }),
      ];
      expect(readPackets(parts)).toHaveLength(2);
    });

    test('of IPv6 with more headers within them are put together first', () => {
      const client: End = { address: [...Array(15).fill(0), 1], port: 50_000 };
      const tcp = tcpSegment({ from: client, to: client, seq: 1, data: hex(DT) });
      // A destination options header of 24 octets, of which the first fragment has 16.
      const whole = Buffer.concat([hex('0602010400000000'), Buffer.alloc(16), tcp]);
      const parts = [
        ipv6(client, client, whole.subarray(0, 16), { first: 44, octets: hex('3c00000100000009') }),
        ipv6(client, client, whole.subarray(16), { first: 44, octets: hex('3c00001000000009') }),
      ];
      expect(readPackets(parts)).toEqual([`2 0 [::1]:50000 ${DT}`]);
      expect(readPackets(parts.reverse())).toEqual([`2 0 [::1]:50000 ${DT}`]);
    });
  });
});

describe('TCP', () => {
  const data = (offset: number, octets: string, more: { ack?: number; flags?: number } = {}) =>
    ipv4(
      CLIENT,
      SERVER,
      tcpSegment({ from: CLIENT, to: SERVER, seq: 1001 + offset, data: hex(octets), ...more }),
    );
  const syn = ipv4(CLIENT, SERVER, tcpSegment({ from: CLIENT, to: SERVER, seq: 1000, flags: SYN }));
  const answer = (offset: number) =>
    ipv4(SERVER, CLIENT, tcpSegment({ from: SERVER, to: CLIENT, seq: 9, ack: 1001 + offset }));
  const tpkts = (lines: readonly string[]) => lines.map((line) => line.split(' ').at(-1));

  test('segments out of order, twice, and overlapping are put in order', () => {
    const parts = [data(16, DT), data(8, DT), data(4, `02f08001${DT}`), data(0, DT), data(0, DT)];
    expect(tpkts(readPackets([syn, ...parts]))).toEqual([DT, DT, DT]);
    expect(tpkts(readPackets([syn, ...parts.reverse()]))).toEqual([DT, DT, DT]);
  });

  test('sequence numbers wrap', () => {
    const connection = new Connection({ seq: 2 ** 32 - 12 }).client(DT).client(LONG).client(DT);
    expect(tpkts(readPackets(connection.packets))).toEqual([DT, LONG, DT]);
  });

  test('a TPKT in many segments is completed by the frame of its last one', () => {
    const connection = new Connection();
    for (const octet of LONG.match(/../g) ?? []) {
      connection.client(octet);
    }
    expect(readPackets(connection.packets)).toEqual([`73 0 10.0.0.1:50000 ${LONG}`]);
  });

  test('an acknowledgement that was captured before its segment is no gap', () => {
    const packets = [syn, data(8, DT), answer(16), data(0, DT)];
    expect(tpkts(readPackets(packets))).toEqual([DT, DT]);
  });

  test('probes of keep-alive are ignored, also as the first of a stream', () => {
    const probe = data(-1, '');
    const withOctet = data(7, '00');
    expect(tpkts(readPackets([probe, data(0, DT), withOctet, probe, data(8, DT)]))).toEqual([
      DT,
      DT,
    ]);
  });

  test('the same addresses and ports again are another stream', () => {
    const first = new Connection().client(CR).end();
    const second = new Connection({ seq: 77_000 }).client(CR);
    expect(readPackets([...first.packets, ...second.packets])).toEqual([
      `4 0 10.0.0.1:50000 ${CR}`,
      `11 1 10.0.0.1:50000 ${CR}`,
    ]);
  });

  test('a SYN that is repeated is not', () => {
    expect(readPackets([syn, syn, data(0, CR)])).toEqual([`3 0 10.0.0.1:50000 ${CR}`]);
  });

  test('a sequence number that jumps back far is reported, and read on from there', () => {
    expect(readPackets([syn, data(0, DT), data(-200_000_000, DT)])).toEqual([
      `2 0 10.0.0.1:50000 ${DT}`,
      '3 0 10.0.0.1:50000 the sequence number jumps back by 200000008 octets: another connection, whose SYN is missing',
      `3 0 10.0.0.1:50000 ${DT}`,
    ]);
  });

  test('streams are numbered in the order of their first segments, whatever they carry', () => {
    const other = new Connection({ client: { address: [10, 0, 0, 9], port: 1 } }).client('4745');
    expect(readPackets([...other.packets, syn, data(0, DT)])).toEqual([`6 1 10.0.0.1:50000 ${DT}`]);
  });

  test('a segment whose header is wrong is counted', () => {
    const packet = data(0, DT);
    packet[32] = 0x10;
    expect(readPackets([packet])).toEqual(['1 1 packet is not read: wrong TCP header']);
  });

  describe('what is missing is reported once', () => {
    test('a segment between two TPKTs', () => {
      const connection = new Connection().client(CR).server(CC).client(DT).lost();
      connection.server(DT).client(DT).server(DT);
      expect(readPackets(connection.packets)).toEqual([
        ...THREE.slice(0, 2),
        `6 0 10.0.0.5:102 ${DT}`,
        `8 0 10.0.0.5:102 ${DT}`,
        '7 0 10.0.0.1:50000 8 octets are missing in the capture, between two TPKTs',
        `7 0 10.0.0.1:50000 ${DT}`,
      ]);
    });

    test('before the end of the stream, if the peer has acknowledged what is missing', () => {
      const packets = [syn, data(0, DT), data(16, DT), ...Array(8).fill(answer(24))];
      const lines = readPackets([...packets, data(24, DT)]);
      expect(tpkts(lines)).toEqual([DT, 'TPKTs', DT, DT]);
    });

    test('a segment within a TPKT, of which nothing is taken for another', () => {
      const packets = [data(0, LONG.slice(0, 28)), data(42, `${LONG.slice(84)}${DT}`)];
      expect(readPackets([syn, ...packets])).toEqual([
        '3 0 10.0.0.1:50000 28 octets are missing in the capture, 14 octets after the beginning of a TPKT of 70, which is not shown',
        `3 0 10.0.0.1:50000 ${DT}`,
      ]);
    });

    test('the end of a TPKT and more: octets before the next one are reported too', () => {
      const packets = [data(0, `${DT}03000046`), data(212, '0102'), data(214, DT)];
      expect(readPackets([syn, ...packets])).toEqual([
        `2 0 10.0.0.1:50000 ${DT}`,
        '3 0 10.0.0.1:50000 200 octets are missing in the capture, 4 octets after the beginning of a TPKT of 70, which is not shown',
        '3 0 10.0.0.1:50000 2 octets behind a gap are skipped: the next TPKT begins behind them',
        `4 0 10.0.0.1:50000 ${DT}`,
      ]);
    });

    test('two gaps, of which the second goes beyond the end of the TPKT: the next one is searched', () => {
      const behind = `${'55'.repeat(10)}${DT}`;
      const packets = [data(0, `${DT}${LONG.slice(0, 28)}`), data(30, '00'.repeat(8))];
      expect(readPackets([syn, ...packets, data(100, behind), data(118, DT)])).toEqual([
        `2 0 10.0.0.1:50000 ${DT}`,
        '3 0 10.0.0.1:50000 8 octets are missing in the capture, 14 octets after the beginning of a TPKT of 70, which is not shown',
        '4 0 10.0.0.1:50000 62 octets are missing in the capture, within a TPKT that lacks other octets too',
        '4 0 10.0.0.1:50000 10 octets behind a gap are skipped: the next TPKT begins behind them',
        `4 0 10.0.0.1:50000 ${DT}`,
        `5 0 10.0.0.1:50000 ${DT}`,
      ]);
    });

    test('a gap while the next TPKT is searched', () => {
      const packets = [data(0, DT), data(16, '5555'), data(26, DT)];
      expect(readPackets([syn, ...packets])).toEqual([
        `2 0 10.0.0.1:50000 ${DT}`,
        '3 0 10.0.0.1:50000 8 octets are missing in the capture, between two TPKTs',
        '4 0 10.0.0.1:50000 8 octets are missing in the capture, where no TPKT is known yet',
        '3 0 10.0.0.1:50000 2 octets behind a gap are skipped: the next TPKT begins behind them',
        `4 0 10.0.0.1:50000 ${DT}`,
      ]);
    });

    test('octets that the snap length has cut off', () => {
      const whole = data(0, LONG);
      const packets = [syn, { octets: whole, captured: 60 }, data(70, DT)];
      expect(readPackets(packets)).toEqual([
        '2 0 10.0.0.1:50000 50 octets are cut off by the snap length of the capture, 20 octets after the beginning of a TPKT of 70, which is not shown',
        `3 0 10.0.0.1:50000 ${DT}`,
      ]);
    });

    test('octets that the snap length has cut off of a segment out of order', () => {
      const cut = { octets: data(8, LONG), captured: 60 };
      expect(readPackets([syn, cut, data(0, DT), data(78, DT)])).toEqual([
        `3 0 10.0.0.1:50000 ${DT}`,
        '2 0 10.0.0.1:50000 50 octets are cut off by the snap length of the capture, 20 octets after the beginning of a TPKT of 70, which is not shown',
        `4 0 10.0.0.1:50000 ${DT}`,
      ]);
    });

    test('packets that the snap length has cut within their headers', () => {
      const packets = [1, 2].map(() => ({ octets: data(0, DT), captured: 30 }));
      expect(readPackets(packets)).toEqual([
        '1 2 packets are not read: headers cut by the snap length',
      ]);
    });

    test('how many packets the snap length has cut, in the whole capture', () => {
      const whole = { octets: data(0, DT) };
      const cutData = { octets: data(8, LONG), captured: 60 };
      const cutHeader = { octets: data(0, DT), captured: 30 };
      const file = pcap([syn, whole, cutData, cutData, cutHeader]);
      const reader = new CaptureReader(file);
      reader.push(file);
      reader.end();
      expect(reader.cutPackets).toBe(3);
    });

    test('a TPKT at the end of the capture, in either direction', () => {
      const connection = new Connection().client(DT).client(DT.slice(0, 10)).server(DT.slice(0, 4));
      expect(readPackets(connection.packets)).toEqual([
        `4 0 10.0.0.1:50000 ${DT}`,
        '5 0 10.0.0.1:50000 the capture ends within a TPKT, 5 octets after its beginning',
        '6 0 10.0.0.5:102 2 octets at the start of the stream are skipped: there is no whole TPKT in them',
      ]);
    });

    test.each([
      ['FIN', (connection: Connection) => connection.end()],
      ['RST', (connection: Connection) => connection.reset()],
    ])('a TPKT at the end of a connection: %s', (_name, end) => {
      const connection = end(new Connection().client(DT).client(DT.slice(0, 10)));
      expect(readPackets(connection.packets)).toEqual([
        `4 0 10.0.0.1:50000 ${DT}`,
        '5 0 10.0.0.1:50000 the connection ends within a TPKT, 5 octets after its beginning',
      ]);
    });

    test('the last segment, if the peer has acknowledged it', () => {
      expect(readPackets([syn, data(0, DT), answer(16)])).toEqual([
        `2 0 10.0.0.1:50000 ${DT}`,
        '3 0 10.0.0.1:50000 8 octets are missing in the capture, between two TPKTs',
      ]);
    });

    test('more than 16 MiB at the end, if the peer has acknowledged them', () => {
      const missing = 20 * 1024 * 1024;
      expect(readPackets([syn, data(0, DT), answer(8 + missing)])).toEqual([
        `2 0 10.0.0.1:50000 ${DT}`,
        `3 0 10.0.0.1:50000 ${missing} octets are missing in the capture, between two TPKTs`,
      ]);
    });

    test('but not what was acknowledged before the sequence number jumped back', () => {
      const lines = readPackets([syn, data(0, DT), answer(8), data(-200_000_000, DT)]);
      expect(lines.filter((line) => line.includes('missing in the capture'))).toEqual([]);
    });

    test('nor what is before a reset of a connection that its sender does not know', () => {
      const reset = { from: SERVER, to: CLIENT, seq: 0, flags: RST };
      const packets = [syn, data(0, DT, { ack: 77_000 }), ipv4(SERVER, CLIENT, tcpSegment(reset))];
      expect(readPackets(packets)).toEqual([`2 0 10.0.0.1:50000 ${DT}`]);
    });

    test('the last segment before a FIN', () => {
      const fin = data(16, '', { flags: FIN | ACK });
      expect(readPackets([syn, data(0, DT), fin])).toEqual([
        `2 0 10.0.0.1:50000 ${DT}`,
        '3 0 10.0.0.1:50000 8 octets are missing in the capture, between two TPKTs',
      ]);
    });

    test('all of a direction, of which only the acknowledgements were captured', () => {
      const { packets } = new Connection().client(CR).server(CC).client(DT).server(DT);
      const isOfServer = (packet: Buffer) => packet.readUInt16BE(20) === SERVER.port;
      expect(readPackets(packets.filter(isOfServer))).toEqual([
        `2 0 10.0.0.5:102 ${CC}`,
        `3 0 10.0.0.5:102 ${DT}`,
        '3 0 10.0.0.1:50000 30 octets are missing in the capture: it has no segment of this direction',
      ]);
    });

    test('up to sixteen times before the first TPKT, which is reported too', () => {
      const parts = Array.from({ length: 20 }, (_, i) => {
        return { octets: data(100 * i, 'ff'.repeat(100)), captured: 100 };
      });
      const lines = readPackets([...parts, data(2000, DT)]);
      expect(lines.slice(15)).toEqual([
        '16 0 10.0.0.1:50000 40 octets are cut off by the snap length of the capture, before the first TPKT that is known',
        '1 0 10.0.0.1:50000 there are more than 16 reports before the first TPKT; the others are left out',
        `21 0 10.0.0.1:50000 ${DT}`,
      ]);
    });

    test('but not in streams of other protocols', () => {
      const connection = new Connection().client('474554').client('2f').lost().client('20');
      expect(readPackets(connection.packets)).toEqual([]);
    });
  });

  describe('limits', () => {
    const small = { ...LIMITS, reorderOctets: 20, reorderSegments: 3, streams: 2 };

    test('octets that wait for a segment', () => {
      expect(readPackets([syn, data(8, DT), data(16, DT), data(24, DT)], small)).toEqual([
        '2 0 10.0.0.1:50000 8 octets are missing so far, and 24 octets wait for them, which is the limit, before the first TPKT that is known',
        ...[2, 3, 4].map((frame) => `${frame} 0 10.0.0.1:50000 ${DT}`),
      ]);
    });

    test('segments that wait for another', () => {
      const parts = [8, 9, 10, 11].map((offset, i) => data(offset, DT.slice(2 * i, 2 * i + 2)));
      const [line = ''] = readPackets([syn, ...parts, data(12, DT.slice(8))], small);
      expect(line).toContain('8 octets are missing so far, and 4 segments wait for them');
    });

    test('octets of all streams that wait for the rest of their TPKT', () => {
      const long = `0300008702f080${'00'.repeat(128)}`;
      const connection = new Connection()
        .client(long.slice(0, 240))
        .client(`${long.slice(240)}${DT}`);
      const limits = { ...LIMITS, heldOctets: PIECE_COST + 100 };
      expect(readPackets(connection.packets, limits)).toEqual([
        '4 0 10.0.0.1:50000 a TPKT of 135 octets is not shown: too many octets of all streams wait for others',
        `5 0 10.0.0.1:50000 ${DT}`,
      ]);
    });

    /** What a reader counts as kept after these packets. */
    function heldAfter(packets: readonly Buffer[]): number {
      const reader = new CaptureReader(pcap([]));
      reader.push(pcap(packets));
      return reader.held;
    }

    test('a segment of one octet that waits counts more than its octet', () => {
      const parts = Array.from({ length: 100 }, (_, i) => data(8 + i, '03'));
      expect(heldAfter([syn, ...parts])).toBe(100 * (1 + PIECE_COST));
    });

    test('a TPKT in segments of one octet counts little more than its octets', () => {
      const octets = `0300800002f080${'00'.repeat(32_000)}`.match(/../g) ?? [];
      const held = heldAfter([syn, ...octets.map((octet, i) => data(i, octet))]);
      expect(held).toBeGreaterThan(octets.length);
      expect(held).toBeLessThan(octets.length + 64 * PIECE_COST);
    });

    test('streams at the same time: the one without segments for longest is taken for ended', () => {
      const streams = [1, 2, 3].map((port) => {
        const client = { address: CLIENT.address, port };
        return new Connection({ client }).client(`${DT}0300`).packets;
      });
      expect(readPackets(streams.flat(), small).slice(2, 4)).toEqual([
        '9 TCP stream 0 is taken for ended: there are more than 2 streams',
        '4 0 10.0.0.1:1 the part of the stream that is read ends within a TPKT, 2 octets after its beginning',
      ]);
    });

    test('a part of many streams is taken for ended at once, in one report', () => {
      const streams = Array.from({ length: 257 }, (_, i) => {
        const client = { address: CLIENT.address, port: 1 + i };
        return new Connection({ client, isStarted: true }).client(DT).packets;
      });
      const lines = readPackets(streams.flat(), { ...LIMITS, streams: 256 });
      expect(lines.filter((line) => line.includes('taken for ended'))).toEqual([
        '257 TCP stream 0 and 3 others are taken for ended: there are more than 256 streams',
      ]);
    });

    test('many streams of another protocol keep nothing', () => {
      const reader = new CaptureReader(pcap([]));
      reader.push(pcap([]));
      const text = Buffer.alloc(1000, 'HTTP/1.1 200 OK ');
      for (let port = 1; port < 200; port += 1) {
        const client = { address: CLIENT.address, port };
        reader.push(pcap(new Connection({ client }).server(text).packets).subarray(24));
      }
      expect(reader.held).toBe(0);
    });
  });
});

describe('a stream is taken for TPKT', () => {
  const readStream = (...segments: readonly string[]) => {
    const connection = new Connection({ isStarted: true });
    for (const segment of segments) {
      connection.client(segment);
    }
    return readPackets(connection.packets).map((line) => line.replace(' 0 10.0.0.1:50000', ''));
  };

  test('in the middle: it begins with a segment', () => {
    expect(readStream(DT, DT)).toEqual([`1 ${DT}`, `2 ${DT}`]);
  });

  test('in the middle: octets before the first TPKT are reported', () => {
    expect(readStream('0102030405', DT)).toEqual([
      '1 5 octets at the start of the stream are skipped: the next TPKT begins behind them',
      `2 ${DT}`,
    ]);
  });

  test('in the middle of a segment, if another TPKT or the end of the segment is behind it', () => {
    const skipped =
      '1 2 octets at the start of the stream are skipped: the next TPKT begins behind them';
    expect(readStream(`0102${DT}`)).toEqual([skipped, `1 ${DT}`]);
    expect(readStream(`0102${LONG.slice(0, 60)}`, `${LONG.slice(60)}${DT}`)).toEqual([
      skipped,
      `2 ${LONG}`,
      `2 ${DT}`,
    ]);
  });

  test('with its header in a segment of its own', () => {
    expect(readStream('03000008', '02f08001', DT)).toEqual([`2 ${DT}`, `3 ${DT}`]);
  });

  test.each([
    ['version', '0200000802f08001'],
    ['reserved octet', '0301000802f08001'],
    ['length', '0300000602f08001'],
    ['LI beyond the TPKT', '0300000820f08001'],
    ['LI of another TPDU', '0300000803e08001'],
    ['TPDU code', '0300000808020001'],
  ])('only with a plausible %s', (_name, octets) => {
    expect(readStream(octets, octets)).toEqual([]);
  });

  test('until it switches to another protocol, which is reported once', () => {
    const lines = readStream(DT, '1603010005', '1703030001', DT);
    expect([lines[0], lines[2], lines.length]).toEqual([`1 ${DT}`, `4 ${DT}`, 3]);
    expect(lines[1]).toMatch(/^2 the TPKT version is not 3/);
  });

  test('not after 128 KiB of something else', () => {
    const other = Buffer.alloc(50_000, 0x41).toString('hex');
    expect(readStream(other, other, other, DT)).toEqual([]);
  });
});
