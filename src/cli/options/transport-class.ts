/** Options of the transport class and of expedited data. */
import type { ConnectOptions, ListenOptions, TpClassChoice } from '../../index.js';
import { UsageError } from '../exit.js';
import { flag, type OptionRow, type OptionValues, type Parser, value } from './option.js';

const group = 'Transport class and expedited data (RFC 2126)';

/** `0`, `2` or `2,0`. */
const classes: Parser<TpClassChoice> = (text) => {
  const choice = ([0, 2, '2,0'] as const).find((each) => String(each) === text.replace(/\s/g, ''));
  if (choice === undefined) {
    const hint = /^\s*0\s*,\s*2\s*$/.test(text)
      ? ': class 2 stands first, class 0 is the fallback'
      : '';
    throw new UsageError(`must be 0, 2 or 2,0, not ${JSON.stringify(text)}${hint}`);
  }
  return choice;
};

/** The three rows, which differ only in what they say about each side. */
function rows(words: {
  readonly classes: string;
  readonly expedited: string;
  readonly acknowledged: string;
}) {
  const needs = ['expedited'];
  return {
    class: value('--class <classes>', `${words.classes} (default: 0)`, classes, {
      group,
      sets: 'tpClass',
      words: ['0', '2', '2,0'],
    }),
    expedited: flag('--expedited', words.expedited, { group }),
    expeditedAck: flag('--expedited-ack', words.acknowledged, { group, needs }),
  } satisfies Record<string, OptionRow<unknown>>;
}

/** Options of clients. */
export const CLIENT_CLASS_OPTIONS = rows({
  classes: 'what to offer: 0, 2, or 2,0 for class 2 with class 0 as the fallback',
  expedited: 'ask for expedited data: 1 to 16 octets that overtake TSDUs',
  acknowledged: 'ask that the peer acknowledges it by EA; class 2 only',
});

/** Options of servers. */
export const SERVER_CLASS_OPTIONS = rows({
  classes: 'what to accept: 0, 2, or 2,0 for both',
  expedited: 'grant expedited data to clients that ask for it',
  acknowledged: 'grant its acknowledgement by EA too; class 2 only',
});

/** Options of a proxy, which is a server on one side and a client on the other. */
export const PROXY_CLASS_OPTIONS = rows({
  classes: 'what to relay: 0, 2, or 2,0 for both; the client and the target use the same class',
  expedited: 'relay expedited data where the client asks for it and the target grants it',
  acknowledged: 'relay the request for its acknowledgement by EA too; class 2 only',
});

type Values = OptionValues<typeof CLIENT_CLASS_OPTIONS>;

/**
 * The options of `connect` and `listen` for these command-line options.
 *
 * @throws UsageError for `--expedited-ack` without class 2
 */
export function classOptions(
  values: Values,
): Pick<ConnectOptions & ListenOptions, 'tpClass' | 'expedited' | 'expeditedAck'> {
  const { class: tpClass = 0, expedited, expeditedAck } = values;
  if (expeditedAck && tpClass === 0) {
    throw new UsageError('--expedited-ack requires --class 2 or --class 2,0: class 0 has no EA');
  }
  return { tpClass, expedited, expeditedAck };
}
