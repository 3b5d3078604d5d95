/**
 * Peers that send empty DTs as fast as they are taken, in a process of their own:
 * `node flooding-peers.mjs PORT COUNT`. It sends a message once each of them has sent 1 MiB.
 */
import { connect } from 'node:net';

const [, , port, count] = process.argv;
const CR = Buffer.from('0300001611e00000123400c1020100c2020102c0010a', 'hex');
const EMPTY_DT = Buffer.from('0300000702f000', 'hex');
const BLOCK = Buffer.alloc(EMPTY_DT.length * 65_536, EMPTY_DT);

let starting = Number(count);
for (let i = 0; i < Number(count); i += 1) {
  const socket = connect({ host: '127.0.0.1', port: Number(port) });
  socket.on('error', () => {});
  const send = () => socket.write(BLOCK, send);
  socket.write(CR);
  socket.once('data', () => {
    socket.resume();
    socket.write(BLOCK, () => {
      starting -= 1;
      if (starting === 0) {
        process.send?.({ isFlooding: true });
      }
      send();
    });
  });
}
