/** TLS options of clients and servers, and the files that they name. */
import { readFile } from 'node:fs/promises';
import { type ConnectionOptions, createSecureContext, type TlsOptions } from 'node:tls';
import { CommandError, UsageError } from '../exit.js';
import { fileReason } from '../output/file-error.js';
import { flag, type OptionRows, type OptionValues, value } from './option.js';
import { text } from './values.js';

const group = 'TLS';

export const TLS_CLIENT_OPTIONS = {
  tls: flag('--tls', 'use TLS; the options below imply it', { group }),
  tlsCa: value('--tls-ca <file>', 'trust these CAs instead of those of the system', text, {
    group,
  }),
  tlsCert: value('--tls-cert <file>', 'our certificate', text, { group }),
  tlsKey: value('--tls-key <file>', 'its private key', text, { group }),
  tlsInsecure: flag('--tls-insecure', 'accept any certificate', { group }),
  tlsServername: value('--tls-servername <name>', 'name that the certificate must have', text, {
    group,
  }),
};

export const TLS_SERVER_OPTIONS = {
  tls: flag('--tls', 'use TLS; requires a certificate and a key', { group }),
  tlsCert: value('--tls-cert <file>', 'our certificate', text, { group }),
  tlsKey: value('--tls-key <file>', 'its private key', text, { group }),
  tlsCa: value('--tls-ca <file>', 'require a client certificate from one of these CAs', text, {
    group,
  }),
};

/** Options of a proxy for its connections to the target. */
export const TLS_TARGET_OPTIONS = inGroup('TLS to the target', TLS_CLIENT_OPTIONS);

/** Options of a proxy for the connections of clients. */
export const TLS_LISTEN_OPTIONS = inGroup('TLS with clients', {
  listenTlsCert: value('--listen-tls-cert <file>', 'our certificate; clients must use TLS', text),
  listenTlsKey: value('--listen-tls-key <file>', 'its private key', text),
  listenTlsCa: value(
    '--listen-tls-ca <file>',
    'require a client certificate from one of these CAs',
    text,
  ),
});

function inGroup<const R extends OptionRows>(heading: string, rows: R): R {
  const moved = Object.entries(rows).map(([name, row]) => [name, { ...row, group: heading }]);
  return Object.fromEntries(moved) as R;
}

/** The option `tls` of `connect`; `undefined` without TLS. */
export async function clientTls(
  values: OptionValues<typeof TLS_CLIENT_OPTIONS>,
): Promise<ConnectionOptions | undefined> {
  const { tls, tlsCa, tlsCert, tlsKey, tlsInsecure, tlsServername } = values;
  if (!tls && !tlsInsecure && !tlsCa && !tlsCert && !tlsKey && !tlsServername) {
    return undefined;
  }
  bothOrNone(tlsCert, tlsKey);
  return {
    ...(await files({ ca: tlsCa, cert: tlsCert, key: tlsKey })),
    ...(tlsInsecure ? { rejectUnauthorized: false } : {}),
    ...(tlsServername === undefined ? {} : { servername: tlsServername }),
  };
}

/** The option `tls` of `listen`; `undefined` without TLS. */
export async function serverTls(
  values: OptionValues<typeof TLS_SERVER_OPTIONS>,
): Promise<TlsOptions | undefined> {
  const { tls, tlsCa, tlsCert, tlsKey } = values;
  if (!tls && !tlsCa && !tlsCert && !tlsKey) {
    return undefined;
  }
  bothOrNone(tlsCert, tlsKey);
  if (tlsCert === undefined) {
    throw new UsageError('a TLS server requires --tls-cert and --tls-key');
  }
  const given = await files({ ca: tlsCa, cert: tlsCert, key: tlsKey });
  return { ...given, ...(tlsCa === undefined ? {} : { requestCert: true }) };
}

/** The option `tls` of a proxy towards its clients; `undefined` without TLS. */
export async function listenTls(
  values: OptionValues<typeof TLS_LISTEN_OPTIONS>,
): Promise<TlsOptions | undefined> {
  const { listenTlsCert: cert, listenTlsKey: key, listenTlsCa: ca } = values;
  if (!cert && !key && !ca) {
    return undefined;
  }
  const prefix = '--listen-tls';
  bothOrNone(cert, key, prefix);
  if (cert === undefined) {
    throw new UsageError(`${prefix}-ca requires ${prefix}-cert and ${prefix}-key`);
  }
  const given = await files({ ca, cert, key }, prefix);
  return { ...given, ...(ca === undefined ? {} : { requestCert: true }) };
}

function bothOrNone(cert: string | undefined, key: string | undefined, prefix = '--tls'): void {
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError(`${prefix}-cert and ${prefix}-key require each other`);
  }
}

type Contents = { ca?: Buffer; cert?: Buffer; key?: Buffer };

async function files(
  paths: Readonly<Record<keyof Contents, string | undefined>>,
  prefix = '--tls',
): Promise<Contents> {
  const contents: Contents = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const path = paths[name];
    if (path !== undefined) {
      contents[name] = await pem(path, `${prefix}-${name}`);
      check({ [name]: contents[name] }, `${prefix}-${name} ${path} cannot be used`);
    }
  }
  check(contents, `${prefix}-key ${paths.key} does not match ${prefix}-cert ${paths.cert}`);
  return contents;
}

/** OpenSSL reports what is wrong, but not in which file: so each file is checked alone, then all together. */
function check(contents: Contents, complaint: string): void {
  try {
    createSecureContext(contents);
  } catch (error) {
    const { reason, message } = error as Error & { readonly reason?: string };
    throw new UsageError(`${complaint}: ${reason ?? message}`);
  }
}

async function pem(path: string, option: string): Promise<Buffer> {
  const octets = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`${option} ${path} cannot be read: ${fileReason(error)}`);
  });
  if (!octets.includes('-----BEGIN ')) {
    throw new UsageError(`${option} ${path} is not PEM: it has no line -----BEGIN …-----`);
  }
  return octets;
}
