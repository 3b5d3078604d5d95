/** What a channel of `node:diagnostics_channel` publishes during a test. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ConnectionEvent } from '../../src/index.js';
import { closeLater } from './life.js';

/** Collects the messages of a channel until the end of the test. */
export function heard<T>(channel: string): T[] {
  const messages: T[] = [];
  const listener = (message: unknown) => {
    messages.push(message as T);
  };
  subscribe(channel, listener);
  closeLater(() => unsubscribe(channel, listener));
  return messages;
}

/** The events of one type. */
export function ofType<E extends ConnectionEvent['event']>(
  events: readonly ConnectionEvent[],
  type: E,
): Extract<ConnectionEvent, { event: E }>[] {
  return events.filter((each) => each.event === type) as never[];
}
