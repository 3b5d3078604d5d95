/** The list of connections: who called which selector, what was agreed, how it ended and why. */

import type { TargetedKeyboardEvent } from 'preact';
import { useState } from 'preact/hooks';
import type { Conversation, Selector } from '../model/conversation.js';
import type { LegState } from '../model/leg.js';
import { count, many, size } from '../model/words.js';
import { changes, feed, scopeTo, session, shownConversation, toggleScope } from './app.js';
import { VirtualList } from './virtual-list.js';

const LINE_HEIGHT = 22;

/** Signs and words of the states. */
export const STATES: Readonly<Record<LegState, readonly [sign: string, word: string]>> = {
  tcp: ['○', 'no CR yet'],
  calling: ['◌', 'calling'],
  open: ['●', 'open'],
  refused: ['✕', 'refused'],
  failed: ['✕', 'failed'],
  closed: ['■', 'closed'],
};

export function Connections() {
  changes.value;
  const [follows, setFollows] = useState(true);
  const all = session.conversations;
  const shown = shownConversation.value;
  const selected = shown === undefined ? -1 : all.indexOf(shown);
  const refused = all.filter(({ state }) => state === 'refused' || state === 'failed').length;
  return (
    <section class="connections" aria-label="Connections">
      <div class="caption">
        <h2>{many(all.length, 'connection')}</h2>
        {refused > 0 && <span class="trouble">✕ {count(refused)} refused or failed</span>}
      </div>
      <Heading />
      <VirtualList
        id="conn"
        label="Connections"
        length={all.length}
        lineHeight={LINE_HEIGHT}
        selected={selected}
        selectedKey={shown}
        follows={follows && selected < 0 && session.hello?.isLive === true}
        onFollow={setFollows}
        onKey={moveTo}
        line={(line) => {
          const each = all[line];
          return (
            each && <Line key={each.number} line={line} of={each} isSelected={each === shown} />
          );
        }}
      />
    </section>
  );
}

function Heading() {
  return (
    <div class="line heading conn-line" aria-hidden="true">
      <span class="num">#</span>
      <span>State</span>
      <span>Client</span>
      <span>Calling → called T-selector</span>
      <span class="wide">Agreed</span>
      <span class="num wide">TSDUs →</span>
      <span class="num wide">←</span>
      <span class="num wide">Octets →</span>
      <span class="num wide">←</span>
      <span>How it ended</span>
    </div>
  );
}

const MOVES: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 };

/** The arrows go from connection to connection. */
function moveTo(event: TargetedKeyboardEvent<HTMLDivElement>): void {
  const by = MOVES[event.key];
  if (by === undefined) {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  const all = session.conversations;
  const shown = shownConversation.value;
  const selected = shown === undefined ? -1 : all.indexOf(shown);
  const next = all[Math.max(0, selected + by)];
  if (next !== undefined && next !== shown) {
    scopeTo(next);
  }
}

interface LineProps {
  readonly line: number;
  readonly of: Conversation;
  readonly isSelected: boolean;
}

function Line({ line, of, isSelected }: LineProps) {
  changes.value;
  const { state } = of;
  const [sign, word] = STATES[state];
  const isTrouble = state === 'refused' || state === 'failed';
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles keys
    <div
      id={`conn-${line}`}
      class={`line conn-line ${isTrouble ? 'bad' : ''}`}
      role="option"
      aria-selected={isSelected}
      tabIndex={-1}
      onClick={() => toggleScope(of)}
    >
      <span class="num">{of.number}</span>
      <span class={`state-word ${state}`}>
        {sign} {word}
      </span>
      <span class="mono" title={clientTitle(of)}>
        {of.client}
      </span>
      <span class="mono">
        <Selectors of={of} />
      </span>
      <span class="wide" title="Class and TPDU size; ⇒ another size at the target">
        {agreedWords(of)}
      </span>
      <TrafficCells of={of} />
      <Ended of={of} />
    </div>
  );
}

function TrafficCells({ of }: { readonly of: Conversation }) {
  changes.value;
  const [to, back] = [of.traffic(true), of.traffic(false)];
  return (
    <>
      <span class="num wide">{count(to?.tsdus ?? 0)}</span>
      <span class="num wide">{count(back?.tsdus ?? 0)}</span>
      <span class="num wide">{size(to?.octets ?? 0)}</span>
      <span class="num wide">{size(back?.octets ?? 0)}</span>
    </>
  );
}

/** How it ended and what to try; while it is open, how many TPDUs deviate. */
function Ended({ of }: { readonly of: Conversation }) {
  changes.value;
  const { state, ending, deviating } = of;
  const isTrouble = state === 'refused' || state === 'failed';
  return (
    <span class="ended" title={[ending?.words, ending?.hint].filter(Boolean).join('\n')}>
      <Waiting of={of} />
      {ending !== undefined && <span class={isTrouble ? 'trouble' : ''}>{ending.reason}</span>}
      {isTrouble && ending?.hint !== undefined && <span class="hint"> — {ending.hint}</span>}
      {!isTrouble && deviating > 0 && <span class="warn"> ⚠ {many(deviating, 'deviation')}</span>}
    </span>
  );
}

/** How long a CR has waited for its answer, where that is long. */
function Waiting({ of }: { readonly of: Conversation }) {
  changes.value;
  const since = of.first?.times.cr ?? of.toTarget?.times.cr;
  const waits = since === undefined ? 0 : Date.now() - since;
  return of.state === 'calling' && feed.value === 'live' && waits > LONG_WAIT ? (
    <span class="warn">⚠ no answer to the CR for {Math.floor(waits / 1000)} s</span>
  ) : null;
}

/** Milliseconds after which an answer is late. */
const LONG_WAIT = 2000;

/** Class and size; with another size at the target behind it. */
function agreedWords({ first, toTarget }: Conversation): string {
  const [own, other] = [first?.agreed, toTarget?.agreed];
  const shown = own ?? other;
  if (shown === undefined) {
    return '';
  }
  const differs = own !== undefined && other !== undefined && own.maxTpduSize !== other.maxTpduSize;
  return `class ${shown.class} · ${shown.maxTpduSize}${differs ? ` ⇒ ${other.maxTpduSize}` : ''}`;
}

function clientTitle({ client, server, name }: Conversation): string {
  return `${client} → ${server}${name === undefined ? '' : ` (${name})`}`;
}

/** Calling → called, with what S7 means by them; what the proxy put in place of the called one behind it. */
export function Selectors({ of }: { readonly of: Conversation }) {
  const { calling, called, calledAtTarget } = of;
  if (of.legs.every(({ cr }) => cr === undefined)) {
    return <span class="dim">–</span>;
  }
  return (
    <>
      <One of={calling} isBare /> <span class="way">→</span> <One of={called} />
      {calledAtTarget !== undefined && (
        <span title="The proxy calls another selector at the target">
          {' '}
          <span class="way">⇒</span> <One of={calledAtTarget} />
        </span>
      )}
    </>
  );
}

function One({
  of,
  isBare = false,
}: {
  readonly of: Selector | undefined;
  readonly isBare?: boolean;
}) {
  if (of === undefined) {
    return <span class="dim">none</span>;
  }
  const meaning = isBare ? undefined : of.meaning;
  return (
    <span title={of.meaning}>
      <b>{of.text}</b>
      {meaning !== undefined && <span class="meaning"> {meaning}</span>}
    </span>
  );
}
