import { describe, expect, it } from 'vitest';
import { FAULTS, type FaultRow } from '../../src/core/faults.js';

const ROWS: readonly (readonly [string, FaultRow])[] = Object.entries(FAULTS);

describe('the table of faults', () => {
  it.each(ROWS)('says in words of its own what %s is', (name, { sentence }) => {
    expect(sentence).toMatch(/^\S.*[^.\s]$/);
    expect(ROWS.filter(([, row]) => row.sentence === sentence)).toEqual([
      [name, FAULTS[name as keyof typeof FAULTS]],
    ]);
  });

  it('has no ER for a fault of the packet or of a PROXY header, where there is no TPDU', () => {
    const withoutEr = ROWS.filter(([, { rejectCause }]) => rejectCause === null);
    expect(withoutEr.map(([name]) => name)).toEqual([
      'tpkt-version',
      'tpkt-length',
      'proxy-missing',
      'proxy-not-listed',
      'proxy-invalid',
      'proxy-too-long',
      'proxy-checksum',
    ]);
  });

  it('says what to try where remote desktop was received', () => {
    expect(FAULTS['remote-desktop'].hint).toMatch(
      /remote desktop \(RDP\).*right port.*remoteDesktop of connect.*onConnectRequest of listen/,
    );
  });
});
