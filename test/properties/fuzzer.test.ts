/**
 * The fuzzer of fuzz/: that it finds what is broken, and what it has found before. As the fuzzer
 * does, this takes the library as it was built.
 */
import { type DecodeOptions, decode, decodeNsdu, encode, type Tpdu } from 'cotp/tpdu';
import { describe, expect, it } from 'vitest';
import { type PacketReceiver, TpktSplitter } from '../../dist/core/tpkt/splitter.js';
import { attempt, campaign } from '../../fuzz/src/campaign.js';
import { corpus } from '../../fuzz/src/corpus.js';
import { cut, MUTATIONS, mutatedStream } from '../../fuzz/src/mutate.js';
import { formatChunks, join, parseChunks } from '../../fuzz/src/octets.js';
import { Prng } from '../../fuzz/src/prng.js';
import { shrink } from '../../fuzz/src/shrink.js';
import type { Target } from '../../fuzz/src/target.js';
import { codecTarget } from '../../fuzz/src/targets/codec.js';
import { TARGETS } from '../../fuzz/src/targets/index.js';
import { splitterTarget } from '../../fuzz/src/targets/splitter.js';

/** Inputs worth a second look on every run: target, scenario, octets with a comma at every cut. */
const FOUND: readonly (readonly [string, string, string])[] = [
  ['codec', 'every class', '09e00000004500c00110'],
  ['codec', 'every class', '0ce00000005900f00400000200'],
  ['core', 'responder that accepts a CR, tolerant', '0300000b06e00000000000,0300000700e000'],
  ['core', 'open responder, strict', '0300000602f080'],
  ['class2', 'responder open, no expedited data, tolerant', '03000007025000'],
  ['splitter', 'full with stops', '030000070203040300,0007020304,03'],
];

describe('what was found before', () => {
  it.each(FOUND)('%s, %s: %s', async (name, scenario, input) => {
    const target = TARGETS[name]?.make();
    expect(target?.scenarios).toContain(scenario);
    expect(await attempt(target as Target, scenario, parseChunks(input))).toBeUndefined();
  });
});

describe('a short run', () => {
  it.each(['splitter', 'proxy', 'codec', 'core', 'class2', 'capture', 'socket'])(
    'on the %s finds nothing',
    async (name) => {
      const target = TARGETS[name]?.make() as Target;
      const outcome = await campaign(target, { seed: 102, count: 1_000, corpus: corpus() });
      expect(outcome.failure).toBeUndefined();
      expect(outcome.packets).toBeGreaterThanOrEqual(1_000);
    },
  );
});

/** Takes the octet after a header that was cut for one of the header. */
class BrokenSplitter extends TpktSplitter {
  override push(chunk: Uint8Array): void {
    super.push(chunk.length === 3 && chunk[0] === 3 ? chunk.subarray(0, 2) : chunk);
  }
}

describe('a run on something broken', () => {
  const run = (target: Target, seed = 1) =>
    campaign(target, { seed, count: 50_000, corpus: corpus() });

  it('finds a splitter that loses an octet at one cut, and shrinks to that cut', async () => {
    const target = splitterTarget((receiver: PacketReceiver) => new BrokenSplitter(receiver));
    const { failure } = await run(target);
    const chunks = parseChunks(failure?.shrunk ?? '');
    expect(failure?.target).toBe('splitter');
    expect(chunks.some((chunk) => chunk.length === 3 && chunk[0] === 3)).toBe(true);
    expect(join(...chunks).length).toBeLessThanOrEqual(7);
  });

  it('finds a decoder that throws something of its own at one length, and shrinks to it', async () => {
    const broken = (octets: Uint8Array, options?: DecodeOptions): Tpdu => {
      if (octets.indexOf(0xc1) > 0 && octets[octets.indexOf(0xc1) + 1] === 0xff) {
        throw new RangeError('Invalid typed array length');
      }
      return decode(octets, options);
    };
    const { failure } = await run(codecTarget({ decode: broken, decodeNsdu, encode }), 2);
    expect(failure?.error).toBeInstanceOf(RangeError);
    expect(failure?.shrunk).toBe('00c1ff');
  });

  it('finds an encoder that leaves a parameter out', async () => {
    const broken = (tpdu: Tpdu): Uint8Array => {
      const { calledTsel, ...parameters } = 'parameters' in tpdu ? tpdu.parameters : {};
      return encode(tpdu.type === 'CR' ? { ...tpdu, rawParameters: [], parameters } : tpdu);
    };
    const { failure } = await run(codecTarget({ decode, decodeNsdu, encode: broken }));
    const [shrunk] = parseChunks(failure?.shrunk ?? '');
    expect(String(failure?.error)).toContain('decoded to another TPDU');
    expect(shrunk?.length).toBeLessThanOrEqual(9);
  });

  it('is the same for the same seed, and another for another', async () => {
    const inputs = (seed: number) => {
      const prng = new Prng(seed, 'same');
      return Array.from({ length: 50 }, () => formatChunks(mutatedStream(prng, corpus()).chunks));
    };
    expect(inputs(7)).toEqual(inputs(7));
    expect(inputs(8)).not.toEqual(inputs(7));
  });
});

describe('the parts', () => {
  it('every mutation takes anything, down to nothing', () => {
    const prng = new Prng(3, 'anything');
    for (const [name, mutation] of Object.entries(MUTATIONS)) {
      for (const octets of [new Uint8Array(0), Uint8Array.of(5), ...corpus()]) {
        expect(mutation(octets, prng, corpus()), name).toBeInstanceOf(Uint8Array);
      }
    }
  });

  it('a cut keeps the octets', () => {
    const prng = new Prng(4, 'cut');
    for (let length = 0; length < 300; length += 1) {
      const octets = prng.octets(length);
      expect(join(...cut(octets, prng))).toEqual(octets);
    }
  });

  it('shrinking makes the length of a packet right when that is what it takes', async () => {
    const packet = parseChunks('0300000f02f080 0102030405060708')[0] as Uint8Array;
    const smallest = await shrink([packet.slice(0, 5), packet.slice(5)], (chunks) => {
      const octets = join(...chunks);
      return octets.length === octets[3] && octets.includes(7);
    });
    expect(formatChunks(smallest)).toBe('0000000507');
  });
});
