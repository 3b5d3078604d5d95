/** The ladder: one line for each TPDU or TSDU, and for what happened between them. */

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Entry, NoticeEntry, TpduEntry } from '../model/entry.js';
import { octetsOf, userDataOf } from '../model/entry.js';
import { asciiOf, clock, count, hexText, seconds, showsData, summary } from '../model/words.js';
import {
  bothLegs,
  changes,
  folds,
  follows,
  lines,
  nextTimeMode,
  select,
  selected,
  session,
  type TimeMode,
  timeMode,
  toggleFold,
  trimmed,
} from './app.js';
import { EmptyList } from './empty.js';
import { memo } from './memo.js';
import { VirtualList } from './virtual-list.js';

const LINE_HEIGHT = 20;

const MODE_WORDS: Readonly<Record<TimeMode, string>> = {
  clock: 'Time',
  start: 'Since start',
  delta: 'Delta',
};

/** Octets of user data that fit on a line, as hexadecimal and as characters. */
const shownOctets = signal(12);
/** Pixels of a character of fixed width, and of all that is beside the contents. */
const CHARACTER = 7.25;
const BESIDE = 358;

/** Follows the width of the ladder. */
function useWidth(box: { readonly current: HTMLElement | null }): void {
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const characters = ((entry?.contentRect.width ?? 0) - BESIDE) / CHARACTER;
      shownOctets.value = Math.min(32, Math.max(8, Math.floor(characters / 8) * 2));
    });
    if (box.current !== null) {
      observer.observe(box.current);
    }
    return () => observer.disconnect();
  }, [box]);
}

export function Ladder() {
  changes.value;
  const box = useRef<HTMLElement>(null);
  useWidth(box);
  const list = lines.value;
  const entry = selected.value;
  const at = entry === undefined ? -1 : list.lineOf(entry.index);
  const line = entry !== undefined && list.at(at) === entry ? at : -1;
  return (
    <section ref={box} class="ladder" aria-label="TPDUs">
      <Heading />
      {list.length === 0 ? (
        <EmptyList />
      ) : (
        <VirtualList
          id="tpdu"
          label="TPDUs"
          length={list.length}
          lineHeight={LINE_HEIGHT}
          selected={line}
          selectedKey={entry}
          follows={follows.value}
          trimmed={trimmed.value}
          onFollow={(value) => {
            follows.value = value;
          }}
          line={(number) => lineOf(number)}
        />
      )}
    </section>
  );
}

function Heading() {
  const mode = timeMode.value;
  return (
    <div class="line heading tpdu-line">
      <button
        type="button"
        class="plain"
        title="Time of day, since the start, or since the line before"
        onClick={nextTimeMode}
      >
        {MODE_WORDS[mode]} ▾
      </button>
      <span class="num">#</span>
      <span class="ends">
        <span>client</span>
        <span>server</span>
      </span>
      <span>Type</span>
      <span class="num">Length</span>
      <span>Contents</span>
    </div>
  );
}

function lineOf(number: number) {
  const list = lines.peek();
  const entry = list.at(number);
  if (entry === undefined) {
    return null;
  }
  const tsdu = entry.kind === 'tpdu' ? entry.tsdu : undefined;
  return (
    <Line
      key={entry.index}
      line={number}
      entry={entry}
      time={timeText(entry, list.at(number - 1))}
      isSelected={entry === selected.peek()}
      // What may change of an entry that is shown already.
      state={`${tsdu?.count ?? 0} ${tsdu?.isComplete ?? ''} ${entry.kind === 'tpdu' && entry.isRelayed}`}
      isFolded={tsdu !== undefined && folds.peek() && !list.unfolded.has(tsdu)}
    />
  );
}

function timeText(entry: Entry, before: Entry | undefined): string {
  switch (timeMode.peek()) {
    case 'clock':
      return clock(entry.time);
    case 'start':
      return seconds(entry.time - (session.statistics.firstTime ?? entry.time));
    case 'delta':
      return before === undefined ? '' : `+${seconds(entry.time - before.time)}`;
  }
}

interface LineProps {
  readonly line: number;
  readonly entry: Entry;
  readonly time: string;
  readonly isSelected: boolean;
  readonly state: string;
  readonly isFolded: boolean;
}

const Line = memo(({ line, entry, time, isSelected, isFolded }: LineProps) => {
  const { leg } = entry;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the page handles keys
    <div
      id={`tpdu-${line}`}
      class={`line tpdu-line ${classOf(entry)}`}
      role="option"
      aria-selected={isSelected}
      aria-posinset={line + 1}
      tabIndex={-1}
      onClick={() => select(entry)}
      onDblClick={() => {
        if (entry.kind === 'tpdu' && entry.tsdu !== undefined && entry.tsdu.count > 1) {
          toggleFold(entry.tsdu);
        }
      }}
    >
      <span class="mono dim">{time}</span>
      <span class="num">{leg?.conversation.number ?? ''}</span>
      {entry.kind === 'tpdu' ? (
        <TpduCells entry={entry} isFolded={isFolded} />
      ) : (
        <NoticeCells entry={entry} />
      )}
    </div>
  );
});

/** A DR or ER that answers the CR. */
function isRefusal(entry: TpduEntry): boolean {
  const { type, leg, isFromClient } = entry;
  return (type === 'DR' || type === 'ER') && !isFromClient && leg.state === 'refused';
}

function classOf(entry: Entry): string {
  if (entry.kind === 'notice') {
    return entry.isFailure ? 'bad' : 'notice';
  }
  const isBad = entry.deviations.length > 0 || isRefusal(entry);
  return `${entry.isFromClient ? 'out' : 'in'} ${isBad ? 'bad' : ''}`;
}

function NoticeCells({ entry }: { readonly entry: NoticeEntry }) {
  return (
    <>
      <span class="arrow" />
      <span class="type">{entry.leg === undefined ? 'note' : 'TCP'}</span>
      <span />
      <span class="contents">
        {entry.isFailure ? '⚠ ' : ''}
        {entry.text}
      </span>
    </>
  );
}

function TpduCells({ entry, isFolded }: { readonly entry: TpduEntry; readonly isFolded: boolean }) {
  const { tsdu, type, deviations } = entry;
  const isMany = tsdu !== undefined && tsdu.count > 1;
  const dots = tsdu !== undefined && isFolded && !tsdu.isComplete ? '…' : '';
  return (
    <>
      <Arrow entry={entry} />
      <span class="type">
        {type ?? '??'}
        {isMany && isFolded ? ` ×${count(tsdu.count)}` : ''}
        {dots}
      </span>
      <span class="num">{count(isMany && isFolded ? tsdu.octets : entry.length)}</span>
      <span class="contents">
        {isRefusal(entry) && <span class="trouble">✕ refused, </span>}
        {deviations.length > 0 && <span class="warn">⚠ {deviations.join(', ')} </span>}
        <Contents entry={entry} />
      </span>
    </>
  );
}

/** First octets of data; the meaning of any other TPDU. */
function Contents({ entry }: { readonly entry: TpduEntry }) {
  if (!showsData(entry)) {
    return <span class={entry.type === undefined ? 'mono' : ''}>{summary(entry)}</span>;
  }
  const data = userDataOf(entry);
  const shown = data.subarray(0, shownOctets.value);
  const more = data.length > shown.length ? ' …' : '';
  return data.length === 0 ? (
    <span class="dim">no user data in {hexText(octetsOf(entry))}</span>
  ) : (
    <span class="mono octets">
      {hexText(shown)}
      <span class="dim">
        {more} {asciiOf(shown)}
      </span>
    </span>
  );
}

/** From whom to whom. In a proxy the middle is the proxy: an arrow that ends there was not relayed as it is. */
function Arrow({ entry }: { readonly entry: TpduEntry }) {
  const { isFromClient, leg, isRelayed, isCopy } = entry;
  const isWhole = leg.row.pair === undefined || (isRelayed && !isCopy && !bothLegs.value);
  const half = leg.isToTarget ? 'right' : 'left';
  const shape = isWhole ? 'whole' : half;
  const words = isFromClient
    ? { whole: 'client to server', left: 'client to proxy', right: 'proxy to target' }
    : { whole: 'server to client', left: 'proxy to client', right: 'target to proxy' };
  return (
    <span class="arrow" title={words[shape]}>
      <span class={`shaft ${shape} ${isFromClient ? 'to-server' : 'to-client'}`} />
      <span class="unseen">{words[shape]}</span>
    </span>
  );
}
