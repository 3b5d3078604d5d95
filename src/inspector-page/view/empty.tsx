/** What to do while there is nothing to show. */
import { count } from '../model/words.js';
import { changes, feed, filter, lines, removeFilter, session } from './app.js';
import { FEED_WORDS } from './head.js';

export function EmptyList() {
  changes.value;
  const { hello } = session;
  const { candidates } = lines.value;
  if (!filter.value.isEmpty && candidates > 0) {
    return (
      <div class="empty">
        <p>No line of {count(candidates)} matches the filter.</p>
        <button type="button" onClick={removeFilter}>
          Remove the filter
        </button>
      </div>
    );
  }
  if (feed.value === 'refused') {
    return (
      <div class="empty">
        <p>{FEED_WORDS.refused}.</p>
      </div>
    );
  }
  if (hello === undefined) {
    return <div class="empty">{feed.value === 'lost' ? <Lost /> : <p>Connecting …</p>}</div>;
  }
  return (
    <div class="empty">
      {hello.source === 'proxy' && <ProxyHelp title={hello.title} target={hello.target ?? ''} />}
      {hello.source === 'process' && <ProcessHelp />}
      {hello.source === 'file' && <FileHelp isLive={hello.isLive} />}
    </div>
  );
}

function Lost() {
  return <p>⚠ The inspector does not answer. Does the command still run?</p>;
}

function ProxyHelp({ title, target }: { readonly title: string; readonly target: string }) {
  return (
    <>
      <p>
        <b>No client has connected yet.</b>
      </p>
      <ol>
        <li>
          Point the client (SCADA, engineering tool, test program) at <code>{title}</code> instead
          of <code>{target}</code>.
        </li>
        <li>Each connection appears above at once, with the selector that it calls.</li>
        <li>
          Nothing at all appears? Then the client does not reach the proxy: check the address, the
          port and the firewall. Try it from here: <code>cotp {title}</code>
        </li>
      </ol>
    </>
  );
}

function ProcessHelp() {
  return (
    <>
      <p>
        <b>No TPDU yet.</b>
      </p>
      <p>
        The page shows every connection that this process opens or accepts with <code>cotp</code>{' '}
        from now on.
      </p>
    </>
  );
}

function FileHelp({ isLive }: { readonly isLive: boolean }) {
  return isLive ? (
    <p>Reading. TPDUs appear here as they are found.</p>
  ) : (
    <>
      <p>
        <b>The file has no TPDU.</b>
      </p>
      <p>
        A stream counts only if its first octets are TPKTs (<code>03 00</code> and a length). A
        capture taken after TLS, or on another port with another protocol, has none.
      </p>
    </>
  );
}
