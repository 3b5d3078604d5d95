/** Whether a TPDU keeps to the standard, as strict decoding judges it. */
import { ProtocolError } from '../../core/errors.js';
import { decode } from '../../core/tpdu/decode.js';
import { octetsOf, type TpduEntry } from './entry.js';
import { aroundOctets } from './words.js';

/** The judgement of strict decoding. */
export interface Verdict {
  readonly isGood: boolean;
  /** A sentence without its full stop. */
  readonly words: string;
}

/** Judges a TPDU by the class and size that its connection has agreed on. */
export function verdictOf(entry: TpduEntry): Verdict {
  const { leg, type } = entry;
  const isConnect = type === 'CR' || type === 'CC';
  const options = isConnect ? {} : leg.decodeOptions;
  try {
    decode(octetsOf(entry), { ...options, strict: true });
  } catch (error) {
    if (error instanceof ProtocolError) {
      const words = aroundOctets(error).join('');
      return { isGood: false, words: `strict decoding refuses it: ${words}` };
    }
    throw error;
  }
  if (entry.deviations.length > 0) {
    return {
      isGood: false,
      words: `deviates from what was offered: ${entry.deviations.join(', ')}`,
    };
  }
  const { class: agreed, maxTpduSize } = leg.decodeOptions;
  const by =
    isConnect || agreed === undefined
      ? ''
      : `, class ${agreed}, at most ${maxTpduSize ?? 65531} octets`;
  return { isGood: true, words: `keeps to X.224${by}` };
}
