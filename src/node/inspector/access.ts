/**
 * Who may ask the inspector what: only a browser that was given the token, and only pages that the inspector itself
 * has served. Every refusal is a sentence that says what was expected.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { formatAddress } from '../address.js';

/** A request that is refused. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Octets of the token, and of the path: 128 bits. */
const TOKEN_LENGTH = 16;

/** Names of this machine for itself. */
const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];

/** Addresses that stand for all addresses of the machine. */
const ALL_ADDRESSES = ['0.0.0.0', '::'];

/** The rules of one inspector. */
export class Access {
  readonly token: string = randomBytes(TOKEN_LENGTH).toString('hex');
  /**
   * The path of everything that needs the cookie. Nobody can guess it: a browser sends a cookie to all ports of a host,
   * so that one for all paths would go to whatever else runs on this machine, and those of many inspectors to each.
   */
  readonly root: string = `/${randomBytes(TOKEN_LENGTH).toString('hex')}`;
  readonly #hash = hashOf(this.token);
  readonly #cookie: string;
  readonly #port: number;
  readonly #hosts: ReadonlySet<string>;
  readonly #isOnAllAddresses: boolean;

  /** @param host the host that was asked for @param bound the address and the port that are bound */
  constructor(host: string, { address, port }: Pick<AddressInfo, 'address' | 'port'>) {
    this.#port = port;
    this.#cookie = `cotp-inspector-${port}`;
    this.#hosts = new Set([...LOOPBACK, host].flatMap((each) => hostTexts(each, port)));
    // The host has many forms, such as `0` and `::0`.
    this.#isOnAllAddresses = ALL_ADDRESSES.includes(plainAddress(address));
  }

  /** The address for a browser. Only the first request has the token: the answer takes it out of the address. */
  url(host: string): string {
    const [reachable = host] = this.#isOnAllAddresses ? LOOPBACK : [host];
    return `http://${hostText(reachable, this.#port)}/?token=${this.token}`;
  }

  /** Not persistent: the browser forgets it when it ends. */
  get setCookie(): string {
    return `${this.#cookie}=${this.token}; HttpOnly; SameSite=Strict; Path=${this.root}/`;
  }

  /** Why a request is refused, whatever it asks for; `undefined` if it may go on. */
  refusalOf(request: IncomingMessage): Refusal | undefined {
    return (
      methodRefusal(request) ??
      this.#hostRefusal(request) ??
      this.#originRefusal(request) ??
      siteRefusal(request)
    );
  }

  /** Why a request without the token in its address is refused. */
  cookieRefusal(request: IncomingMessage): Refusal | undefined {
    const values = (request.headers.cookie ?? '').split(';').map((each) => each.trim().split('='));
    return values.some(([name, value = '']) => name === this.#cookie && this.isToken(value))
      ? undefined
      : forbidden(
          'The cookie of the inspector is missing or wrong. Open the address that the inspector printed, with its token.',
        );
  }

  /** Compares hashes, in a time that does not depend on what is equal. */
  isToken(text: string): boolean {
    return timingSafeEqual(hashOf(text), this.#hash);
  }

  /** Another name could be one that a page of somebody else has let point to this machine (DNS rebinding). */
  #hostRefusal(request: IncomingMessage): Refusal | undefined {
    const { host = '' } = request.headers;
    const isKnown = this.#hosts.has(host) || (this.#isOnAllAddresses && host === ownHost(request));
    return isKnown
      ? undefined
      : forbidden(`The header Host must be ${[...this.#hosts].join(' or ')}.`);
  }

  #originRefusal({ headers }: IncomingMessage): Refusal | undefined {
    const expected = `http://${headers.host}`;
    return headers.origin === undefined || headers.origin === expected
      ? undefined
      : forbidden(`The header Origin must be ${expected}, or absent.`);
  }
}

function methodRefusal({ method, headers }: IncomingMessage): Refusal | undefined {
  if (method !== 'GET') {
    return {
      status: 405,
      text: `The method must be GET, not ${method}.`,
      headers: { allow: 'GET' },
    };
  }
  const { 'content-length': length = '0', 'transfer-encoding': coding } = headers;
  return length === '0' && coding === undefined
    ? undefined
    : { status: 400, text: 'A request must have no body.' };
}

function siteRefusal({ headers }: IncomingMessage): Refusal | undefined {
  const site = headers['sec-fetch-site'];
  return site === undefined || site === 'same-origin' || site === 'none'
    ? undefined
    : forbidden(
        'The header Sec-Fetch-Site must be same-origin or none, or absent. Type or paste the address into the browser: a link on another page does not open the inspector.',
      );
}

function forbidden(text: string): Refusal {
  return { status: 403, text };
}

/** The address that the browser has connected to: an IP address, which no name can be made to point elsewhere. */
function ownHost({ socket }: IncomingMessage): string {
  const { localAddress = '', localPort = 0 } = socket;
  return hostText(plainAddress(localAddress), localPort);
}

/** An IPv4 address without the prefix that it has on a socket for IPv6. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, '');
}

/** As browsers write it: without the port that http has by default. */
function hostText(host: string, port: number): string {
  const text = formatAddress({ host: host.toLowerCase(), port });
  return port === 80 ? text.replace(/:80$/, '') : text;
}

/** The same, and in the normal form that a browser gives it: `[::ffff:7f00:1]` for `::ffff:127.0.0.1`. */
function hostTexts(host: string, port: number): readonly string[] {
  const text = hostText(host, port);
  const url = `http://${text}`;
  // An address with a zone, such as `fe80::1%eth0`, is in no URL.
  return URL.canParse(url) ? [text, new URL(url).host] : [text];
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
