/**
 * One time of one thing, for what has no alarm with more than one deadline. It knows milliseconds only.
 */
import { Alarm, now } from './alarm.js';

/**
 * Calls `act` once, after so many milliseconds. As with each {@link Alarm}, time in which the application
 * blocks the event loop does not count.
 *
 * @returns stops it; does nothing once it has run out
 */
export function startTimeout(milliseconds: number, act: () => void): () => void {
  const end = now() + milliseconds;
  const alarm = new Alarm(() => {
    // An alarm may ring early.
    if (now() < end) {
      alarm.set(end);
    } else {
      act();
    }
  });
  alarm.set(end);
  return () => alarm.clear();
}
