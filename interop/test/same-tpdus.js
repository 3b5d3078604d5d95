/** Compares the TPDUs that `cotp decode` finds in a capture with those that tshark finds. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const COTP = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const FIELDS = ['frame.number', 'tcp.stream', 'tcp.srcport', 'tpkt.length', 'cotp.type'];

/** TPDU codes as Wireshark shows them. */
const CODES = { CR: '0x0e', CC: '0x0d', DR: '0x08', DT: '0x0f', ER: '0x07' };

/** Of a TPDU that X.224 does not know. */
const NO_TYPE = 'no type';

/** What tshark finds: a line for each TPDU. */
function tpdusOfTshark(path, ports) {
  const { stdout, stderr, status } = spawnSync(
    'tshark',
    [
      ...['-n', '-r', path, '-Y', 'tpkt', '-T', 'fields', '-E', 'aggregator=;'],
      ...['-o', 'tcp.reassemble_out_of_order:TRUE'],
      ...ports.flatMap((port) => ['-d', `tcp.port==${port},tpkt`]),
      ...FIELDS.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  assert.equal(status, 0, stderr);
  return stdout
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [frame, stream, port, lengths = '', types = ''] = line.split('\t');
      const all = types.split(';');
      return lengths.split(';').map((length, i) => ({
        ...{ frame: Number(frame), stream: Number(stream), port: Number(port) },
        ...{ length: Number(length), type: all[i] || NO_TYPE },
      }));
    });
}

/** What `cotp decode` finds, in the same form. */
function tpdusOfDecode(path) {
  const { stdout } = spawnSync(process.execPath, [COTP, 'decode', '--json', path], {
    ...{ encoding: 'utf8', maxBuffer: 1 << 28 },
  });
  return stdout
    .trim()
    .split('\n')
    .map(JSON.parse)
    .filter(({ error, tpkt }) => tpkt === true || error === undefined)
    .map(({ frame, stream, from, length, type }) => ({
      ...{ frame, stream, port: Number(from.split(':').at(-1)), length },
      type: CODES[type] ?? NO_TYPE,
    }));
}

/**
 * Fails unless both find the same TPDUs, at least so many, in the same streams and directions.
 *
 * @param byFrame each in the same frame: not so where segments were captured out of order
 */
export function assertSameTpdus(path, { least = 1, byFrame = true, ports = [102] } = {}) {
  const lines = (tpdus) => {
    const shown = tpdus.map(({ frame, stream, port, length, type }) => {
      const place = `stream ${stream} port ${port}`;
      return { place, line: `${byFrame ? `frame ${frame} ` : ''}${place} ${type} ${length}` };
    });
    // The order within a direction counts.
    const places = [...new Set(shown.map(({ place }) => place))].sort();
    return places.flatMap((each) =>
      shown.filter(({ place }) => place === each).map(({ line }) => line),
    );
  };
  const ours = lines(tpdusOfDecode(path));
  assert.ok(ours.length >= least, `${ours.length} TPDUs, at least ${least} expected`);
  assert.deepEqual(ours, lines(tpdusOfTshark(path, ports)));
}
