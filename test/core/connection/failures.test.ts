/** What the error of a failed connection says: the whole message, and what a program can branch on. */
import { describe, expect, it } from 'vitest';
import { failureOf, unexpected } from '../../../src/core/connection/failures.js';
import { TpktEngine } from '../../../src/core/connection/tpkt-engine.js';
import type { State } from '../../../src/core/connection/transition.js';
import { CotpError } from '../../../src/core/errors.js';
import { decode } from '../../../src/core/tpdu/decode.js';
import { encode } from '../../../src/core/tpdu/encode.js';
import type { TpduInit } from '../../../src/core/tpdu/types.js';
import { inState2, open2 } from '../../support/class2-states.js';
import { takeEvents } from '../../support/engine.js';
import { class0Options } from '../../support/pair.js';
import { hex, join, pattern, tpkt } from '../../support/splits.js';
import {
  CC,
  type Class0State,
  initiator,
  inState,
  OURS,
  packet,
  raw,
  type Subject,
  THEIRS,
} from '../../support/states.js';

/** The error that a call throws. */
function thrownBy(call: () => void): CotpError {
  try {
    call();
  } catch (error) {
    if (error instanceof CotpError) {
      return error;
    }
  }
  throw new Error('a CotpError was expected');
}

/** The error of a connection of TPKTs alone that has received octets of one. */
function tpktError(happens: (connection: TpktEngine) => void): CotpError {
  const connection = new TpktEngine(class0Options({ reassemblyTimeout: 2_000 }));
  connection.receive(hex('0300'), 100);
  happens(connection);
  const last = takeEvents(connection).at(-1);
  if (last?.type !== 'disconnect') {
    throw new Error('a disconnect was expected');
  }
  return last.error;
}

/** A DR to our connection. */
function dr(more: Partial<Extract<TpduInit, { type: 'DR' }>> = {}): Uint8Array {
  return packet({ type: 'DR', dstRef: OURS, srcRef: THEIRS, reason: 128, ...more });
}

describe('the end of TCP', () => {
  const CLOSED_HINT =
    'many devices refuse a CR in this way: check the remote T-selector (for S7 its rack and slot), whether the device has a free connection and allows this kind of access, and whether the port requires TLS';

  it.each<[string, Class0State, string]>([
    ['before it was connected', 'WFNC', 'before TCP was connected'],
    ['before the CC', 'WFCC', `after the CR was sent, before a CC came: ${CLOSED_HINT}`],
    ['before the answer to the CR', 'WFTRESP', 'while the CR was being decided on'],
    ['on an open connection', 'OPEN', 'while the connection was open'],
  ])(
    'the error of %s says when it came, and gives advice only where a CR is not answered',
    (_name, state, when) => {
      const subject = inState(state);
      const lost = Object.assign(new Error('lost'), { code: 'ECONNRESET' });
      subject.connection.streamClosed(lost, 50);
      const { error } = subject.ending();
      expect(error.message).toBe(`TCP was reset or failed (ECONNRESET) ${when}`);
      expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'reset', cause: lost });
    },
  );

  it.each<[Class0State, string]>([
    ['WFNC', 'before TCP was connected'],
    ['WFCC', 'after the CR was sent, before a CC came'],
    ['WFTRESP', 'while the CR was being decided on'],
    ['OPEN', 'while the connection was open'],
  ])(
    'in %s without FIN or an error is the work of this program, not of the peer',
    (state, when) => {
      const subject = inState(state);
      subject.connection.streamClosed(undefined, 50);
      const { error } = subject.ending();
      expect(error.message).toBe(`this program destroyed the stream ${when}`);
      expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', ending: 'local', hint: undefined });
    },
  );

  it('by a FIN before the CC gives advice', () => {
    const subject = inState('WFCC');
    subject.connection.receiveEnd(50);
    expect(subject.ending().error.message).toBe(
      `the peer closed TCP after the CR was sent, before a CC came: ${CLOSED_HINT}`,
    );
  });

  it.each<[string, (subject: Subject) => void, string]>([
    ['FIN', ({ connection }) => connection.receiveEnd(70), 'the peer closed TCP'],
    [
      'a reset',
      ({ connection }) =>
        connection.streamClosed(Object.assign(new Error('lost'), { code: 'ECONNRESET' }), 70),
      'TCP was reset or failed (ECONNRESET)',
    ],
  ])(
    'by %s within a CC shows what came of it, and does not call it a refusal',
    (_how, end, what) => {
      const subject = inState('WFCC');
      subject.connection.receive(hex('030000'), 60);
      end(subject);
      const { error } = subject.ending();
      expect(error.message).toBe(
        `${what} after the CR was sent, before a CC came; only 3 octets of a TPKT came (03 00 00)`,
      );
      expect(error).toMatchObject({ hint: undefined, octets: hex('030000') });
    },
  );

  it('by a FIN before the answer to the CR has the same words', () => {
    const subject = inState('WFTRESP');
    subject.connection.receiveEnd(50);
    const { error } = subject.ending();
    expect(error.message).toBe('the peer closed TCP while the CR was being decided on');
    expect([error.phase, error.hint]).toEqual(['cr-received', undefined]);
  });

  it('by a FIN while data waits for our DR has the phase closing', () => {
    const subject = inState2('initiator', 'RELEASING');
    subject.connection.receiveEnd(50);
    expect(subject.ending().error.message).toBe(
      'the peer closed TCP while the connection was closing',
    );
  });

  it.each([
    ['TCP', 'ECONNRESET', `TCP was reset or failed (ECONNRESET)`, CLOSED_HINT],
    [
      'TLS',
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      'TLS failed (ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED)',
      'the TLS server refused this side after the handshake: does it require a client certificate, or another one?',
    ],
  ])('by a failure of %s before the CC has the advice for that', (_name, code, what, hint) => {
    const subject = inState('WFCC');
    subject.connection.streamClosed(Object.assign(new Error('lost'), { code }), 50);
    const { error } = subject.ending();
    expect(error.message).toBe(`${what} after the CR was sent, before a CC came: ${hint}`);
    expect(error).toMatchObject({ hint, ending: 'reset' });
  });

  it.each([
    ['TSDU', () => tsduError()],
    ['TPKT', () => tpktError((connection) => connection.receiveEnd(200))],
  ])('within a %s says how much of it is lost', (unit, errorOf) => {
    const error = errorOf();
    expect(error.message).toBe(
      `the peer closed TCP in the middle of a ${unit}, of which 2 octets had come`,
    );
    expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', phase: 'open', ending: 'fin' });
  });

  function tsduError(): CotpError {
    const subject = inState('OPEN').feed(raw('02f000 0102'));
    subject.connection.receiveEnd(200);
    return subject.ending().error;
  }
});

describe('a call that is not possible', () => {
  it.each<[Class0State, string, string]>([
    ['WFNC', 'before TCP was connected', 'tcp'],
    ['WFCC', 'after the CR was sent, before a CC came', 'cr-sent'],
    ['WFCR', 'before a CR came', 'wait-cr'],
    ['WFTRESP', 'while the CR was being decided on', 'cr-received'],
    ['FIN_SENT', 'after this side has sent its end of data', 'open'],
    ['ENDING', 'while the connection was closing', 'closing'],
    ['CLOSED', 'while the connection was closing', 'closing'],
  ])('in %s says why, and ends nothing', (state, when, phase) => {
    const { connection } = inState(state);
    const error = thrownBy(() => connection.send(hex('01')));
    expect(error.message).toBe(`this call is not possible ${when}`);
    expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', phase, ending: 'local' });
    expect(connection.state).toBe(state);
  });

  it('on an open connection says that it is open', () => {
    const error = thrownBy(() => inState('OPEN').connection.accept({}, 50));
    expect(error.message).toBe('this call is not possible while the connection was open');
  });

  it('is the end of one direction in class 2: the error names the calls that end both', () => {
    const error = thrownBy(() => open2('initiator').connection.endOfData(1));
    expect(error.message).toBe(
      'class 2 has no end of one direction alone: use close() or disconnect(), which end both directions, after the answers have come',
    );
    expect(error).toMatchObject({ code: 'ERR_COTP_NO_HALF_CLOSE', phase: 'open' });
  });
});

describe('a DR in answer to our CR', () => {
  it.each([
    [3, 'address unknown', ': check the remote T-selector'],
    [0, 'reason not specified', ''],
  ])(
    'with reason %i is reported with its text, and with advice where there is one',
    (reason, text, advice) => {
      const { error } = inState('WFCC')
        .feed(dr({ srcRef: 0, reason }))
        .ending();
      expect(error.message).toBe(
        `the peer refused the connection by a DR with reason ${reason} (${text})${advice}`,
      );
      expect(error).toMatchObject({
        code: 'ERR_COTP_REFUSED',
        phase: 'cr-sent',
        ending: 'dr',
        reason,
        reasonText: text,
      });
    },
  );

  it('gives what the DR carries', () => {
    const parameters = { additionalInfo: hex('01') };
    const { error } = inState('WFCC')
      .feed(dr({ srcRef: 0, parameters, userData: hex('6e6f') }))
      .ending();
    expect(error).toMatchObject({ additionalInfo: hex('01'), userData: hex('6e6f') });
    expect(error.octets).toEqual(hex('0980 0a0b 0000 80 e00101 6e6f'));
  });
});

describe('an ER in answer to our CR', () => {
  const ADVICE = 'try another sizeOffer or maxTpduSize';

  it.each([
    ['that quotes nothing', '0470 0a0b 03', ''],
    [
      'that quotes two octets',
      '0870 0a0b 03 c102 0ae0',
      '; the octets that it quotes end with 0a e0',
    ],
    [
      'that quotes more than four',
      '0c70 0a0b 03 c106 0102030405f0',
      '; the octets that it quotes end with 03 04 05 f0',
    ],
  ])('%s is reported with its cause and where it stopped reading', (_name, octets, quoted) => {
    const { error } = inState('WFCC').feed(raw(octets)).ending();
    expect(error.message).toBe(
      `the peer rejected the CR by an ER with cause 3 (invalid parameter value)${quoted}: ${ADVICE}`,
    );
    expect(error).toMatchObject({ code: 'ERR_COTP_REFUSED', phase: 'cr-sent', ending: 'er' });
    expect(error).toMatchObject({ rejectCause: 3, reasonText: 'invalid parameter value' });
    expect(error.octets).toEqual(hex(octets));
  });
});

describe('a failure of the remote desktop negotiation in the CC', () => {
  const negotiation = { type: 'request', flags: 0, requestedProtocols: 0 } as const;
  const answer = (code: number) => raw(`0ed0 0a0b 0c0d 00 03000800 0${code}000000`);

  function refused(code: number, isRequested: boolean): CotpError {
    const subject = initiator(
      {},
      isRequested ? { parameters: {}, remoteDesktop: { negotiation } } : {},
    );
    subject.connection.streamConnected(10);
    return subject.feed(answer(code)).ending().error;
  }

  it.each([
    [1, 'SSL_REQUIRED_BY_SERVER', 'request TLS: requestedProtocols 1'],
    [2, 'SSL_NOT_ALLOWED_BY_SERVER', 'request standard RDP security: requestedProtocols 0'],
    [5, 'HYBRID_REQUIRED_BY_SERVER', 'request CredSSP: requestedProtocols 3'],
  ])('with code %i says what to request', (code, reasonText, hint) => {
    const error = refused(code, true);
    expect(error.message).toBe(
      `the peer refused the remote desktop negotiation with failure code ${code} (${reasonText}): ${hint}`,
    );
    expect(error).toMatchObject({
      code: 'ERR_COTP_REFUSED',
      phase: 'cr-sent',
      failureCode: code,
      reasonText,
      hint,
    });
    expect(error.octets).toHaveLength(15);
  });

  it('with another code has no advice', () => {
    expect(refused(3, true).message).toBe(
      'the peer refused the remote desktop negotiation with failure code 3 (SSL_CERT_NOT_ON_SERVER)',
    );
  });

  it('that this side did not begin asks for the port', () => {
    expect(refused(1, false).hint).toBe(
      'the peer is a remote desktop server: is it the right port?',
    );
  });

  it('names no way of ending a connection, and counts as octets that break the protocol', () => {
    const subject = inState('WFCC').feed(answer(1));
    expect(subject.ending().error.ending).toBeUndefined();
    expect(subject.connection.disconnection?.ending).toBe('garbage');
  });
});

describe('a refusal by this side', () => {
  it.each([
    ['by its user', () => userRefused(), 1, 'congestion at the TSAP', 'cr-received'],
    [
      'by rule',
      () => inState('WFCR').feed(raw('06e0 0000 0c0d 21')),
      130,
      'connection negotiation failed: the proposed class is not supported',
      'wait-cr',
    ],
  ])('%s is reported with the reason of its DR', (_name, refuse, reason, text, phase) => {
    const { error, disconnection } = refuse().ending();
    expect(error.message).toBe(`the CR was refused by a DR with reason ${reason} (${text})`);
    expect(error).toMatchObject({ code: 'ERR_COTP_CLOSED', reason, phase, ending: 'local' });
    // That reason is of our DR. A disconnection has the reason of the peer.
    expect(disconnection).not.toHaveProperty('reason');
  });

  function userRefused(): Subject {
    const subject = inState('WFTRESP');
    subject.connection.refuse(1, 50);
    return subject;
  }
});

describe('a DR on an open connection', () => {
  it('between two TSDUs is reported with its reason, and with nothing that is lost', () => {
    const { error } = inState('OPEN').feed(dr()).ending();
    expect(error.message).toBe(
      'the peer ended the connection by a DR with reason 128 (normal disconnect initiated by the session entity)',
    );
    expect(error).toMatchObject({ phase: 'open', ending: 'dr', reason: 128 });
    expect(error.octets).toEqual(hex('0680 0a0b 0c0d 80'));
  });

  it('that says nothing beside its reason has no details', () => {
    const { userData, additionalInfo, nonDisruptive } = open2('initiator')
      .feed(dr())
      .ending().disconnection;
    expect([userData, additionalInfo, nonDisruptive]).toEqual([undefined, undefined, undefined]);
  });

  it.each([
    ['00', hex('00')],
    ['8000', hex('8000')],
    ['', undefined],
  ])('gives its additional information %j, and none for an empty one', (info, given) => {
    const parameters = { additionalInfo: hex(info) };
    const { disconnection } = open2('initiator').feed(dr({ parameters })).ending();
    expect(disconnection.additionalInfo).toEqual(given);
  });

  //= X.224 13.5.5 test
  it.each([
    ['class 0', 64, 64, () => inState('OPEN')],
    ['class 0', 65, undefined, () => inState('OPEN')],
    ['class 2', 64, 64, () => open2('initiator')],
    ['class 2', 65, undefined, () => open2('initiator')],
  ])(
    'of %s with %i octets of user data gives them if they are at most 64',
    (_name, length, given, open) => {
      const octets = join(hex('0680 0a0b 0c0d 80'), pattern(length));
      const { disconnection } = open().feed(tpkt(octets)).ending();
      expect(disconnection.userData?.length).toBe(given);
    },
  );
});

describe('an ER on an open connection', () => {
  it.each([
    [0, () => inState('OPEN')],
    [2, () => open2('initiator')],
  ])('of class %i is reported with its cause', (_class, open) => {
    const { error } = open().feed(raw('0470 0a0b 01')).ending();
    expect(error.message).toBe(
      'the peer rejected a TPDU by an ER with cause 1 (invalid parameter code)',
    );
    const code = 'ERR_COTP_CLOSED';
    expect(error).toMatchObject({ code, phase: 'open', ending: 'er', rejectCause: 1 });
    expect(error.octets).toEqual(hex('0470 0a0b 01'));
  });
});

describe('a TPDU that is not allowed', () => {
  const AK = encode({ type: 'AK', dstRef: OURS, yrTuNr: 1 });

  it.each<[string, Class0State, Uint8Array, string]>([
    [
      'an AK in place of a CC',
      'WFCC',
      packet({ type: 'AK', dstRef: OURS, yrTuNr: 1 }),
      'CC, DR or ER expected, AK received',
    ],
    ['a DT in place of a CC', 'WFCC', raw('02f080 01'), 'CC, DR or ER expected, DT received'],
    [
      'a CR in place of a CC',
      'WFCC',
      raw('06e0 0000 0c0d 00'),
      'CC, DR or ER expected, CR received',
    ],
    ['a DT in place of a CR', 'WFCR', raw('02f080 01'), 'CR expected, DT received'],
    [
      'a second CR before the answer to the first',
      'WFTRESP',
      raw('06e0 0000 0c0d 00'),
      'nothing before our CC expected, CR received',
    ],
    ['a CC on an open connection', 'OPEN', CC, 'DT expected, CC received'],
  ])('%s is reported with what was expected', (_name, state, octets, detail) => {
    const { error } = inState(state).feed(octets).ending();
    expect(error.message).toMatch(
      `the TPDU is not allowed in this state (${detail}): tpdu-not-expected at octet 2, in `,
    );
    expect(error).toMatchObject({ code: 'ERR_COTP_PROTOCOL', hint: undefined });
  });

  it('is a DC without our DR, where class 2 is strict', () => {
    const dc = packet({ type: 'DC', dstRef: OURS, srcRef: THEIRS });
    const { error } = open2('initiator', { strict: true }).feed(dc).ending();
    expect(error.message).toMatch('(DT expected, DC received)');
  });

  it('is a CC in place of a CR: the error asks whether both sides are servers', () => {
    const { error } = inState('WFCR').feed(CC).ending();
    expect(error.message).toMatch('(CR expected, CC received)');
    expect(error.hint).toBe('are both sides servers?');
  });

  it.each<[State]>([['WFNC'], ['CLOSING'], ['ENDING']])('is every one in %s', (state) => {
    expect(unexpected(state, decode(AK), AK).message).toMatch('(nothing expected, AK received)');
  });
});

describe('the event of a received TPDU', () => {
  const DR = decode(hex('0680 0a0b 0c0d 80'));
  const ED = decode(hex('0410 0a0b 80 01'));

  it.each(['DR', 'DR with SRC-REF'] as const)(
    '%s makes an error with the reason of the DR',
    (event) => {
      expect.assert(DR.type === 'DR');
      const error = failureOf({ event, tpdu: DR, octets: hex('0680') }, 'WFTRESP');
      expect(error).toMatchObject({ ending: 'dr', reason: 128, phase: 'cr-received' });
    },
  );

  it('ED makes an error that names the ED', () => {
    expect.assert(ED.type === 'ED');
    const error = failureOf({ event: 'ED', tpdu: ED, octets: hex('0410') }, 'WFCC');
    expect(error.message).toMatch('CC, DR or ER expected, ED received');
  });
});

describe('a deadline that has passed', () => {
  const TIMES = { handshakeTimeout: 1_000, reassemblyTimeout: 2_000, closeTimeout: 3_000 };
  const PEER =
    'is peer:102 the right address, is the device on, and does a firewall let packets through?';

  it.each<[string, () => Subject, string, string, number]>([
    [
      'TCP',
      () => inState('WFNC', TIMES),
      `no TCP connection within 1000 ms: ${PEER}`,
      'timeout',
      1_000,
    ],
    [
      'a CC',
      () => inState('WFCC', TIMES),
      'no CC within 1000 ms: is a COTP server listening on peer:102?',
      'timeout',
      1_000,
    ],
    [
      'a CR',
      () => inState('WFCR', TIMES),
      'no complete CR within 1000 ms',
      'handshakeTimeout',
      1_000,
    ],
    [
      'the answer of the user',
      () => inState('WFTRESP', TIMES),
      'no decision on the CR within 1000 ms',
      'handshakeTimeout',
      1_000,
    ],
    [
      'the rest of a TSDU',
      () => inState('OPEN', TIMES).feed(raw('02f000 01')),
      'a TSDU was begun but not finished within 2000 ms',
      'reassemblyTimeout',
      2_000,
    ],
    [
      'a peer that does not read before our DR',
      () => inState2('initiator', 'RELEASING', TIMES),
      'what was written before closing was not sent within 3000 ms',
      'closeTimeout',
      3_000,
    ],
  ])(
    'for %s names its option, its time and what was missing',
    (_name, waiting, message, timer, milliseconds) => {
      const subject = waiting();
      subject.connection.handleDeadline(subject.connection.deadline ?? 0);
      const { error } = subject.ending();
      expect(error.message).toBe(message);
      expect(error).toMatchObject({ code: 'ERR_COTP_TIMEOUT', timer, milliseconds });
    },
  );

  it.each<[string, Class0State, number, string]>([
    ['CC', 'WFCC', 2, 'no CC within 1000 ms; only 2 octets of a TPKT came (03 00)'],
    ['CR', 'WFCR', 1, 'no complete CR within 1000 ms; only 1 octet of a TPKT came (03)'],
  ])('for a %s of which a part came shows that part', (_name, state, length, message) => {
    const subject = inState(state, TIMES);
    for (const octet of hex('0300').subarray(0, length)) {
      subject.connection.receive(Uint8Array.of(octet), 60);
    }
    subject.connection.handleDeadline(subject.connection.deadline ?? 0);
    const { error } = subject.ending();
    const hint = state === 'WFCC' ? 'if the peer is slow, try a longer timeout' : undefined;
    expect(error.message).toBe(hint === undefined ? message : `${message}: ${hint}`);
    expect(error).toMatchObject({ hint, octets: hex('0300').subarray(0, length) });
  });

  it('for a long part of a CC shows the first 24 octets and keeps 64', () => {
    const subject = inState('WFCC', TIMES);
    const part = join(hex('03000080'), pattern(96));
    subject.connection.receive(part, 60);
    subject.connection.handleDeadline(subject.connection.deadline ?? 0);
    const { error } = subject.ending();
    expect(error.message).toMatch(
      /; only 100 octets of a TPKT came \(03 00 00 80( [0-9a-f]{2}){20} …\)/,
    );
    expect(error.octets).toEqual(part.subarray(0, 64));
  });

  it('for the rest of a TPKT calls it so', () => {
    const error = tpktError((connection) => connection.handleDeadline(2_100));
    expect(error.message).toBe('a TPKT was begun but not finished within 2000 ms');
  });
});
