import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/core/errors.js';
import {
  allocateZeroed,
  type OctetCollector,
  type OctetSource,
  plainView,
} from '../../../src/core/octets/collector.js';
import { type PacketReceiver, TpktSplitter } from '../../../src/core/tpkt/splitter.js';
import {
  chunksOf,
  hex,
  join,
  pattern,
  splits,
  splitsWithTrailing,
  tpkt,
} from '../../support/splits.js';

/** Keeps the payloads, and says stop after each when told. */
class Keeper implements PacketReceiver {
  readonly payloads: Uint8Array[] = [];
  /** For each payload: did it come without a copy? */
  readonly views: boolean[] = [];
  readonly #goOn: boolean;

  constructor(goOn = true) {
    this.#goOn = goOn;
  }

  packet(chunk: OctetSource, start: number, end: number): boolean {
    this.payloads.push(chunk.view(start, end, plainView));
    this.views.push(true);
    return this.#goOn;
  }

  packetInPieces(pieces: OctetCollector): boolean {
    this.payloads.push(pieces.take(allocateZeroed, 4));
    this.views.push(false);
    return this.#goOn;
  }
}

function split(
  chunks: readonly Uint8Array[],
  maxLength = 65_535,
): { payloads: readonly Uint8Array[]; splitter: TpktSplitter; fault: ProtocolError | undefined } {
  const keeper = new Keeper();
  const splitter = new TpktSplitter(keeper);
  splitter.maxLength = maxLength;
  let fault: ProtocolError | undefined;
  try {
    for (const chunk of chunks) {
      splitter.push(chunk);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) {
      throw error;
    }
    fault = error;
  }
  return { payloads: keeper.payloads, splitter, fault };
}

describe('packets', () => {
  const payloads = [pattern(3), pattern(20, 5), pattern(7, 9)];
  const stream = join(...payloads.map(tpkt));

  //= RFC 1006 5 N-DATA test
  //= RFC 2126 3.2.3.2 test
  it.each(splits(stream))('are the same when the stream comes $name', ({ chunks }) => {
    expect(split(chunks).payloads).toEqual(payloads);
  });

  it.each(splitsWithTrailing(stream, hex('03 00 00')))(
    'are the same when the stream comes $name',
    ({ chunks }) => {
      const { payloads: seen, splitter } = split(chunks);
      expect(seen).toEqual(payloads);
      expect(join(...splitter.pending())).toEqual(hex('03 00 00'));
    },
  );

  it.each([2, 3, 5, 11, 600])('are the same in chunks of %i octets when they are large', (size) => {
    const large = [pattern(2_000), pattern(600, 3), pattern(511, 1)];
    expect(split(chunksOf(join(...large.map(tpkt)), size)).payloads).toEqual(large);
  });

  it('all come out when a chunk holds a thousand of them', () => {
    const many = Array.from({ length: 1_000 }, (_, i) => pattern(3 + (i % 50), i));
    expect(split([join(...many.map(tpkt))]).payloads).toEqual(many);
  });

  it('may be as long as the length field can say', () => {
    expect(split([tpkt(pattern(65_531))]).payloads[0]).toHaveLength(65_531);
  });

  //= RFC 2126 6.10 test
  it.each([0, 1, 255])('are taken whatever the reserved octet is: %i', (reserved) => {
    const octets = tpkt(pattern(5));
    octets[1] = reserved;
    expect(split([octets]).payloads).toEqual([pattern(5)]);
  });

  it('are views of the chunk when they lie whole in it', () => {
    const chunk = Uint8Array.from(stream);
    const { payloads: seen } = split([chunk]);
    expect(seen.map(({ buffer }) => buffer === chunk.buffer)).toEqual([true, true, true]);
  });

  it('are views also behind one that was cut', () => {
    const keeper = new Keeper();
    const splitter = new TpktSplitter(keeper);
    splitter.push(stream.slice(0, 5));
    splitter.push(stream.slice(5));
    expect(keeper.views).toEqual([false, true, true]);
  });

  it('come out of an empty chunk not at all', () => {
    expect(split([new Uint8Array(0)]).payloads).toEqual([]);
  });
});

describe('a wrong version', () => {
  //= RFC 1006 6 TPKT test
  //= RFC 2126 4.3 test
  it.each([0, 1, 2, 4, 0x16, 255])('is a fault at the first octet: %i', (version) => {
    expect(split([Uint8Array.of(version)]).fault?.fault).toBe('tpkt-version');
  });

  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.0\r\n')],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request')],
    ['TLS', hex('16 03 01 02 00')],
    ['text protocol', Buffer.from('SSH-2.0-x')],
  ])('is told to look like %s', (name, octets) => {
    expect(split([octets]).fault?.hint).toContain(name);
  });

  it('is not seen before the packets in front of it have been handed over', () => {
    const { payloads, fault } = split([join(tpkt(pattern(3)), tpkt(pattern(4)), hex('09'))]);
    expect(payloads).toEqual([pattern(3), pattern(4)]);
    expect(fault?.fault).toBe('tpkt-version');
  });

  it('is seen behind a packet that came in pieces', () => {
    const stream = join(tpkt(pattern(3)), hex('09'));
    for (const { chunks } of splits(stream)) {
      expect(split(chunks).fault?.fault).toBe('tpkt-version');
    }
  });

  it('is shown beside the one that was expected', () => {
    expect(split([hex('09')]).fault?.message).toContain('(3 expected, 9 received)');
  });

  it('names the octet of the stream, however it was cut', () => {
    for (const { chunks } of splits(join(tpkt(pattern(3)), hex('09')))) {
      expect(split(chunks).fault?.octet).toBe(8);
    }
  });
});

describe('a length', () => {
  //= RFC 1006 6 TPKT test
  it.each([0, 1, 2, 3, 4, 5, 6])('of %i is a fault', (length) => {
    for (const { chunks } of splits(Uint8Array.of(3, 0, 0, length))) {
      expect(split(chunks).fault?.fault).toBe('tpkt-length');
    }
  });

  //= RFC 1006 6 TPKT test
  it('of 7 is the shortest', () => {
    expect(split([tpkt(pattern(3))]).payloads).toHaveLength(1);
  });

  it('at the limit is taken', () => {
    expect(split([tpkt(pattern(96))], 100).payloads).toHaveLength(1);
  });

  it('above the limit is a fault as soon as the header is complete, before anything is held', () => {
    for (const { chunks } of splits(hex('03 00 00 65'))) {
      expect(split(chunks, 100).fault?.fault).toBe('tpkt-length');
    }
  });

  it('out of range is shown beside the limits', () => {
    expect(split([hex('03 00 00 65')], 100).fault?.message).toContain(
      '(7 to 100 expected, 101 received)',
    );
  });

  it('that is at fault does not lose the packets before it', () => {
    const { payloads, fault } = split([join(tpkt(pattern(3)), hex('03 00 00 00'))]);
    expect(payloads).toEqual([pattern(3)]);
    expect(fault?.octet).toBe(10);
  });
});

describe('a receiver that says stop', () => {
  const payloads = [pattern(3), pattern(4, 1), pattern(5, 2), pattern(6, 3)];
  const stream = join(...payloads.map(tpkt));

  it('gets one packet a call, then says when there are no more', () => {
    const keeper = new Keeper(false);
    const splitter = new TpktSplitter(keeper);
    splitter.push(stream);
    const counts = [keeper.payloads.length];
    while (splitter.resume()) {
      counts.push(keeper.payloads.length);
    }
    expect(counts).toEqual([1, 2, 3, 4]);
  });

  it.each(splits(stream))('gets every packet when the stream comes $name', ({ chunks }) => {
    const keeper = new Keeper(false);
    const splitter = new TpktSplitter(keeper);
    for (const chunk of chunks) {
      splitter.push(chunk);
      while (splitter.resume()) {}
    }
    expect(keeper.payloads).toEqual(payloads);
  });

  it.each(splits(stream))(
    'gets them in order though it goes on only after everything came $name',
    ({ chunks }) => {
      const keeper = new Keeper(false);
      const splitter = new TpktSplitter(keeper);
      for (const chunk of chunks) {
        splitter.push(chunk);
      }
      while (splitter.resume()) {}
      expect(keeper.payloads).toEqual(payloads);
    },
  );

  it('gets no packet behind one that came in pieces until it resumes', () => {
    const keeper = new Keeper(false);
    const splitter = new TpktSplitter(keeper);
    splitter.push(stream.subarray(0, 5));
    splitter.push(stream.subarray(5));
    expect(keeper.payloads).toHaveLength(1);
    splitter.resume();
    expect(keeper.payloads).toHaveLength(2);
  });

  it('is stopped, and has the octets behind its packet, until it resumes', () => {
    const splitter = new TpktSplitter(new Keeper(false));
    splitter.push(join(tpkt(pattern(3)), tpkt(pattern(600))));
    expect([splitter.isStopped, splitter.waiting, splitter.held]).toEqual([true, 604, 604]);
    expect(splitter.pinned).toBeGreaterThanOrEqual(604);
    splitter.resume();
    expect([splitter.isStopped, splitter.waiting, splitter.held]).toEqual([false, 0, 0]);
    expect(splitter.pinned).toBe(0);
  });

  it('is not stopped any more once it is cleared', () => {
    const splitter = new TpktSplitter(new Keeper(false));
    splitter.push(stream);
    splitter.clear();
    expect([splitter.isStopped, splitter.resume(), splitter.held]).toEqual([false, false, 0]);
  });

  it('stands at no boundary while octets wait', () => {
    const splitter = new TpktSplitter(new Keeper(false));
    splitter.push(stream);
    expect(splitter.atBoundary).toBe(false);
  });

  it('has nothing to go on with when its packet ended the chunk', () => {
    const splitter = new TpktSplitter(new Keeper(false));
    splitter.push(tpkt(pattern(3)));
    expect(splitter.resume()).toBe(false);
  });

  it('meets the limit that it set while it rested', () => {
    const keeper = new Keeper(false);
    const splitter = new TpktSplitter(keeper);
    splitter.maxLength = 10;
    splitter.push(join(tpkt(pattern(3)), tpkt(pattern(50))));
    splitter.maxLength = 100;
    splitter.resume();
    expect(keeper.payloads).toEqual([pattern(3), pattern(50)]);
  });
});

/** Keeps the payloads and stops at each packet; the first `unreads` of them are to come again. */
class Unreader extends Keeper {
  readonly splitter = new TpktSplitter(this);
  #unreads: number;

  constructor(unreads: number) {
    super(false);
    this.#unreads = unreads;
  }

  override packet(chunk: OctetSource, start: number, end: number): boolean {
    return this.#isUnread() ? false : super.packet(chunk, start, end);
  }

  override packetInPieces(pieces: OctetCollector): boolean {
    return this.#isUnread() ? false : super.packetInPieces(pieces);
  }

  #isUnread(): boolean {
    this.#unreads -= 1;
    if (this.#unreads >= 0) {
      this.splitter.unread();
    }
    return this.#unreads >= 0;
  }
}

describe('a packet that is to come again', () => {
  const payloads = [pattern(3), pattern(4, 1), pattern(5, 2)];
  const stream = join(...payloads.map(tpkt));

  it.each(splits(stream))('comes once more, and only once, when it came $name', ({ chunks }) => {
    const keeper = new Unreader(1);
    const counts: number[] = [];
    for (const chunk of chunks) {
      keeper.splitter.push(chunk);
      counts.push(keeper.payloads.length);
      while (keeper.splitter.resume()) {
        counts.push(keeper.payloads.length);
      }
    }
    expect(keeper.payloads).toEqual(payloads);
    expect([...new Set(counts)]).toEqual([0, 1, 2, 3]);
  });

  it('comes as often as the receiver says so', () => {
    const keeper = new Unreader(3);
    keeper.splitter.push(stream);
    for (let times = 0; times < 3; times += 1) {
      expect(keeper.payloads).toEqual([]);
      keeper.splitter.resume();
    }
    expect(keeper.payloads).toEqual([payloads[0]]);
  });

  it.each(splits(join(stream, hex('09'))))(
    'is counted once in the octet of a later fault: $name',
    ({ chunks }) => {
      const keeper = new Unreader(1);
      const read = () => {
        for (const chunk of chunks) {
          keeper.splitter.push(chunk);
          while (keeper.splitter.resume()) {}
        }
      };
      expect(read).toThrow(expect.objectContaining({ octet: stream.length + 1 }));
    },
  );
});

describe('the chunk of a packet', () => {
  it.each([undefined, false, true])('is as own as it was pushed: %s', (isOwn) => {
    const seen: boolean[] = [];
    const splitter = new TpktSplitter({
      packet: (chunk) => seen.push(chunk.hasOwn) > 0,
      packetInPieces: () => true,
    });
    splitter.push(tpkt(pattern(3)), isOwn);
    expect(seen).toEqual([isOwn === true]);
  });
});

describe('the state between chunks', () => {
  it('is a boundary at the start and behind a packet', () => {
    const { splitter } = split([tpkt(pattern(9))]);
    expect(splitter.atBoundary).toBe(true);
  });

  it.each([1, 2, 3, 4, 5, 12])('is no boundary after %i octets of a packet', (length) => {
    expect(split([tpkt(pattern(9)).slice(0, length)]).splitter.atBoundary).toBe(false);
  });

  it.each([
    [0, 0],
    [1, 3],
    [3, 1],
    [4, 9],
    [12, 1],
  ])('after %i octets needs %i more to judge', (length, need) => {
    const octets = tpkt(pattern(9)).slice(0, length);
    expect(split(chunksOf(octets, 5)).splitter.need).toBe(need);
    expect(split(chunksOf(octets, 1)).splitter.need).toBe(need);
  });

  it('never asks for none while a packet is begun', () => {
    const splitter = new TpktSplitter(new Keeper());
    for (const octet of tpkt(pattern(700)).slice(0, -1)) {
      splitter.push(Uint8Array.of(octet));
      expect(splitter.need).toBeGreaterThan(0);
    }
  });

  it('keeps the chunk of a large part of a packet until it is compacted', () => {
    const splitter = new TpktSplitter(new Keeper());
    splitter.push(
      join(
        ...Array.from({ length: 50 }, () => tpkt(pattern(1_000))),
        tpkt(pattern(700)).slice(0, -1),
      ),
    );
    expect([splitter.pinned > 50_000, splitter.held]).toEqual([true, 703]);
    splitter.compact();
    expect([splitter.pinned < 1_000, splitter.held]).toEqual([true, 703]);
  });

  it('has no pieces at a boundary, compacted or not', () => {
    const { splitter } = split([tpkt(pattern(9))]);
    splitter.compact();
    expect([splitter.pending(), splitter.pinned]).toEqual([[], 0]);
  });

  it('is a boundary once cleared', () => {
    const { splitter } = split([hex('03 00 00')]);
    splitter.clear();
    expect(splitter.atBoundary).toBe(true);
  });

  it('holds octets that came one by one in few pieces', () => {
    const { splitter } = split(chunksOf(tpkt(pattern(65_531)).slice(0, -1), 1));
    expect(splitter.pending().length).toBeLessThan(20);
  });
});
