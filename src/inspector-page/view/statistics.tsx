/** Rates, sizes, times and refusals of all connections. */
import type { Conversation } from '../model/conversation.js';
import type { Histogram } from '../model/histogram.js';
import { CURVE_SECONDS, type Second, type Statistics } from '../model/statistics.js';
import { count, duration, many, size } from '../model/words.js';
import { changes, feed, session } from './app.js';

/** Seconds that the rate of now is an average of. */
const RATE_SECONDS = 5;

export function StatisticsDetail() {
  changes.value;
  const { statistics } = session;
  return (
    <div class="statistics">
      <Rates of={statistics} />
      <h3>Times</h3>
      <table>
        <thead>
          <tr>
            <th />
            <th class="num">count</th>
            <th class="num">p50</th>
            <th class="num">p90</th>
            <th class="num">p99</th>
          </tr>
        </thead>
        <tbody>
          <Times name="request to response" of={statistics.latency} />
          <Times name="CR to answer" of={statistics.answerTime} />
        </tbody>
      </table>
      <Refusals all={session.conversations} />
      <Sizes of={statistics} />
      <Types of={statistics} />
    </div>
  );
}

function Rates({ of }: { readonly of: Statistics }) {
  const last = Math.floor(of.lastTime / 1000);
  const now = Math.floor(Date.now() / 1000);
  // A capture, and rows of an earlier time, have no now.
  const end = feed.value === 'live' && now - last < CURVE_SECONDS ? now : last;
  const curve = of.curve(end);
  const recent = curve.slice(-RATE_SECONDS - 1, -1);
  const rate = (key: 'tpdus' | 'octets') =>
    recent.reduce((all, second) => all + second[key], 0) / RATE_SECONDS;
  return (
    <>
      <h3>Rates</h3>
      <table>
        <thead>
          <tr>
            <th />
            <th class="num">TPDUs</th>
            <th class="num">TSDUs</th>
            <th class="num">octets</th>
          </tr>
        </thead>
        <tbody>
          <Sent name="from clients →" of={of.fromClient} />
          <Sent name="from servers ←" of={of.fromServer} />
          <tr>
            <td>a second, last {RATE_SECONDS} s</td>
            <td class="num">{count(Math.round(rate('tpdus')))}</td>
            <td class="num" />
            <td class="num">{size(rate('octets'))}</td>
          </tr>
        </tbody>
      </table>
      <Curve seconds={curve} />
    </>
  );
}

function Sent({ name, of }: { readonly name: string; readonly of: Statistics['fromClient'] }) {
  return (
    <tr>
      <td>{name}</td>
      <td class="num">{count(of.tpdus)}</td>
      <td class="num">{count(of.tsdus)}</td>
      <td class="num">{size(of.octets)}</td>
    </tr>
  );
}

/** TPDUs a second as bars. */
function Curve({ seconds }: { readonly seconds: readonly Second[] }) {
  const most = Math.max(1, ...seconds.map(({ tpdus }) => tpdus));
  return (
    <svg
      class="curve"
      viewBox={`0 0 ${CURVE_SECONDS} 24`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`TPDUs a second in the last ${CURVE_SECONDS} seconds, at most ${count(most)}`}
    >
      <title>
        TPDUs a second in the last {CURVE_SECONDS} seconds, at most {count(most)}
      </title>
      {seconds.map(({ at, tpdus }, index) => (
        <rect
          key={at}
          x={index + 0.1}
          width={0.8}
          y={24 - (24 * tpdus) / most}
          height={(24 * tpdus) / most}
        />
      ))}
    </svg>
  );
}

function Times({ name, of }: { readonly name: string; readonly of: Histogram }) {
  return (
    <tr>
      <td>{name}</td>
      <td class="num">{count(of.count)}</td>
      {[0.5, 0.9, 0.99].map((share) => (
        <td key={share} class="num">
          {duration(of.percentile(share))}
        </td>
      ))}
    </tr>
  );
}

function Refusals({ all }: { readonly all: readonly Conversation[] }) {
  const reasons = new Map<string, number>();
  for (const { state, ending } of all) {
    if (state === 'refused' || state === 'failed') {
      const reason = ending?.reason ?? 'no reason';
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
  }
  const sorted = [...reasons].sort(([, a], [, b]) => b - a);
  return (
    <>
      <h3>Refusals and failures by reason</h3>
      {sorted.length === 0 && <p class="dim">none of {many(all.length, 'connection')}</p>}
      <table>
        <tbody>
          {sorted.map(([reason, times]) => (
            <tr key={reason}>
              <td>{reason}</td>
              <td class="num">{count(times)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Sizes({ of: { tsduSizes } }: { readonly of: Statistics }) {
  const most = Math.max(1, ...Array.from(tsduSizes, (times = 0) => times));
  const first = tsduSizes.findIndex((times = 0) => times > 0);
  return (
    <>
      <h3>Sizes of TSDUs</h3>
      {first < 0 && <p class="dim">no TSDU yet</p>}
      <table class="bars">
        <tbody>
          {Array.from(tsduSizes, (times = 0) => times).map((times, power) =>
            power < first || first < 0 ? null : (
              <tr key={power}>
                <td class="num">≤ {size(2 ** power)}</td>
                <td class="bar-cell">
                  <span class="bar" style={{ width: `${(100 * times) / most}%` }} />
                </td>
                <td class="num">{count(times)}</td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    </>
  );
}

function Types({ of: { types, deviating } }: { readonly of: Statistics }) {
  return (
    <>
      <h3>TPDUs by type</h3>
      <table>
        <tbody>
          {[...types].map(([type, times]) => (
            <tr key={type}>
              <td>{type}</td>
              <td class="num">{count(times)}</td>
            </tr>
          ))}
          {deviating > 0 && (
            <tr class="warn">
              <td>⚠ with deviations</td>
              <td class="num">{count(deviating)}</td>
            </tr>
          )}
        </tbody>
      </table>
    </>
  );
}
