/** What holds for every PROXY header, and for octets that are none. */
import { isIP, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultOr } from '../../src/core/connection/received-tpdu.js';
import { ProtocolError } from '../../src/core/errors.js';
import {
  ProxyHeaderReader,
  type ReadProxyHeader,
  readProxyHeader,
} from '../../src/core/proxy-protocol/header.js';
import { formatIp, parseIpv6 } from '../../src/core/proxy-protocol/ip-address.js';
import {
  NO_CHECKSUM,
  proxyV1,
  proxyV2,
  TCP4,
  TCP6,
  tlv,
  withChecksum,
} from '../support/proxy-header.js';
import { runs } from '../support/runs.js';
import { cutAt, hex, join } from '../support/splits.js';

const port = fc.nat(65_535);
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Addresses with runs of zeros are those whose text is difficult. */
const ipv6Octets = fc
  .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

/** Two addresses and two ports. */
const ends = (address: fc.Arbitrary<Uint8Array>) => fc.tuple(address, address, port, port);

type Ends = readonly [Uint8Array, Uint8Array, number, number];

function addressesOf([source, destination, ...ports]: Ends): Uint8Array {
  return join(source, destination, ...ports.map((it) => Uint8Array.of(it >> 8, it & 0xff)));
}

/** The header that must be read, with another implementation of the texts of addresses. */
function expected([source, destination, sourcePort, destinationPort]: Ends): object {
  return {
    source: { host: text(source), port: sourcePort },
    destination: { host: text(destination), port: destinationPort },
  };
}

/** The text as Node writes it. Only where Node has IPv4 at the end of `::a.b.c.d`, a form of the past, it is ours. */
function text(address: Uint8Array): string {
  const family = address.length === 4 ? 'ipv4' : 'ipv6';
  const plain =
    family === 'ipv4'
      ? address.join('.')
      : (Buffer.from(address).toString('hex').match(/.{4}/g) ?? []).join(':');
  const shown = new SocketAddress({ address: plain, family }).address;
  return /^::\d+\./.test(shown) ? formatIp(address) : shown;
}

const tlvs = fc.array(
  fc.tuple(
    // A checksum has a rule of its own.
    fc.nat(255).filter((type) => type !== 3),
    fc.uint8Array({ maxLength: 40 }),
  ),
  { maxLength: 6 },
);

const headers = fc.oneof(
  ends(octets(4)).map((it) => ({
    octets: proxyV1(`TCP4 ${text(it[0])} ${text(it[1])} ${it[2]} ${it[3]}`),
    header: { ...expected(it), tlvs: [] },
  })),
  ends(ipv6Octets).map((it) => ({
    octets: proxyV1(`TCP6 ${text(it[0])} ${text(it[1])} ${it[2]} ${it[3]}`),
    header: { ...expected(it), tlvs: [] },
  })),
  fc
    .tuple(fc.oneof(ends(octets(4)), ends(ipv6Octets)), tlvs, fc.boolean())
    .map(([it, fields, hasChecksum]) => {
      const kind = it[0].length === 4 ? TCP4 : TCP6;
      const written = fields.map(([type, value]) => tlv(type, value));
      const plain = proxyV2({
        kind,
        addresses: addressesOf(it),
        tlvs: hasChecksum ? [...written, NO_CHECKSUM] : written,
      });
      const whole = hasChecksum ? withChecksum(plain) : plain;
      const checksum = hasChecksum ? [{ type: 3, value: whole.slice(-4) }] : [];
      const values = fields.map(([type, value]) => ({ type, value }));
      return { octets: whole, header: { ...expected(it), tlvs: [...values, ...checksum] } };
    }),
);

const cuts = fc.array(fc.nat(300), { maxLength: 8 });

/** Feeds the chunks until the header is complete. */
function read(
  chunks: readonly Uint8Array[],
): (ReadProxyHeader & { readonly fed: number }) | undefined {
  const reader = new ProxyHeaderReader();
  for (const [i, chunk] of chunks.entries()) {
    const result = reader.push(chunk);
    if (result !== undefined) {
      return { ...result, fed: i + 1 };
    }
  }
  return undefined;
}

describe('every PROXY header', () => {
  it('is read as it was written, wherever TCP cuts, and the rest is left', () => {
    fc.assert(
      fc.property(headers, fc.uint8Array({ maxLength: 60 }), cuts, (written, data, at) => {
        const stream = join(written.octets, data);
        const chunks = cutAt(
          stream,
          at.filter((offset) => offset < stream.length),
        );
        const result = read(chunks) as NonNullable<ReturnType<typeof read>>;
        const rest = join(result.rest, ...chunks.slice(result.fed));
        expect(result.header).toEqual({ length: written.octets.length, ...written.header });
        expect(rest).toEqual(data);
      }),
      { numRuns: runs(500) },
    );
  });

  it('is incomplete while an octet is missing', () => {
    fc.assert(
      fc.property(headers, fc.nat(400), (written, length) => {
        const part = written.octets.subarray(0, Math.min(length, written.octets.length - 1));
        expect(readProxyHeader(part)).toBeUndefined();
      }),
    );
  });
});

/** Octets that are almost a header, so that they get past the signature. */
const nearly = fc
  .tuple(headers, fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 }), fc.nat(300))
  .map(([written, changes, length]) => {
    const changed = written.octets.slice();
    for (const [at, octet] of changes) {
      changed[at % changed.length] = octet;
    }
    return changed.slice(0, length);
  });

const behindSignature = fc
  .tuple(
    fc.constantFrom('50524f585920', '0d0a0d0a000d0a515549540a', '50524f585920554e4b4e4f574e'),
    octets(120),
  )
  .map(([signature, rest]) => join(hex(signature), rest));

describe('any octets', () => {
  const anything = fc.oneof(nearly, behindSignature, fc.uint8Array({ maxLength: 200 }));

  it('are a header, incomplete, or refused by a ProtocolError of the PROXY header', () => {
    fc.assert(
      fc.property(anything, (candidate) => {
        const outcome = faultOr(() => readProxyHeader(candidate));
        if (outcome instanceof ProtocolError) {
          expect(outcome.fault).toMatch(/^proxy-/);
          expect(outcome.octet ?? 1).toBeLessThanOrEqual(candidate.length);
        } else {
          expect(outcome?.length ?? 0).toBeLessThanOrEqual(candidate.length);
        }
      }),
      { numRuns: runs(2_500) },
    );
  });

  it('have the same outcome wherever TCP cuts', () => {
    fc.assert(
      fc.property(anything, cuts, (candidate, at) => {
        const chunks = cutAt(
          candidate,
          at.filter((offset) => offset < candidate.length),
        );
        const whole = faultOr(() => read([candidate])?.header);
        const inPieces = faultOr(() => read(chunks)?.header);
        expect(faultOrHeader(inPieces)).toEqual(faultOrHeader(whole));
      }),
      { numRuns: runs(2_500) },
    );
  });
});

describe('every IPv6 address', () => {
  it('is the same after it was written and read', () => {
    fc.assert(
      fc.property(ipv6Octets, (address) => {
        const written = formatIp(address);
        expect(isIP(written)).toBe(6);
        expect(parseIpv6(written)).toEqual(address);
      }),
      { numRuns: runs(1_000) },
    );
  });
});

function faultOrHeader(outcome: unknown): unknown {
  return outcome instanceof ProtocolError
    ? { fault: outcome.fault, octet: outcome.octet }
    : outcome;
}
