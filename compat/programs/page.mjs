/** What a page does with `cotp/browser`. The result is in `globalThis.result`. */
import {
  decode,
  describeTpdu,
  encode,
  explainTpdu,
  formatTsel,
  ProtocolError,
  parseTsel,
  TpktReader,
} from 'cotp/browser';

const found = [];
const reader = new TpktReader((tpdu) => found.push(describeTpdu(decode(tpdu))));
const cr = encode({
  type: 'CR',
  srcRef: 7,
  parameters: { calledTsel: Uint8Array.of(1, 2), tpduSize: 1024 },
});
const packet = Uint8Array.of(3, 0, 0, 4 + cr.length, ...cr);
reader.push(packet.subarray(0, 3));
reader.push(Uint8Array.of(...packet.subarray(3), ...packet));

let fault;
try {
  reader.push(Uint8Array.of(4));
} catch (error) {
  fault = error instanceof ProtocolError && error.fault;
}

globalThis.result = JSON.stringify({
  found,
  fault,
  held: reader.held,
  explained: explainTpdu(cr),
  tsel: formatTsel(parseTsel('01.02')),
});
