/** Octets in rows of sixteen, as hexadecimal and as characters. */
import { useState } from 'preact/hooks';
import { asciiOf, count, hexOf } from '../model/words.js';
import { hot, pinned, type Range } from './app.js';

const ROW = 16;
/** Octets shown at first, and how many more each time. */
const PIECE = 1024;

interface Props {
  readonly octets: Uint8Array;
  /** Finds the field that an octet belongs to; absent if there are no fields. */
  readonly rangeOf?: (offset: number) => Range | undefined;
}

export function Octets({ octets, rangeOf }: Props) {
  const [shown, setShown] = useState(PIECE);
  const end = Math.min(shown, octets.length);
  const marked = hot.value ?? pinned.value;
  const offsetOf = ({ target }: Event) => {
    const text = target instanceof HTMLElement ? target.getAttribute('data-o') : null;
    return text === null ? undefined : Number(text);
  };
  const rows = Array.from({ length: Math.ceil(end / ROW) }, (_, row) => row * ROW);
  return (
    <>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the fields say the same and have the keys */}
      <div
        class="hex mono"
        role="img"
        aria-label={`${count(octets.length)} octets`}
        onMouseMove={(event) => {
          const offset = offsetOf(event);
          hot.value = offset === undefined ? undefined : rangeOf?.(offset);
        }}
        onMouseLeave={() => {
          hot.value = undefined;
        }}
        onClick={(event) => {
          const offset = offsetOf(event);
          pinned.value = offset === undefined ? undefined : rangeOf?.(offset);
        }}
      >
        {rows.map((start) => (
          <Row key={start} octets={octets} start={start} end={end} marked={marked} />
        ))}
      </div>
      {end < octets.length && (
        <button type="button" onClick={() => setShown(shown + 8 * PIECE)}>
          {count(octets.length - end)} more octets
        </button>
      )}
    </>
  );
}

interface RowProps {
  readonly octets: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly marked: Range | undefined;
}

function Row({ octets, start, end, marked }: RowProps) {
  const own = octets.subarray(start, Math.min(end, start + ROW));
  const cls = (at: number) =>
    marked !== undefined && at >= marked.start && at < marked.end ? 'on' : undefined;
  const offsets = Array.from(own, (_, index) => start + index);
  const characters = asciiOf(own);
  return (
    <div class="hex-row">
      <span class="offset">{start.toString(16).padStart(4, '0')}</span>
      <span class="digits">
        {offsets.map((at) => (
          <span key={at} data-o={at} class={cls(at)}>
            {hexOf(octets[at] ?? 0)}
          </span>
        ))}
      </span>
      <span class="characters">
        {offsets.map((at) => (
          <span key={at} data-o={at} class={cls(at)}>
            {characters[at - start]}
          </span>
        ))}
      </span>
    </div>
  );
}
