/** A responder whose user acts in the turn in which it has accepted: nothing leaves before the CC. */
import { describe, expect, it } from 'vitest';
import { raw, responder, type Subject } from '../../support/states.js';

const CR_2 = raw('0ce0 0000 0c0d 21 c0010b c60121');
const CR_2_OR_0 = raw('0fe0 0000 0c0d 21 c0010b c60121 c70100');

function accepted(tpClass: 0 | 2): Subject {
  const cr = tpClass === 0 ? CR_2_OR_0 : CR_2;
  const subject = responder({ tpClass, expedited: true }).feed(cr);
  subject.connection.accept({}, 10);
  return subject;
}

const types = (subject: Subject) => subject.sent().map(({ type }) => type);

describe('a responder that has just accepted', () => {
  it.each([0, 2] as const)('sends its CC before expedited data in class %i', (tpClass) => {
    const subject = accepted(tpClass);
    subject.connection.send(Uint8Array.of(1));
    subject.connection.sendExpedited(Uint8Array.of(2));
    const output = subject.octets();
    expect(output[5]).toBe(0xd0);
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

  it('counts no octet of its CC as user data that was not sent', () => {
    const subject = accepted(2);
    subject.connection.send(Uint8Array.of(1, 2, 3));
    subject.connection.disconnect(10, { disruptive: true });
    expect(subject.connection.disconnection?.unsent).toBe(3);
  });
});
