/** The TSDU of the selected DT, put together from all its DTs. */
import { joinOctets } from '../../core/octets/octets.js';
import { OCTET_COPIES } from '../model/copies.js';
import { type TpduEntry, userDataOf } from '../model/entry.js';
import { count, many } from '../model/words.js';
import { changes, session } from './app.js';
import { CopyButtons } from './copy-buttons.js';
import { Octets } from './octets.js';

export function TsduDetail({ entry }: { readonly entry: TpduEntry }) {
  changes.value;
  const { tsdu } = entry;
  if (tsdu === undefined) {
    return <p class="none">A {entry.type ?? 'TPDU with this code'} belongs to no TSDU.</p>;
  }
  const dts = session.dtsOf(tsdu);
  const octets = joinOctets(dts.map(userDataOf));
  const isCut = dts.length < tsdu.count;
  return (
    <div class="tpdu-detail">
      <p class="about">
        <b>TSDU</b> of {many(tsdu.octets, 'octet')} in {many(tsdu.count, 'DT')}
      </p>
      {!tsdu.isComplete && <p class="verdict warn">⚠ not complete: no DT with EOT has come</p>}
      {isCut && (
        <p class="verdict warn">
          ⚠ its first {count(tsdu.count - dts.length)} DTs were dropped here
        </p>
      )}
      {tsdu.isComplete && !isCut && <p class="verdict good">✓ complete</p>}
      <CopyButtons octets={octets} copies={OCTET_COPIES} />
      <div class="hex-box">
        <Octets octets={octets} />
      </div>
    </div>
  );
}
