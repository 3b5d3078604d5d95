/**
 * What comes out of an engine and of its outbox, all at once, as tests want to see it.
 */
import type { Engine, EngineEvent } from '../../src/core/engine.js';
import type { Outbox } from '../../src/core/outbox.js';

/** The events since the last look, in order. */
export function takeEvents(engine: Pick<Engine, 'nextEvent'>): readonly EngineEvent[] {
  return untilNone(() => engine.nextEvent());
}

/** The pieces that wait, in order. */
export function takePieces(outbox: Outbox): readonly Uint8Array[] {
  return untilNone(() => outbox.shift());
}

function untilNone<T>(next: () => T | undefined): readonly T[] {
  const all: T[] = [];
  for (let one = next(); one !== undefined; one = next()) {
    all.push(one);
  }
  return all;
}
