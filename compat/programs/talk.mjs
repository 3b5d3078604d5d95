/** A client and a server of each entry, by `import`: says what it has seen. */
import { ok } from 'node:assert/strict';
import * as cotp from 'cotp';
import { decode, describeTpdu, encode } from 'cotp/browser';
import * as tpdu from 'cotp/tpdu';
import * as tpkt from 'cotp/tpkt';

async function talk({ connect, listen }) {
  const server = await listen(
    async (peer) => {
      for await (const octets of peer) {
        peer.write(octets);
      }
    },
    { host: '127.0.0.1', port: 0 },
  );
  const conn = await connect(server.addresses[0]);
  conn.write(Buffer.from('there and back'));
  const echo = String(await conn.read());
  await conn.asyncClose();
  await server.asyncClose();
  return echo;
}

const octets = encode({ type: 'CR', srcRef: 1, parameters: { calledTsel: Uint8Array.of(1, 2) } });
ok(tpdu.decode === decode);
console.log(await talk(cotp));
console.log(await talk(tpkt));
console.log(describeTpdu(decode(octets)));
