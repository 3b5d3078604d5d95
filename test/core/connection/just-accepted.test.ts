/** A responder whose user acts in the turn in which it has accepted: nothing leaves before the CC. */
import { describe, expect, it } from 'vitest';
import { raw, responder, type Subject } from '../../support/states.js';

const CR_0 = raw('09e0 0000 0c0d 00 c0010b');
const CR_2_OR_0 = raw('0fe0 0000 0c0d 21 c0010b c60121 c70100');
/** Sent as a piece of its own, without a copy. */
const LONG = new Uint8Array(10_000);

function accepted(tpClass: 0 | 2, cr = CR_2_OR_0, maxTpduSize = 2048): Subject {
  const subject = responder({ tpClass, expedited: true, maxTpduSize }).feed(cr);
  subject.connection.accept({}, 10);
  return subject;
}

const types = (subject: Subject) => subject.sent().map(({ type }) => type);

describe('a responder that has just accepted', () => {
  it.each([0, 2] as const)('sends its CC before expedited data in class %i', (tpClass) => {
    const subject = accepted(tpClass);
    subject.connection.send(Uint8Array.of(1));
    subject.connection.sendExpedited(Uint8Array.of(2));
    expect(subject.octets()[5]).toBe(0xd0);
  });

  it('sends its CC before the DR of a disruptive disconnect', () => {
    const subject = accepted(2);
    subject.connection.disconnect(10, { disruptive: true });
    expect(types(subject)).toEqual(['CC', 'DR']);
  });

  it('sends its CC before the DR of a non-disruptive disconnect', () => {
    const subject = accepted(2);
    subject.connection.disconnect(10);
    expect(types(subject)).toEqual(['CC', 'DR']);
  });

  it.each([
    ['class 0', 0, CR_0],
    ['class 0 with expedited data', 0, CR_2_OR_0],
  ] as const)('sends its CC when it drops what is queued in %s', (_name, tpClass, cr) => {
    const subject = accepted(tpClass, cr);
    subject.connection.send(Uint8Array.of(1, 2, 3));
    subject.connection.disconnect(10, { disruptive: true });
    expect(types(subject)).toEqual(['CC']);
  });

  it('sends its CC when it drops long data in class 0', () => {
    const subject = accepted(0, raw('06e0 0000 0c0d 00'), 65_531);
    subject.connection.send(LONG);
    subject.connection.disconnect(10, { disruptive: true });
    const octets = subject.octets();
    expect(octets[5]).toBe(0xd0);
    expect(octets.length).toBe(4 + 1 + (octets[4] ?? 0));
  });

  it.each([
    ['class 2', 2, CR_2_OR_0],
    ['class 0', 0, CR_0],
    ['class 0 with expedited data', 0, CR_2_OR_0],
  ] as const)('counts as unsent what was written and not its CC in %s', (_name, tpClass, cr) => {
    const subject = accepted(tpClass, cr);
    subject.connection.send(Uint8Array.of(1, 2, 3));
    subject.connection.send(LONG);
    subject.connection.disconnect(10, { disruptive: true });
    expect(subject.connection.disconnection?.unsent).toBe(10_003);
  });

  it('counts as unsent what follows a CC that has left', () => {
    const subject = accepted(0, CR_0);
    expect(types(subject)).toEqual(['CC']);
    subject.connection.send(Uint8Array.of(1, 2, 3));
    subject.connection.disconnect(10, { disruptive: true });
    expect(types(subject)).toEqual([]);
    expect(subject.connection.disconnection?.unsent).toBe(3);
  });
});
