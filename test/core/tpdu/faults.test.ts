import { describe, expect, it } from 'vitest';
import { type DecodeOptions, decode, FAULTS, type Fault } from '../../../src/core/tpdu/index.js';
import { faultOf } from '../../support/fault.js';
import { hex, many } from './support.js';

interface Case {
  readonly title: string;
  readonly octets: string;
  readonly fault: Fault;
  readonly octet: number;
  readonly context?: DecodeOptions;
}

interface ToleratedCase extends Case {
  /** Name of the diagnostic where it is not that of the fault. */
  readonly as?: string;
}

const LONG_SELECTOR = `c1 78 ${'31'.repeat(120)}`;
const CLASS_0: DecodeOptions = { class: 0 };
const CLASS_2: DecodeOptions = { class: 2 };
const CLASS_4: DecodeOptions = { class: 4 };
const EXPEDITED: DecodeOptions = { class: 0, expedited: true };

/** What neither reading takes. */
const REFUSED: readonly Case[] = [
  {
    title: 'additional options of no octets in a CC of class 2',
    octets: '08 d0 0001 0002 21 c6 00',
    fault: 'param-length',
    octet: 9,
  },
  {
    title: 'a size code below 7 in a CC',
    octets: '09 d0 0001 0002 00 c0 01 06',
    fault: 'param-value',
    octet: 10,
  },
  { title: 'no octets', octets: '', fault: 'tpdu-too-short', octet: 1 },
  { title: 'LI alone', octets: '02', fault: 'tpdu-too-short', octet: 1 },
  //= X.224 13.2.1 para 1 test
  { title: 'LI 255', octets: `ff e0 ${'00'.repeat(254)}`, fault: 'li-reserved', octet: 1 },
  { title: 'LI past the end', octets: '09 e0 0000 0005 00', fault: 'li-exceeds', octet: 1 },
  //= X.224 13.2.1 para 2 test
  { title: 'LI equal to the length', octets: '07 e0 0000 0005 00', fault: 'li-exceeds', octet: 1 },
  { title: 'LI 0', octets: '00 f0 80', fault: 'li-too-small', octet: 1 },
  { title: 'LI 1 and nothing more', octets: '01 f0', fault: 'li-too-small', octet: 1 },
  { title: 'LI 1', octets: '01 f0 80', fault: 'li-too-small', octet: 1 },
  //= X.224 13.2.2.1 test
  { title: 'CR without a class', octets: '05 e0 0000 0005 00', fault: 'li-too-small', octet: 1 },
  { title: 'DC without SRC-REF', octets: '03 c0 0005 0006', fault: 'li-too-small', octet: 1 },
  { title: 'ER without a cause', octets: '03 70 0005 00', fault: 'li-too-small', octet: 1 },
  { title: 'AK in half', octets: '02 60 00', fault: 'li-too-small', octet: 1 },
  { title: 'an extended DT in half', octets: '05 f0 0007 00 00', fault: 'li-too-small', octet: 1 },
  {
    title: 'DT of class 2 in the short form',
    octets: '02 f0 80 61',
    fault: 'li-too-small',
    octet: 1,
    context: CLASS_2,
  },
  //= X.224 13.7.1 a test
  {
    title: 'DT of class 0 in the normal form',
    octets: '04 f0 0007 80 01',
    fault: 'header-form',
    octet: 1,
    context: CLASS_0,
  },
  {
    title: 'DT of class 0 with a variable part',
    octets: '03 f0 80 01',
    fault: 'header-form',
    octet: 1,
    context: CLASS_0,
  },
  {
    title: 'ED of X.224 in class 0',
    octets: '04 10 0007 80 41',
    fault: 'header-form',
    octet: 1,
    context: EXPEDITED,
  },
  //= X.224 13.11 test
  {
    title: 'RJ with a variable part',
    octets: '06 5f 0007 05 dd 00',
    fault: 'header-form',
    octet: 1,
    context: { class: 1 },
  },
  //= X.224 13.1 Table 8 test
  //= X.224 13.2.2.2 test
  { title: 'code 0', octets: '02 00 80 01', fault: 'tpdu-code', octet: 2 },
  { title: 'code 0x30', octets: '02 30 80 01', fault: 'tpdu-code', octet: 2 },
  { title: 'UD of the connectionless protocol', octets: '02 40 00', fault: 'tpdu-code', octet: 2 },
  { title: 'code 0x9f', octets: '02 9f 80', fault: 'tpdu-code', octet: 2 },
  { title: 'code 0xa5', octets: '02 a5 80', fault: 'tpdu-code', octet: 2 },
  { title: 'code 0xb0', octets: '02 b0 80', fault: 'tpdu-code', octet: 2 },
  //= X.224 13.1 Table 8 test
  //= X.224 13.6 test
  //= X.224 13.9 test
  //= X.224 13.10 test
  //= X.224 13.11 test
  ...['DC 05 c0 0005 0006', 'AK 04 63 0007 05', 'EA 04 20 0007 00', 'RJ 04 5f 0007 05'].map(
    (text): Case => ({
      title: `${text.slice(0, 2)} in class 0`,
      octets: text.slice(3),
      fault: 'tpdu-not-in-class',
      octet: 2,
      context: CLASS_0,
    }),
  ),
  //= X.224 13.11 test
  {
    title: 'RJ in class 2',
    octets: '04 5f 0007 05',
    fault: 'tpdu-not-in-class',
    octet: 2,
    context: CLASS_2,
  },
  //= X.224 6.5.4 q test
  //= X.224 13.8 test
  {
    title: 'ED in class 0 that was not negotiated',
    octets: '02 10 80 41',
    fault: 'tpdu-not-in-class',
    octet: 2,
    context: CLASS_0,
  },
  {
    title: 'octets after a DC',
    octets: '05 c0 0005 0006 00',
    fault: 'trailing-octets',
    octet: 7,
    context: CLASS_2,
  },
  //= X.224 6.9.1.4.1 a decodable test
  { title: 'octets after an ER', octets: '04 70 0005 00 41', fault: 'trailing-octets', octet: 6 },
  { title: 'octets after an AK', octets: '04 60 0007 00 41', fault: 'trailing-octets', octet: 6 },
  { title: 'octets after an RJ', octets: '04 50 0007 00 41', fault: 'trailing-octets', octet: 6 },
  { title: 'octets after an EA', octets: '04 20 0007 00 41', fault: 'trailing-octets', octet: 6 },
  //= X.224 6.5.4 a 2 test
  {
    title: 'CR of class 2 without SRC-REF',
    octets: '06 e0 0000 0000 21',
    fault: 'ref-zero',
    octet: 6,
  },
  //= X.224 13.3.3 e test
  { title: 'class 5', octets: '06 e0 0000 0005 50', fault: 'class-invalid', octet: 7 },
  { title: 'class 15 in a CC', octets: '06 d0 0001 0002 f0', fault: 'class-invalid', octet: 7 },
  //= X.224 13.2.3 invalid value test
  //= X.224 13.3.4 h test
  {
    title: 'alternative class 5',
    octets: '0a e0 0000 0005 21 c7 02 00 50',
    fault: 'class-invalid',
    octet: 11,
  },
  {
    title: 'no alternative class',
    octets: '08 e0 0000 0005 21 c7 00',
    fault: 'param-length',
    octet: 9,
  },
  //= X.224 13.2.3 form test
  {
    title: 'a selector that runs past the header',
    octets: '0a e0 0000 0005 00 c1 05 0102',
    fault: 'param-truncated',
    octet: 9,
  },
  {
    title: 'a parameter with a code below 0x80 that runs past the header',
    octets: '0a e0 0000 0005 00 41 05 0102',
    fault: 'param-truncated',
    octet: 9,
  },
  {
    title: 'a parameter that runs into the user data',
    octets: '09 e0 0000 0005 00 c1 02 01 02',
    fault: 'param-truncated',
    octet: 9,
  },
  {
    title: 'a parameter code without a length',
    octets: '07 e0 0000 0005 00 c1',
    fault: 'param-truncated',
    octet: 8,
  },
  {
    title: 'the cookie of a remote desktop client without its end',
    octets: '18 e0 0000 0001 00 436f6f6b69653a206d737473686173683d75',
    fault: 'remote-desktop',
    octet: 8,
  },
  //= X.224 13.2.3 invalid value test
  //= X.224 13.3.4 b test
  {
    title: 'CC with size code 5',
    octets: '09 d0 0001 0002 00 c0 01 05',
    fault: 'param-value',
    octet: 10,
  },
  //= X.224 13.3.4 c test
  {
    title: 'CC with preferred size 0',
    octets: '09 d0 0001 0002 00 f0 01 00',
    fault: 'param-value',
    octet: 10,
  },
  {
    title: '35 octets of user data in a CC',
    octets: `06 d0 0001 0002 21 ${'41'.repeat(35)}`,
    fault: 'user-data-too-long',
    octet: 40,
  },
  //= X.224 13.5.5 test
  {
    title: '65 octets of user data in a DR',
    octets: `06 80 0005 0006 80 ${'41'.repeat(65)}`,
    fault: 'user-data-too-long',
    octet: 72,
    context: CLASS_2,
  },
  //= X.224 6.11.1.4 para 4 test
  {
    title: 'ED of no octets',
    octets: '04 10 0007 80',
    fault: 'ed-length',
    octet: 5,
    context: CLASS_2,
  },
  {
    title: 'ED of no octets in class 0',
    octets: '02 10 80',
    fault: 'ed-length',
    octet: 3,
    context: EXPEDITED,
  },
  //= X.224 13.8.5 test
  {
    title: 'ED of 17 octets',
    octets: `04 10 0007 80 ${'41'.repeat(17)}`,
    fault: 'ed-length',
    octet: 22,
    context: CLASS_2,
  },
  {
    title: 'a wrong checksum',
    octets: '08 f0 0007 83 c3 02 2d4f 6461f4',
    fault: 'checksum',
    octet: 9,
    context: { class: 4, verifyChecksum: true },
  },
  {
    title: '33 octets of user data in a CR of class 2',
    octets: `06 e0 0000 0005 21 ${'41'.repeat(33)}`,
    fault: 'user-data-too-long',
    octet: 40,
  },
];

/** What a tolerant reading lets pass and a strict one refuses. */
const TOLERATED: readonly ToleratedCase[] = [
  //= X.224 13.3.3 c test
  { title: 'CR with a DST-REF', octets: '06 e0 0001 0005 00', fault: 'dst-ref-nonzero', octet: 4 },
  //= X.224 13.2.3 invalid value test
  //= X.224 13.3.4 g test
  {
    title: 'additional options of two octets in a CR of class 2',
    octets: '0a e0 0000 0005 21 c6 02 0101',
    fault: 'param-length',
    octet: 9,
  },
  //= X.224 6.5.4 d test
  //= X.224 13.3.5 test
  {
    title: '33 octets of user data in a CR of class 0',
    octets: `06 e0 0000 0005 00 ${'41'.repeat(33)}`,
    fault: 'user-data-too-long',
    octet: 40,
  },
  //= X.224 8.2.2 2 test
  //= X.224 13.4.5 test
  {
    title: '33 octets of user data in a CC of class 0',
    octets: `06 d0 0001 0002 00 ${'41'.repeat(33)}`,
    fault: 'user-data-too-long',
    octet: 40,
  },
  {
    title: '65 octets of user data in a DR that answers a CR',
    octets: `06 80 0005 0000 03 ${'41'.repeat(65)}`,
    fault: 'user-data-too-long',
    octet: 72,
  },
  {
    title: 'the cookie of a remote desktop client',
    octets: '1a e0 0000 0001 00 436f6f6b69653a206d737473686173683d750d0a',
    fault: 'remote-desktop',
    octet: 8,
  },
  {
    title: 'a size code below 7 in a CR',
    octets: '09 e0 0000 0005 00 c0 01 06',
    fault: 'param-value',
    octet: 10,
  },
  //= X.224 6.5.4 a 2 test
  {
    title: 'a CR of class 0 without SRC-REF',
    octets: '06 e0 0000 0000 00',
    fault: 'ref-zero',
    octet: 6,
  },
  {
    title: 'a CC of class 0 without SRC-REF',
    octets: '06 d0 0001 0000 00',
    fault: 'ref-zero',
    octet: 6,
  },
  //= X.224 13.3.3 b test
  { title: 'credit in class 0', octets: '06 e3 0000 0005 00', fault: 'cdt-nonzero', octet: 2 },
  { title: 'credit in class 1', octets: '06 d3 0001 0005 10', fault: 'cdt-nonzero', octet: 2 },
  //= X.224 13.3.3 options test
  { title: 'options in class 0', octets: '06 e0 0000 0005 03', fault: 'option-bits', octet: 7 },
  {
    title: 'options 3 and 4 in class 2',
    octets: '06 e0 0000 0005 2d',
    fault: 'option-bits',
    octet: 7,
  },
  //= X.224 13.3 test
  {
    title: 'a CR of 129 octets',
    octets: `80 e0 0000 0005 00 ${LONG_SELECTOR}`,
    fault: 'cr-too-long',
    octet: 129,
  },
  //= X.224 13.3.4 b test
  {
    title: 'size 8192 in class 0',
    octets: '09 e0 0000 0005 00 c0 01 0d',
    fault: 'param-value',
    octet: 10,
    as: '',
  },
  {
    title: 'size 65531 in class 0',
    octets: '09 d0 0001 0005 00 c0 01 10',
    fault: 'param-value',
    octet: 10,
    as: '',
  },
  {
    title: 'size 16384 in class 2',
    octets: '09 e0 0000 0005 21 c0 01 0e',
    fault: 'param-value',
    octet: 10,
    as: '',
  },
  {
    title: 'size code 6 in a CR',
    octets: '09 e0 0000 0005 00 c0 01 06',
    fault: 'param-value',
    octet: 10,
  },
  {
    title: 'size code 255 in a CR',
    octets: '09 e0 0000 0005 00 c0 01 ff',
    fault: 'param-value',
    octet: 10,
  },
  {
    title: 'a size of two octets in a CR',
    octets: '0a e0 0000 0005 00 c0 02 0007',
    fault: 'param-length',
    octet: 9,
  },
  {
    title: 'preferred size 0 in a CR',
    octets: '09 e0 0000 0005 00 f0 01 00',
    fault: 'param-value',
    octet: 10,
  },
  {
    title: 'a preferred size of no octets',
    octets: '08 e0 0000 0005 00 f0 00',
    fault: 'param-length',
    octet: 9,
  },
  {
    title: 'a preferred size of five octets',
    octets: '0d e0 0000 0005 00 f0 05 0000000010',
    fault: 'param-length',
    octet: 9,
  },
  //= X.224 13.3.4 d test
  { title: 'version 2', octets: '09 e0 0000 0005 21 c4 01 02', fault: 'param-value', octet: 10 },
  {
    title: 'a throughput of 13 octets',
    octets: `15 e0 0000 0005 21 89 0d ${'00'.repeat(13)}`,
    fault: 'param-length',
    octet: 9,
  },
  {
    title: 'a checksum of one octet',
    octets: '09 e0 0000 0005 41 c3 01 00',
    fault: 'param-length',
    octet: 9,
  },
  {
    title: 'option bits in an alternative class',
    octets: '0a e0 0000 0005 41 c7 02 00 21',
    fault: 'param-value',
    octet: 11,
    as: 'alt-option-bits',
  },
  {
    title: 'an alternative to class 0',
    octets: '09 e0 0000 0005 00 c7 01 00',
    fault: 'param-value',
    octet: 10,
    as: 'alt-with-class0',
  },
  {
    title: 'an ER parameter code in a CR',
    octets: '08 e0 0000 0005 00 e0 00',
    fault: 'param-not-allowed',
    octet: 8,
  },
  //= X.224 13.2.3 unknown test
  {
    title: 'an unknown parameter in a CC',
    octets: '09 d0 0001 0002 00 dd 01 00',
    fault: 'param-unknown',
    octet: 8,
  },
  {
    title: 'alternative classes in a CC',
    octets: '09 d0 0001 0002 21 c7 01 00',
    fault: 'param-not-allowed',
    octet: 8,
  },
  //= X.224 8.2.2 1 test
  //= X.224 13.4.4 test
  {
    title: 'a priority in a CC of class 0',
    octets: '0a d0 0001 0002 00 87 02 0000',
    fault: 'param-not-allowed',
    octet: 8,
  },
  //= X.224 6.5.4 k para 2 test
  {
    title: 'both sizes in a CC',
    octets: '0c d0 0001 0002 00 c0 01 0a f0 01 10',
    fault: 'cc-both-sizes',
    octet: 13,
  },
  {
    title: 'a size in a DR',
    octets: '09 80 0005 0006 80 c0 01 0a',
    fault: 'param-not-allowed',
    octet: 8,
  },
  //= X.224 13.2.3 unknown test
  {
    title: 'an unknown parameter in an ER',
    octets: '06 70 0005 00 dd 00',
    fault: 'param-unknown',
    octet: 6,
  },
  {
    title: 'an unknown parameter in a DT of class 4',
    octets: '06 f0 0007 80 dd 00 61',
    fault: 'param-unknown',
    octet: 6,
    context: CLASS_4,
  },
  //= X.224 6.17.3 para 1 test
  {
    title: 'a checksum in a DT of class 2',
    octets: '08 f0 0007 80 c3 02 0000 61',
    fault: 'param-not-allowed',
    octet: 6,
    context: CLASS_2,
  },
  //= X.224 13.5.3 d test
  {
    title: 'a reason that X.224 does not use',
    octets: '06 80 0005 0006 86',
    fault: 'reason-value',
    octet: 7,
  },
  {
    title: 'a reason that X.224 does not know',
    octets: '06 80 0005 0006 c8',
    fault: 'reason-value',
    octet: 7,
  },
  //= X.224 13.12.3 test
  { title: 'a reject cause above 3', octets: '04 70 0005 04', fault: 'cause-value', octet: 5 },
  //= X.224 13.5.5 test
  {
    title: 'user data in a DR of class 0',
    octets: '06 80 0005 0000 00 41',
    fault: 'user-data-forbidden',
    octet: 8,
    context: CLASS_0,
    as: 'dr-data-class0',
  },
  //= X.224 13.2.2.2 test
  //= X.224 13.5.3 a to c test
  { title: 'DR with code 0x81', octets: '06 81 0005 0006 80', fault: 'code-nibble', octet: 2 },
  { title: 'ER with code 0x7f', octets: '04 7f 0005 00', fault: 'code-nibble', octet: 2 },
  //= X.224 13.7.3 a and b test
  //= RFC 1006 6 ignored bits test
  //= RFC 2126 6.5 test
  {
    title: 'DT with code 0xf6',
    octets: '02 f6 80 01',
    fault: 'code-nibble',
    octet: 2,
    context: CLASS_0,
  },
  {
    title: 'ROA in class 0',
    octets: '02 f1 80 01',
    fault: 'code-nibble',
    octet: 2,
    context: CLASS_0,
  },
  //= X.224 13.7.3 a and b test
  {
    title: 'ROA in class 2',
    octets: '04 f1 0007 80 01',
    fault: 'code-nibble',
    octet: 2,
    context: CLASS_2,
  },
  {
    title: 'credit in octet 2 of an extended AK',
    octets: '09 63 0007 00000105 0010',
    fault: 'code-nibble',
    octet: 2,
  },
  //= X.224 6.10.1 test
  //= X.224 13.7.3 e test
  //= RFC 1006 6 ignored bits test
  //= RFC 2126 6.5 test
  {
    title: 'TPDU-NR in class 0',
    octets: '02 f0 85 01',
    fault: 'tpdu-nr',
    octet: 3,
    context: CLASS_0,
  },
  {
    title: 'ED-TPDU-NR in class 0',
    octets: '02 10 81 01',
    fault: 'tpdu-nr',
    octet: 3,
    context: EXPEDITED,
  },
  //= X.224 6.3.3 para 2 test
  { title: 'an empty DT that is not the last', octets: '02 f0 00', fault: 'empty-dt', octet: 3 },
  {
    title: 'an empty DT of class 2 that is not the last',
    octets: '04 f0 0007 00',
    fault: 'empty-dt',
    octet: 5,
    context: CLASS_2,
  },
  //= X.224 13.8.3 test
  {
    title: 'ED of class 0 without EOT',
    octets: '02 10 00 41',
    fault: 'ed-eot',
    octet: 3,
    context: EXPEDITED,
  },
  {
    title: 'ED of class 2 without EOT',
    octets: '04 10 0007 03 41',
    fault: 'ed-eot',
    octet: 5,
    context: CLASS_2,
  },
  //= X.224 13.10.3 test
  { title: 'bit 8 of YR-EDTU-NR', octets: '04 20 0007 83', fault: 'yr-bit8', octet: 5 },
  {
    title: 'bit 8 of a long YR-TU-NR',
    octets: '09 50 0007 80000001 0003',
    fault: 'yr-bit8',
    octet: 5,
  },
  //= X.224 13.7.5 test
  {
    title: 'DT of 130 octets where 128 were negotiated',
    octets: `02 f0 80 ${'00'.repeat(127)}`,
    fault: 'tpdu-too-long',
    octet: 129,
    context: { class: 0, maxTpduSize: 128 },
  },
];

/** Faults that no single TPDU shows: of the TPKT, of a sequence, of a state, of a negotiation. */
const FOUND_ELSEWHERE: readonly Fault[] = [
  'tpkt-version',
  'tpkt-length',
  'empty-tsdu',
  'tpdu-not-expected',
  'class-combination',
  'cc-ref-mismatch',
  'cc-class',
  'cc-options',
  'cc-size',
  'cc-selector',
  'proxy-missing',
  'proxy-not-listed',
  'proxy-invalid',
  'proxy-too-long',
  'proxy-checksum',
];

describe.each([false, true])('strict: %s, a reading refuses', (strict) => {
  it.each(REFUSED)('$title', ({ octets, fault, octet, context }) => {
    const error = faultOf(() => decode(hex(octets), { ...context, strict }));
    expect(error).toMatchObject({ fault, octet, rejectCause: FAULTS[fault].rejectCause });
  });
});

describe('a strict reading refuses, a tolerant one notes', () => {
  it.each(TOLERATED)('$title', ({ octets, fault, octet, context, as = fault }) => {
    const error = faultOf(() => decode(hex(octets), { ...context, strict: true }));
    expect(error).toMatchObject({ fault, octet, rejectCause: FAULTS[fault].rejectCause });
    const { diagnostics } = decode(hex(octets), context);
    expect(diagnostics).toEqual(as === '' ? [] : [{ code: as, octet }]);
  });
});

describe('both readings take', () => {
  it.each([
    //= X.224 13.2.3 unknown test
    ['an unknown parameter in a CR, noting it', '08 e0 0000 0005 00 dd 00', ['param-unknown']],
    [
      'a parameter code below 0x40 in a CR, noting it',
      '09 e0 0000 0005 00 08 01 55',
      ['param-unknown'],
    ],
    //= X.224 13.2.3 other class test
    //= X.224 8.2.2 1 test
    ['parameters of class 4 in a CR of class 0', '0d e0 0000 0005 00 c3 02 1234 c4 01 01', []],
    //= X.224 13.2.3 nil selector test
    ['an empty responding selector in a CC', '08 d0 0001 0002 00 c2 00', []],
    //= X.224 13.3.4 g test
    ['bit 8 of the additional options, noting it', '09 e0 0000 0005 21 c6 01 81', ['option-bit8']],
    ['credit in class 2', '06 e7 0000 0005 21', []],
    ['every defined bit of the additional options', '09 e0 0000 0005 21 c6 01 7f', []],
    //= X.224 6.5.4 d test
    //= X.224 13.3.5 test
    //= RFC 2126 4.1.1 connect data test
    ['user data in a CR of class 0', '06 e0 0000 0005 00 cafe', []],
    //= X.224 13.3 test
    ['a CR of 128 octets', `7f e0 0000 0005 00 c1 77 ${'31'.repeat(119)}`, []],
    ['a DR without references', '06 80 0000 0000 00', []],
    ['any number in a DT whose class is not known', '02 f1 ff 01', []],
  ])('%s', (_title, octets, codes) => {
    for (const strict of [false, true]) {
      const { diagnostics } = decode(hex(octets), { strict });
      expect(diagnostics.map(({ code }) => code)).toEqual(codes);
    }
  });
});

//= X.224 13.3.4 g test
it.each([false, true])(
  'bit 8 of the additional options is noted at its octet, strict: %s',
  (strict) => {
    const { diagnostics } = decode(hex('09 e0 0000 0005 21 c6 01 81'), { strict });
    expect(diagnostics).toEqual([{ code: 'option-bit8', octet: 10 }]);
  },
);

describe('a checksum that is wrong', () => {
  const octets = hex('08 f0 0007 83 c3 02 2d4f 6461f4');

  it.each([undefined, false])('is not looked at with verifyChecksum %s', (verifyChecksum) => {
    const options = { class: 4, ...(verifyChecksum === false && { verifyChecksum }) } as const;
    expect(decode(octets, options)).toMatchObject({ parameters: { checksum: 0x2d4f } });
  });

  it('is none where the TPDU has no checksum', () => {
    const options: DecodeOptions = { class: 4, verifyChecksum: true };
    expect(decode(hex('04 f0 0007 83 6461f4'), options).type).toBe('DT');
    expect(decode(hex('04 51 0007 05'), { class: 3, verifyChecksum: true }).type).toBe('RJ');
  });
});

describe('the size in force', () => {
  it.each([
    ['a DT of as many octets', `02 f0 80 ${'00'.repeat(125)}`],
    ['a CR of more', `80 e0 0000 0005 00 ${LONG_SELECTOR}`],
  ])('is kept by %s', (_title, octets) => {
    const { diagnostics } = decode(hex(octets), { maxTpduSize: 128 });
    expect(diagnostics.map(({ code }) => code)).not.toContain('tpdu-too-long');
  });
});

describe('a parameter that a tolerant reading gives up', () => {
  it('is left out by name and kept as it came', () => {
    const tpdu = decode(hex('09 e0 0000 0005 00 c0 01 11'));
    expect(tpdu).toMatchObject({
      parameters: {},
      unknownParameters: [],
      rawParameters: [{ code: 0xc0, value: hex('11') }],
    });
  });

  /** Every parameter of CR and CC whose length X.224 fixes, and lengths that are not its own. */
  const LENGTHS: readonly (readonly [code: number, ...lengths: number[]])[] = [
    [0x85, 0, 1, 3],
    [0x86, 0, 2, 4],
    [0x87, 0, 1, 3],
    [0x88, 0, 3, 9],
    [0x89, 0, 11, 25],
    [0x8b, 0, 1, 3],
    [0xc0, 0, 2, 4],
    [0xc3, 0, 1, 3],
    [0xc4, 0, 2],
    [0xc6, 0, 2, 3],
    [0xc7, 0],
    [0xf0, 0, 5],
    [0xf2, 0, 1, 5],
  ];
  const cases = LENGTHS.flatMap(([code, ...lengths]) =>
    lengths.map((length) => ({ code, length })),
  );

  //= X.224 13.2.3 invalid value test
  it.each(cases)('is $code in a CR with $length octets of value', ({ code, length }) => {
    const octets = Uint8Array.of(8 + length, 0xe0, 0, 0, 0, 5, 0, code, length, ...many(length, 1));
    expect(decode(octets)).toMatchObject({
      parameters: {},
      rawParameters: [{ code, value: many(length, 1) }],
      diagnostics: [{ code: 'param-length', octet: 9 }],
    });
    expect(faultOf(() => decode(octets, { strict: true }))).toMatchObject({
      fault: 'param-length',
    });
  });

  it.each([0xc0, 0xc6, 0xf0])('is %i in a CC of class 0 with no octets of value', (code) => {
    const octets = Uint8Array.of(8, 0xd0, 0, 1, 0, 5, 0, code, 0);
    expect(decode(octets)).toMatchObject({
      parameters: {},
      rawParameters: [{ code, value: hex('') }],
      diagnostics: [{ code: 'param-length', octet: 9 }],
    });
    expect(faultOf(() => decode(octets, { strict: true }))).toMatchObject({
      fault: 'param-length',
    });
  });

  it.each([
    ['06', 64],
    ['00', 1],
  ])('is not a size code below 7 in a CR: code %s is %i octets', (code, tpduSize) => {
    expect(decode(hex(`09 e0 0000 0005 00 c0 01 ${code}`))).toMatchObject({
      parameters: { tpduSize },
    });
  });

  it('is a list of alternative classes with one that does not exist, beside class 0', () => {
    expect(decode(hex('09 e0 0000 0005 00 c7 01 90'))).toMatchObject({
      parameters: {},
      diagnostics: [{ code: 'alt-with-class0' }, { code: 'class-invalid', octet: 10 }],
    });
  });

  it('leaves an earlier one of the same code in force', () => {
    expect(decode(hex('0c e0 0000 0005 00 c0 01 07 c0 01 11'))).toMatchObject({
      parameters: { tpduSize: 128 },
    });
  });
});

describe('the table of faults', () => {
  it('has a case here for each that decoding can find', () => {
    const cases = new Set<string>([...REFUSED, ...TOLERATED].map(({ fault }) => fault));
    const missing = Object.keys(FAULTS).filter((fault) => !cases.has(fault));
    expect(missing.sort()).toEqual([...FOUND_ELSEWHERE].sort());
  });
});

describe('a ProtocolError', () => {
  it('says what is wrong, where and in what', () => {
    const error = faultOf(() => decode(hex('09 e0 0000 0005 00')));
    expect(error.message).toBe(
      'LI is larger than the number of octets after it (LI 9 in 7 octets): li-exceeds at octet 1, ' +
        'in 09 e0 00 00 00 05 00',
    );
    expect(error).toMatchObject({ code: 'ERR_COTP_PROTOCOL', octets: hex('09 e0 0000 0005 00') });
  });

  it.each<[string, string, DecodeOptions?]>([
    ['00 f0 80', '(LI 0)'],
    ['05 e0 0000 0005 00', '(5, at least 6)'],
    ['04 f0 0007 80 01', '(LI 4, expected 2)', CLASS_0],
    ['04 5f 0007 05', '(RJ in class 2)', CLASS_2],
    ['06 e0 0000 0005 50', '(class 5)'],
    ['07 e0 0000 0005 00 c1', '(no length octet)'],
    ['0a e0 0000 0005 00 c1 05 0102', '(5 octets)'],
    ['08 d0 0001 0002 21 c6 00', '(additionalOptions)'],
    ['09 d0 0001 0002 00 c0 01 05', '(tpduSize)'],
    [`06 d0 0001 0002 21 ${'41'.repeat(35)}`, '(35 octets, at most 32)'],
    ['04 10 0007 80', '(no octets)', CLASS_2],
  ])('shows what was received beside what was expected: %s %s', (octets, detail, context) => {
    const { message } = faultOf(() => decode(hex(octets), context));
    expect(message).toContain(` ${detail}`);
  });

  it('says what is broken in the cookie of a remote desktop client', () => {
    const octets = hex('0f e0 0000 0001 00 436f6f6b69653a2061');
    expect(faultOf(() => decode(octets)).message).toContain(
      '(its text or what follows it is broken)',
    );
  });

  it.each([
    [
      '08 02 00 00 00 00 00 00 00',
      'this looks like H.323 call signalling (Q.931 in TPKT); is it the right port?',
    ],
    ['08 03 00 00 00 00 00 00 00', undefined],
    ['07 02 00 00 00 00 00 00 00', undefined],
  ])('of an unknown code has a hint where it looks like Q.931: %s', (octets, hint) => {
    expect(faultOf(() => decode(hex(octets))).hint).toBe(hint);
  });

  it('keeps no more than 64 octets', () => {
    const octets = many(10_000, 0x02);
    expect(faultOf(() => decode(octets)).octets).toHaveLength(64);
  });
});
