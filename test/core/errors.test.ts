/** What errors keep of the octets that caused them, when these are Buffers of Node. */
import { describe, expect, it } from 'vitest';
import { detailsOf, refusedByDr } from '../../src/core/connection/failures.js';
import {
  ConnectionClosedError,
  type ConnectionRefusedError,
  ProtocolError,
} from '../../src/core/errors.js';
import { decode } from '../../src/core/tpdu/index.js';
import type { Decoded, DisconnectRequest } from '../../src/core/tpdu/types.js';

/** A Buffer that is a small part of a large chunk, as octets from a socket are. */
function inChunk(digits: string): Buffer {
  const octets = Buffer.from(digits, 'hex');
  const chunk = Buffer.alloc(65_536);
  octets.copy(chunk, 100);
  return chunk.subarray(100, 100 + octets.length);
}

describe('octets of a chunk', () => {
  it('are copied into an error, at most 64 of them', () => {
    const octets = inChunk('02f0'.repeat(50));
    const error = new ProtocolError('tpdu-code', octets, 2);
    octets.fill(0);
    expect(error.octets).toEqual(Buffer.from('02f0'.repeat(32), 'hex'));
    expect(error.octets?.buffer.byteLength).toBe(64);
  });

  it('are copied from the DR that refuses a CR', () => {
    const octets = inChunk('09800001000280e00180616263');
    const dr = decode(octets) as DisconnectRequest & Decoded;
    const { userData, additionalInfo } = refusedByDr(dr, octets) as ConnectionRefusedError;
    octets.fill(0);
    expect(userData).toEqual(Buffer.from('abc'));
    expect(additionalInfo).toEqual(Buffer.of(0x80));
  });

  it('are copied from the DR of the peer', () => {
    const octets = inChunk('09800001000280e00180616263');
    const dr = decode(octets) as DisconnectRequest & Decoded;
    const { userData, additionalInfo } = new ConnectionClosedError('ended', detailsOf(dr));
    octets.fill(0);
    expect(userData).toEqual(Buffer.from('abc'));
    expect(additionalInfo).toEqual(Buffer.of(0x80));
    expect(userData?.buffer.byteLength).toBe(3);
  });
});
