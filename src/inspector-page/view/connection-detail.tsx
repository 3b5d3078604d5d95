/** One connection: who, what was offered and agreed, how long it took, how it ended and what to try. */
import type { ComponentChildren } from 'preact';
import type { Conversation, Selector } from '../model/conversation.js';
import type { Leg } from '../model/leg.js';
import { clock, count, duration, many, size } from '../model/words.js';
import { changes } from './app.js';
import { STATES } from './connections.js';

export function ConnectionDetail({ of }: { readonly of: Conversation }) {
  changes.value;
  const { state, ending, first } = of;
  const [sign, word] = STATES[state];
  const isTrouble = state === 'refused' || state === 'failed';
  return (
    <div class="connection-detail">
      <p class={`verdict ${isTrouble ? 'trouble' : ''}`} id="connection-verdict">
        {sign} {isTrouble && ending !== undefined ? ending.words : word}
        {!isTrouble && ending !== undefined ? `: ${ending.words}` : ''}
      </p>
      {ending?.hint !== undefined && <p class="try">What to try: {ending.hint}.</p>}
      <dl>
        <Item name="Client">
          <span class="mono">{of.client}</span>
        </Item>
        <Item name="Server">
          <span class="mono">{of.server}</span>
        </Item>
        {of.name !== undefined && <Item name="Name">{of.name}</Item>}
        <Item name="Calling T-selector">{selectorText(of.calling)}</Item>
        <Item name="Called T-selector">{selectorText(of.called)}</Item>
        {of.calledAtTarget !== undefined && (
          <Item name="Called at the target">{selectorText(of.calledAtTarget)}</Item>
        )}
        {first !== undefined && <Negotiated leg={first} />}
        <Traffic of={of} />
        <Item name="First seen">
          <span class="mono">{clock(of.time)}</span>
        </Item>
      </dl>
    </div>
  );
}

function Item({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function selectorText(selector: Selector | undefined) {
  return selector === undefined ? (
    <span class="dim">none</span>
  ) : (
    <>
      <b class="mono">{selector.text}</b>
      {selector.meaning === undefined ? '' : ` in S7: ${selector.meaning}`}
    </>
  );
}

/** What CR and CC say. */
function Negotiated({ leg }: { readonly leg: Leg }) {
  changes.value;
  const { cr, cc, agreed, times } = leg;
  const took =
    times.cr === undefined || times.answer === undefined ? undefined : times.answer - times.cr;
  return (
    <>
      {cr !== undefined && (
        <Item name="Offered">
          class {cr.class}
          {cr.parameters.alternativeClasses === undefined
            ? ''
            : ` (or ${cr.parameters.alternativeClasses.join(', ')})`}
          , {sizeWords(cr)}
        </Item>
      )}
      {agreed !== undefined && (
        <Item name="Agreed">
          class {agreed.class}, {count(agreed.maxTpduSize)} octets
          {agreed.expedited ? ', expedited data' : ''}
        </Item>
      )}
      {cr !== undefined && (
        <Item name="References">
          <span class="mono">
            {reference(cr.srcRef)} → {cc === undefined ? '–' : reference(cc.srcRef)}
          </span>
        </Item>
      )}
      {took !== undefined && <Item name="CR to answer">{duration(took)}</Item>}
    </>
  );
}

function sizeWords({ parameters }: NonNullable<Leg['cr']>): string {
  const { preferredMaxTpduSize, tpduSize } = parameters;
  if (preferredMaxTpduSize !== undefined) {
    return `${count(preferredMaxTpduSize)} octets by 0xF0`;
  }
  return tpduSize === undefined ? 'no size' : `${count(tpduSize)} octets`;
}

function reference(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

function Traffic({ of }: { readonly of: Conversation }) {
  changes.value;
  const [to, back] = [of.traffic(true), of.traffic(false)];
  const { latency } = of;
  return (
    <>
      {to !== undefined && (
        <Item name="From the client">
          {many(to.tsdus, 'TSDU')}, {size(to.octets)} octets in {many(to.tpdus, 'TPDU')}
        </Item>
      )}
      {back !== undefined && (
        <Item name="From the server">
          {many(back.tsdus, 'TSDU')}, {size(back.octets)} octets in {many(back.tpdus, 'TPDU')}
        </Item>
      )}
      {latency.count > 0 && (
        <Item name="Request to response">
          p50 {duration(latency.percentile(0.5))}, p99 {duration(latency.percentile(0.99))} of{' '}
          {count(latency.count)}
        </Item>
      )}
      {of.deviating > 0 && (
        <Item name="Deviations">
          <span class="warn">⚠ {many(of.deviating, 'TPDU')}</span>
        </Item>
      )}
    </>
  );
}
