/** An observer of a connection that notes what it sees. */
import type { ConnectionObserver } from '../../src/core/data-transfer/observer.js';
import { digits } from './splits.js';

/** An observer, and each TPDU and run that it sees; with `only`, those of one direction. */
export function watching(isWatching = true, only?: 'sent' | 'received') {
  const seen: string[] = [];
  const note = (direction: 'sent' | 'received', what: string) => {
    if (only === undefined || direction === only) {
      seen.push(`${direction} ${what}`);
    }
  };
  const observer: ConnectionObserver & { isWatching: boolean } = {
    isWatching,
    see: (direction, tpdu) => note(direction, digits(tpdu)),
    seeRun: (direction, packets, tpdus) => note(direction, `run of ${tpdus}: ${digits(packets)}`),
  };
  return { observer, seen };
}
