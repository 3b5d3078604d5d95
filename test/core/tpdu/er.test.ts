import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/core/errors.js';
import { toHex } from '../../../src/core/octets/octets.js';
import { erFor } from '../../../src/core/tpdu/er.js';
import { decode } from '../../../src/core/tpdu/index.js';
import { faultOf } from '../../support/fault.js';
import { hex, many } from './support.js';

describe('the ER for a TPDU at fault', () => {
  //= X.224 6.22.1.3 para 3 test
  //= X.224 13.12.4 a test
  it('quotes it up to and including the offending octet', () => {
    const octets = hex('02 90 80 01');
    const error = faultOf(() => decode(octets, { class: 0 }));
    expect(toHex(erFor(error, octets, 5))).toBe('0870000502c1020290');
  });

  it('quotes all of it where no one octet offends', () => {
    const error = new ProtocolError('class-combination', hex('06e0'));
    expect(toHex(erFor(error, hex('06e0'), 5))).toBe('0870000503c10206e0');
  });

  it('quotes at most 248 octets', () => {
    const error = new ProtocolError('tpdu-too-long', many(300), 300);
    expect(erFor(error, many(300), 5)).toHaveLength(255);
  });

  it('keeps to the size in force', () => {
    const error = new ProtocolError('tpdu-too-long', many(300), 129);
    const er = erFor(error, many(300), 5, 128);
    expect(er).toHaveLength(128);
    expect(decode(er, { strict: true, maxTpduSize: 128 })).toMatchObject({
      type: 'ER',
      parameters: { invalidTpdu: many(121) },
    });
  });

  it('has cause 0 where the fault is in no TPDU', () => {
    const error = new ProtocolError('tpkt-version', hex('00'), 1);
    expect(decode(erFor(error, hex('00'), 0))).toMatchObject({ rejectCause: 0, dstRef: 0 });
  });
});
