/** Certificates made for the tests: an authority, and a server and a client that it vouches for. */
import { generate } from 'selfsigned';

/** A key and its certificate, in PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

export interface Certificates {
  readonly ca: string;
  readonly server: Identity;
  readonly client: Identity;
  /** Its time is over. */
  readonly expired: Identity;
  /** The authority does not vouch for it. */
  readonly stranger: Identity;
}

interface Validity {
  readonly notBeforeDate?: Date;
  readonly notAfterDate?: Date;
}

let made: Promise<Certificates> | undefined;

/** Made once per test file. */
export function certificates(): Promise<Certificates> {
  made ??= make();
  return made;
}

async function make(): Promise<Certificates> {
  const authority = await generate([{ name: 'commonName', value: 'Test authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  });
  const issued = async (name: string, validity: Validity = {}): Promise<Identity> => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
      keyType: 'ec',
      algorithm: 'sha256',
      ...validity,
      ca: { key: authority.private, cert: authority.cert },
      extensions: [
        {
          name: 'subjectAltName',
          altNames: [
            { type: 2, value: name },
            { type: 7, ip: '127.0.0.1' },
          ],
        },
      ],
    });
    return { key, cert };
  };
  const stranger = await generate([{ name: 'commonName', value: 'Stranger' }], {
    keyType: 'ec',
    algorithm: 'sha256',
  });
  return {
    ca: authority.cert,
    server: await issued('localhost'),
    client: await issued('Test client'),
    expired: await issued('Expired client', {
      notBeforeDate: new Date('2020-01-01'),
      notAfterDate: new Date('2020-02-01'),
    }),
    stranger: { key: stranger.private, cert: stranger.cert },
  };
}
