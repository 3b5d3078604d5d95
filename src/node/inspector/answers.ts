/** The answers of the inspector and the headers that all of them have. */
import type { ServerResponse } from 'node:http';
import type { Refusal } from './access.js';

/** On every answer: the page may load from the inspector alone, and no other page may use it or keep it. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

const PLAIN_TEXT = 'text/plain; charset=utf-8';

/** Begins an answer whose body follows. */
export function begin(
  response: ServerResponse,
  type: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(200, { ...SAFE_HEADERS, 'Content-Type': type, ...headers });
}

/** Answers with a text. */
export function answer(response: ServerResponse, type: string, text: string): void {
  const body = Buffer.from(text);
  begin(response, type, { 'Content-Length': String(body.length) });
  response.end(body);
}

/** Sends the browser to another address. */
export function redirect(response: ServerResponse, to: string, cookie: string): void {
  response.writeHead(303, {
    ...SAFE_HEADERS,
    ...{ Location: to, 'Set-Cookie': cookie, 'Content-Length': '0' },
  });
  response.end();
}

/** Refuses a request. The connection is closed: what follows on it is not read. */
export function refuse(response: ServerResponse, { status, text, headers }: Refusal): void {
  const body = Buffer.from(`${text}\n`);
  response.writeHead(status, {
    ...SAFE_HEADERS,
    ...{ 'Content-Type': PLAIN_TEXT, 'Content-Length': String(body.length) },
    ...{ Connection: 'close', ...headers },
  });
  response.end(body);
}

/** The same for octets that are no request, for which there is no response object. */
export function rawRefusal(
  status: string,
  { text, headers = {} }: Omit<Refusal, 'status'>,
): string {
  const body = `${text}\n`;
  const fields = {
    ...SAFE_HEADERS,
    ...{ 'Content-Type': PLAIN_TEXT, 'Content-Length': String(Buffer.byteLength(body)) },
    ...{ Connection: 'close', ...headers },
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status}`, ...lines, '', body].join('\r\n');
}
