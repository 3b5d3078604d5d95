/** The state of the page and what its controls do. The session holds what came; this holds how it is looked at. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { Conversation } from '../model/conversation.js';
import type { Entry, TpduEntry, Tsdu } from '../model/entry.js';
import { hasTerm, parseFilter, replacedKey } from '../model/filter.js';
import { Lines } from '../model/lines.js';
import { Session } from '../model/session.js';

/**
 * `ended`: no more rows will come. `lost`: the server does not answer; the browser tries again. `refused`: the server
 * has refused the stream; the browser does not try again.
 */
export type FeedState = 'connecting' | 'live' | 'ended' | 'lost' | 'refused';
export type Tab = 'tpdu' | 'tsdu' | 'connection' | 'statistics';
/** Of a day, from the first entry, or from the line before. */
export type TimeMode = 'clock' | 'start' | 'delta';

/** Octets that are marked in the explanation and the hex view. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Milliseconds between two drawings of new rows. */
const DRAW_INTERVAL = 60;
/** Milliseconds that filtering may take of a frame. */
const FRAME_SHARE = 8;

export const session: Session = new Session();

/** Counts up when the session or the lines have changed and are to be drawn. */
export const changes: Signal<number> = signal(0);
export const feed: Signal<FeedState> = signal('connecting');
export const filterText: Signal<string> = signal('');
export const filter = computed(() => parseFilter(filterText.value));
export const folds: Signal<boolean> = signal(true);
export const bothLegs: Signal<boolean> = signal(false);
export const follows: Signal<boolean> = signal(true);
export const timeMode: Signal<TimeMode> = signal('clock');
export const tab: Signal<Tab> = signal('tpdu');
export const isHelpOpen: Signal<boolean> = signal(false);
/** The selected entry. */
export const selected: Signal<Entry | undefined> = signal(undefined);
/** The connection whose details are shown, if none is that of the selected entry. */
export const conversation: Signal<Conversation | undefined> = signal(undefined);
/** What the pointer or the focus is on, and what was clicked. */
export const hot: Signal<Range | undefined> = signal(undefined);
export const pinned: Signal<Range | undefined> = signal(undefined);
/** Index of the first entry that is not shown because the view is paused. */
export const pausedAt: Signal<number | undefined> = signal(undefined);
export const lines: Signal<Lines> = signal(makeLines());
/** Lines that were dropped at the start of the list, in all. The list keeps its place by it. */
export const trimmed: Signal<number> = signal(0);

export const shownConversation: ReadonlySignal<Conversation | undefined> = computed(
  () => conversation.value ?? selected.value?.leg?.conversation,
);

function makeLines(unfolded: Iterable<Tsdu> = []): Lines {
  return new Lines(
    session,
    { filter: filter.peek(), folds: folds.peek(), bothLegs: bothLegs.peek() },
    unfolded,
  );
}

let frame = 0;
let drawnAt = 0;

/** Draws what has come, soon. */
export function schedule(): void {
  if (frame === 0) {
    frame = requestAnimationFrame(pump);
  }
}

function pump(now: number): void {
  frame = 0;
  if (now - drawnAt < DRAW_INTERVAL) {
    schedule();
    return;
  }
  if (step()) {
    drawnAt = now;
  } else {
    schedule();
  }
}

/** Looks at new entries for the time of a frame, and draws; returns true if none is left. */
function step(): boolean {
  const until = performance.now() + FRAME_SHARE;
  const isDone = lines.peek().advance(shownEnd(), () => performance.now() < until);
  const dropped = lines.peek().trim();
  batch(() => {
    trimmed.value += dropped;
    changes.value += 1;
  });
  return isDone;
}

/** Index behind the last entry that may be shown. */
export function shownEnd(): number {
  return Math.max(session.start, pausedAt.peek() ?? session.end);
}

/** Makes the lines again, because the filter or the folding changed, and draws the first of them at once. */
function remake(unfolded: Iterable<Tsdu> = lines.peek().unfolded): void {
  batch(() => {
    lines.value = makeLines(unfolded);
    trimmed.value = 0;
  });
  if (!step()) {
    schedule();
  }
}

export function setFilter(text: string): void {
  filterText.value = text;
  remake();
}

export function setFolds(value: boolean): void {
  folds.value = value;
  remake([]);
}

export function setBothLegs(value: boolean): void {
  bothLegs.value = value;
  remake();
}

/** Shows the DTs of one TSDU, or folds them again. */
export function toggleFold(tsdu: Tsdu): void {
  const unfolded = new Set(lines.peek().unfolded);
  if (!unfolded.delete(tsdu)) {
    unfolded.add(tsdu);
  }
  follows.value = false;
  remake(unfolded);
}

export function togglePause(): void {
  pausedAt.value = pausedAt.value === undefined ? session.end : undefined;
  schedule();
}

export function clear(): void {
  session.clear();
  batch(() => {
    selected.value = undefined;
    conversation.value = undefined;
    pausedAt.value = pausedAt.peek() === undefined ? undefined : session.end;
    follows.value = true;
  });
  remake([]);
}

export function select(entry: Entry | undefined): void {
  batch(() => {
    selected.value = entry;
    conversation.value = undefined;
    hot.value = undefined;
    pinned.value = undefined;
    if (entry !== undefined) {
      follows.value = false;
      if (entry.kind === 'notice') {
        tab.value = 'connection';
      } else if (tab.value === 'statistics' || tab.value === 'connection') {
        tab.value = 'tpdu';
      }
    }
  });
}

/** Moves the selection by lines; without one to the last line that is seen. */
export function moveSelection(by: number): void {
  const list = lines.peek();
  const current = selected.peek();
  const from = current === undefined ? (by > 0 ? -1 : list.length) : list.lineOf(current.index);
  const line = Math.min(list.length - 1, Math.max(0, from + by));
  const entry = list.at(line);
  if (entry !== undefined) {
    select(entry);
  }
}

/** Shows one connection alone and its details. */
export function scopeTo(one: Conversation): void {
  batch(() => {
    conversation.value = one;
    selected.value = undefined;
    tab.value = 'connection';
    setFilter(replacedKey(filterText.peek(), 'conn', String(one.number)));
  });
}

/** Shows no connection alone any more, but what another filter lets through. A selected line stays selected. */
function unscope(text: string): void {
  batch(() => {
    conversation.value = undefined;
    setFilter(text);
  });
}

/** Shows one connection alone and its details; if the filter does so already, all connections. */
export function toggleScope(one: Conversation): void {
  if (hasTerm(filterText.peek(), `conn:${one.number}`)) {
    showAllConnections();
  } else {
    scopeTo(one);
  }
}

/** Removes the connection from the filter. */
export function showAllConnections(): void {
  unscope(replacedKey(filterText.peek(), 'conn', undefined));
}

/** Removes the filter, and the scope that goes with it. */
export function removeFilter(): void {
  unscope('');
}

const NEXT_MODE: Readonly<Record<TimeMode, TimeMode>> = {
  clock: 'start',
  start: 'delta',
  delta: 'clock',
};

/** Shows times in the next of the ways. */
export function nextTimeMode(): void {
  timeMode.value = NEXT_MODE[timeMode.peek()];
}

/** Rows that wait while the view is paused. */
export function waiting(): number {
  return pausedAt.peek() === undefined ? 0 : session.end - shownEnd();
}

/** The selected TPDU, if it is one. */
export const selectedTpdu: ReadonlySignal<TpduEntry | undefined> = computed(() => {
  const entry = selected.value;
  return entry?.kind === 'tpdu' ? entry : undefined;
});
