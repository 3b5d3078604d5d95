/** One TPDU: each field with its octets, both ways, and whether it keeps to the standard. */
import type { TargetedKeyboardEvent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { type Explanation, explainTpdu } from '../../core/tpdu/explain.js';
import { TPDU_COPIES } from '../model/copies.js';
import { octetsOf, type TpduEntry } from '../model/entry.js';
import { verdictOf } from '../model/verdict.js';
import { clock, hexText, many } from '../model/words.js';
import { hot, pinned } from './app.js';
import { CopyButtons } from './copy-buttons.js';
import { Octets } from './octets.js';

export function TpduDetail({ entry }: { readonly entry: TpduEntry }) {
  const octets = octetsOf(entry);
  const isConnect = entry.type === 'CR' || entry.type === 'CC';
  const fields = explainTpdu(octets, isConnect ? {} : entry.leg.decodeOptions);
  const { isGood, words } = verdictOf(entry);
  const { client, server } = entry.leg;
  return (
    <div class="tpdu-detail">
      <p class="about">
        <b>{entry.type ?? 'unknown code'}</b> {many(octets.length, 'octet')} from{' '}
        <span class="mono">{entry.isFromClient ? client : server}</span> to{' '}
        <span class="mono">{entry.isFromClient ? server : client}</span> at{' '}
        <span class="mono">{clock(entry.time)}</span>
        {entry.frame === undefined ? '' : `, frame ${entry.frame}`}
      </p>
      <div class="judged">
        <p class={isGood ? 'verdict good' : 'verdict warn'} id="verdict">
          {isGood ? '✓' : '⚠'} {words}
        </p>
        <CopyButtons octets={octets} copies={TPDU_COPIES} />
      </div>
      <Fields fields={fields} octets={octets} />
      <div class="hex-box">
        <Octets
          octets={octets}
          rangeOf={(offset) => fields.find(({ start, end }) => offset >= start && offset < end)}
        />
      </div>
    </div>
  );
}

/** Octets of a field that its line shows. */
const SHOWN = 6;

function Fields({ fields, octets }: { fields: readonly Explanation[]; octets: Uint8Array }) {
  const marked = hot.value ?? pinned.value;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.querySelector('.on')?.scrollIntoView({ block: 'nearest' });
  }, [marked]);
  return (
    <div ref={box} class="fields" role="listbox" aria-label="Fields" onKeyDown={moveFocus}>
      {fields.map((field, index) => (
        <FieldLine
          key={field.start}
          field={field}
          octets={octets.subarray(field.start, field.end)}
          isFirst={index === 0}
          isOn={marked !== undefined && field.start >= marked.start && field.end <= marked.end}
        />
      ))}
    </div>
  );
}

interface FieldProps {
  readonly field: Explanation;
  readonly octets: Uint8Array;
  readonly isFirst: boolean;
  readonly isOn: boolean;
}

function FieldLine({ field, octets, isFirst, isOn }: FieldProps) {
  const { start, value, meaning, deviations } = field;
  const pin = () => {
    pinned.value = field;
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles keys
    <div
      class={`field ${isOn ? 'on' : ''} ${deviations.length > 0 ? 'bad' : ''}`}
      role="option"
      aria-selected={isOn}
      tabIndex={isFirst ? 0 : -1}
      onMouseEnter={() => {
        hot.value = field;
      }}
      onMouseLeave={() => {
        hot.value = undefined;
      }}
      onFocus={pin}
      onClick={pin}
    >
      <span class="mono dim">{start.toString(16).padStart(4, '0')}</span>
      <span class="mono">
        {hexText(octets.subarray(0, SHOWN))}
        {octets.length > SHOWN ? ' …' : ''}
      </span>
      <span class={field.field.startsWith(' ') ? 'inner' : ''}>{field.field.trim()}</span>
      <span>
        {value !== '' && <b class="mono">{value} </b>}
        {meaning}
        {deviations.length > 0 && <span class="warn"> ⚠ {deviations.join(', ')}</span>}
      </span>
    </div>
  );
}

const STEPS: Readonly<Record<string, 'nextElementSibling' | 'previousElementSibling'>> = {
  ArrowDown: 'nextElementSibling',
  j: 'nextElementSibling',
  ArrowUp: 'previousElementSibling',
  k: 'previousElementSibling',
};

/** The arrows go from field to field. */
function moveFocus(event: TargetedKeyboardEvent<HTMLDivElement>): void {
  const step = STEPS[event.key];
  const from = document.activeElement;
  if (step !== undefined && from !== null) {
    event.preventDefault();
    event.stopPropagation();
    const to = from[step];
    if (to instanceof HTMLElement) {
      to.focus();
    }
  }
}
