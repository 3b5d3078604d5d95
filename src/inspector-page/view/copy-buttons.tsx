/** Buttons that copy octets in the forms that people pass on. */
import { useState } from 'preact/hooks';
import type { Copy } from '../model/copies.js';
import { copyText } from './clipboard.js';

/** Milliseconds that a button says that it has copied. */
const SAID = 1500;

interface Props {
  readonly octets: Uint8Array;
  readonly copies: readonly Copy[];
}

export function CopyButtons({ octets, copies }: Props) {
  const [said, setSaid] = useState('');
  return (
    <span class="copies">
      <span class="dim">copy</span>
      {copies.map(({ name, title, make }) => (
        <button
          key={name}
          type="button"
          title={title}
          onClick={async () => {
            const isDone = await copyText(make(octets));
            setSaid(isDone ? name : `no ${name}`);
            setTimeout(setSaid, SAID, '');
          }}
        >
          {said === name ? '✓ copied' : said === `no ${name}` ? '⚠ not allowed' : name}
        </button>
      ))}
    </span>
  );
}
