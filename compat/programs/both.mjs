/** The package by `import` and by `require` in one program: it has one copy of each class. */
import { Connection, listen, ProtocolError } from 'cotp';
import required from './required.cjs';

const server = await listen(() => {}, { host: '127.0.0.1', port: 0 });
const conn = await required.open(server.addresses[0]);
console.log(Connection === required.Connection, ProtocolError === required.ProtocolError);
console.log(conn instanceof Connection);
await conn.asyncClose();
await server.asyncClose();
