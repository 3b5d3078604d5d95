/** Applications of the servers of `npm run fuzz` and `soak`: see applications.d.mts. */

export async function echo(connection, onTsdu = () => {}) {
  try {
    for await (const tsdu of connection) {
      onTsdu(tsdu);
      if (!connection.write(tsdu)) {
        await connection.drain();
      }
    }
  } catch {
    // The application ignores the errors of its peers.
  }
}

/** Ways to close. */
const CLOSINGS = [
  (connection) => connection.close(),
  (connection) => connection.destroy(),
  (connection) => {
    // Class 2 has no half-close.
    if (connection.info.tpClass === 0) {
      connection.end();
    }
    connection.close();
  },
  (connection) => void connection.disconnect({ disruptive: true }),
  (connection) => {
    connection
      .toDuplex()
      .on('error', () => {})
      .destroy();
  },
];

export function closeInTurn(connection, number) {
  CLOSINGS[number % CLOSINGS.length]?.(connection);
}
