/** The keys and the language of the filter. */
import { useEffect, useRef } from 'preact/hooks';
import { isHelpOpen } from './app.js';

const KEYS = [
  ['j, k or ↓, ↑', 'next line, line before'],
  ['Page Up, Page Down, g, G', 'by pages, to the first line, to the last'],
  ['Enter', 'unfold or fold the DTs of a TSDU; on any other line go to its fields'],
  ['/', 'to the filter; Enter or Esc goes back'],
  ['Space', 'pause, resume'],
  ['f', 'follow the newest line'],
  ['t', 'time of day, since the start, since the line before'],
  ['1, 2, 3, 4', 'TPDU, TSDU, connection, statistics'],
  ['Esc', 'step back: close, leave the fields, remove the selection, remove the filter'],
  ['?', 'this list'],
] as const;

const FILTERS = [
  ['tsel:0x0102', 'calling or called T-selector; calling: and called: are one of them'],
  ['dir:out, dir:in', 'from the client, from the server'],
  ['len>200', 'length of the TPDU in octets; also <, >=, <= and ='],
  ['hex:3201', 'these octets, anywhere in the TPDU'],
  ['type:dt,ed', 'type of the TPDU'],
  ['conn:3, frame:17', 'number of the connection, frame of the capture'],
  ['bad', 'deviations from the standard, errors'],
  ['refused', 'of connections that were refused or failed'],
  ['text, "two words"', 'in the description, the addresses and the characters'],
  ['-type:dt', 'a minus negates a term'],
] as const;

export function Help() {
  const box = useRef<HTMLDialogElement>(null);
  const isOpen = isHelpOpen.value;
  useEffect(() => {
    if (isOpen) {
      box.current?.showModal();
    } else {
      box.current?.close();
    }
  }, [isOpen]);
  return (
    <dialog
      ref={box}
      class="help"
      aria-label="Keys and filters"
      onClose={() => {
        isHelpOpen.value = false;
      }}
    >
      <div class="help-columns">
        <List title="Keys" rows={KEYS} />
        <List title="Filter" rows={FILTERS} />
      </div>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

function List({
  title,
  rows,
}: {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
}) {
  return (
    <section>
      <h2>{title}</h2>
      <dl>
        {rows.map(([key, words]) => (
          <>
            <dt class="mono">{key}</dt>
            <dd>{words}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}
