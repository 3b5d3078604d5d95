/** One table of TPDUs and their octets: every TPDU in every form and with every parameter. */
import type { DecodeOptions, TpduInit } from '../../../src/core/tpdu/index.js';
import { hex, many } from './support.js';

/** A TPDU with all its fields, its octets, and the context in which it is read. */
export interface Sample {
  readonly title: string;
  readonly tpdu: TpduInit;
  readonly octets: string;
  readonly context?: DecodeOptions;
  /** True if X.224 does not define it, and only deployed stacks send it. */
  readonly isDeviation?: true;
}

const CR = { type: 'CR', cdt: 0, dstRef: 0, srcRef: 5, class: 0, options: 0 } as const;
const CC = { type: 'CC', cdt: 0, dstRef: 1, srcRef: 2, class: 0, options: 0 } as const;
const AK = { type: 'AK', form: 'normal', cdt: 3, dstRef: 7, yrTuNr: 5 } as const;
const NOTHING = hex('');

export const SAMPLES: readonly Sample[] = [
  {
    title: 'CR with nothing but the fixed part',
    tpdu: { ...CR, userData: NOTHING },
    octets: '06 e0 0000 0005 00',
  },
  //= X.224 13.3.4 a test
  //= X.224 13.3.4 b test
  //= X.224 13.3.3 d test
  {
    title: 'CR of an S7 client: selectors and size',
    tpdu: {
      ...CR,
      parameters: { callingTsel: hex('0100'), calledTsel: hex('0102'), tpduSize: 1024 },
      userData: NOTHING,
    },
    octets: '11 e0 0000 0005 00 c1 02 0100 c2 02 0102 c0 01 0a',
  },
  {
    title: 'CR with empty selectors and user data',
    tpdu: {
      ...CR,
      parameters: { callingTsel: NOTHING, calledTsel: NOTHING },
      userData: hex('cafe'),
    },
    octets: '0a e0 0000 0005 00 c1 00 c2 00 cafe',
  },
  //= X.224 13.3.4 c test
  {
    title: 'CR with a preferred maximum size beside the size',
    tpdu: {
      ...CR,
      parameters: { tpduSize: 2048, preferredMaxTpduSize: 65_408 },
      userData: NOTHING,
    },
    octets: '0d e0 0000 0005 00 c0 01 0b f0 02 01ff',
  },
  {
    title: 'CR with the largest size that a TPKT holds',
    tpdu: { ...CR, parameters: { tpduSize: 65_531 }, userData: NOTHING },
    octets: '09 e0 0000 0005 00 c0 01 10',
    isDeviation: true,
  },
  //= X.224 13.3.4 g test
  //= X.224 13.3.4 h test
  //= X.224 13.3.3 e test
  //= X.224 13.3.3 options test
  {
    title: 'CR of class 2 with alternative 0, expedited data and EA',
    tpdu: {
      ...CR,
      class: 2,
      options: 1,
      parameters: { additionalOptions: 0x21, alternativeClasses: [0] },
      userData: NOTHING,
    },
    octets: '0c e0 0000 0005 21 c6 01 21 c7 01 00',
  },
  //= X.224 13.3.4 d test
  //= X.224 13.3.4 e test
  //= X.224 13.3.4 f test
  //= X.224 13.3.4 i test
  //= X.224 13.3.4 j test
  //= X.224 13.3.4 k test
  //= X.224 13.3.4 l test
  //= X.224 13.3.4 m test
  //= X.224 13.3.4 n test
  //= X.224 13.3.4 o test
  {
    title: 'CR of class 4 with every parameter',
    tpdu: {
      ...CR,
      cdt: 9,
      class: 4,
      options: 3,
      parameters: {
        checksum: 0x02a2,
        tpduSize: 8192,
        version: 1,
        protection: hex('aabbcc'),
        additionalOptions: 0x12,
        alternativeClasses: [3, 2],
        ackTime: 100,
        residualErrorRate: { target: 6, minimumAcceptable: 4, tsduSize: 1 },
        priority: 5,
        transitDelay: [100, 300, 200, 400],
        throughput: [1000, 500, 2000, 1000],
        reassignmentTime: 30,
        inactivityTime: 30_000,
      },
      userData: NOTHING,
    },
    octets: `4b e9 0000 0005 43 c3 02 02a2 c0 01 0d c4 01 01 c5 03 aabbcc c6 01 12 c7 02 3020 85 02 0064
      86 03 060401 87 02 0005 88 08 0064012c00c80190 89 0c 0003e80001f40007d00003e8 8b 02 001e
      f2 04 00007530`,
  },
  //= X.224 13.3.4 j test
  {
    title: 'CR with the average throughput too',
    tpdu: {
      ...CR,
      class: 2,
      options: 1,
      parameters: { throughput: [1, 2, 3, 4, 5, 6, 7, 0xff_ffff] },
      userData: NOTHING,
    },
    octets: `20 e0 0000 0005 21 89 18 000001000002000003000004 000005000006000007ffffff`,
  },
  {
    title: 'CR with a parameter of another standard',
    tpdu: {
      ...CR,
      parameters: { tpduSize: 512 },
      unknownParameters: [{ code: 0xdd, value: hex('0102') }],
      userData: NOTHING,
    },
    octets: '0d e0 0000 0005 00 c0 01 09 dd 02 0102',
  },
  //= X.224 13.4.3 test
  {
    title: 'CC with nothing but the fixed part',
    tpdu: { ...CC, userData: NOTHING },
    octets: '06 d0 0001 0002 00',
  },
  //= X.224 13.4.4 test
  //= RFC 2126 4.1.1 connect data test
  {
    title: 'CC with the size by 0xF0 and user data',
    tpdu: { ...CC, parameters: { preferredMaxTpduSize: 4096 }, userData: many(32) },
    octets: `09 d0 0001 0002 00 f0 01 20 ${'41'.repeat(32)}`,
  },
  {
    title: 'CC of class 2 with credit',
    tpdu: { ...CC, cdt: 4, class: 2, parameters: { additionalOptions: 1 }, userData: NOTHING },
    octets: '09 d4 0001 0002 20 c6 01 01',
  },
  //= X.224 13.5.3 a to c test
  {
    title: 'DR that refuses a CR',
    tpdu: { type: 'DR', dstRef: 5, srcRef: 0, reason: 3, userData: NOTHING },
    octets: '06 80 0005 0000 03',
  },
  //= X.224 13.5.4 a test
  //= X.224 13.5.5 test
  {
    title: 'DR with additional information and user data',
    tpdu: {
      type: 'DR',
      dstRef: 5,
      srcRef: 6,
      reason: 128,
      parameters: { additionalInfo: hex('80') },
      userData: many(64),
    },
    octets: `09 80 0005 0006 80 e0 01 80 ${'41'.repeat(64)}`,
    context: { class: 2 },
  },
  //= X.224 13.6.3 test
  { title: 'DC', tpdu: { type: 'DC', dstRef: 5, srcRef: 6 }, octets: '05 c0 0005 0006' },
  {
    title: 'DC with a checksum',
    tpdu: { type: 'DC', dstRef: 5, srcRef: 6, parameters: { checksum: 0x2342 } },
    octets: '09 c0 0005 0006 c3 02 2342',
    context: { class: 4, verifyChecksum: true },
  },
  //= X.224 6.3.3 note 1 test
  //= X.224 13.7.1 a test
  //= X.224 13.7.3 d test
  {
    title: 'DT in the short form, more to come',
    tpdu: { type: 'DT', form: 'short', roa: false, eot: false, tpduNr: 0, userData: hex('01') },
    octets: '02 f0 00 01',
    context: { class: 0 },
  },
  {
    title: 'DT in the short form, empty and last',
    tpdu: { type: 'DT', form: 'short', roa: false, eot: true, tpduNr: 0, userData: NOTHING },
    octets: '02 f0 80',
    context: { class: 0 },
  },
  {
    title: 'DT of class 1 with a number and a request of acknowledgement',
    tpdu: { type: 'DT', form: 'short', roa: true, eot: true, tpduNr: 127, userData: hex('01') },
    octets: '02 f1 ff 01',
    context: { class: 1 },
  },
  //= X.224 13.7.1 b test
  //= X.224 13.7.3 d test
  {
    title: 'DT in the normal form',
    tpdu: {
      type: 'DT',
      form: 'normal',
      roa: false,
      dstRef: 7,
      eot: true,
      tpduNr: 90,
      userData: hex('6162'),
    },
    octets: '04 f0 0007 da 6162',
    context: { class: 2 },
  },
  //= X.224 13.7.4 test
  {
    title: 'DT of class 4 with the number of an ED and a checksum',
    tpdu: {
      type: 'DT',
      form: 'normal',
      roa: true,
      dstRef: 7,
      eot: false,
      tpduNr: 1,
      parameters: { checksum: 0x1234, edTpduNr: 9 },
      userData: hex('61'),
    },
    octets: '0c f1 0007 01 c3 02 1234 90 02 0009 61',
    context: { class: 4 },
  },
  //= X.224 13.7.1 c test
  {
    title: 'DT in the extended form with the long number of an ED',
    tpdu: {
      type: 'DT',
      form: 'extended',
      roa: false,
      dstRef: 7,
      eot: true,
      tpduNr: 0x7fff_ffff,
      parameters: { edTpduNr: 0xffff_ffff },
      userData: hex('61'),
    },
    octets: '0d f0 0007 ffffffff 90 04 ffffffff 61',
    context: { class: 4, extendedFormats: true },
  },
  //= RFC 1006 6 ED format test
  {
    title: 'ED in the form of RFC 1006',
    tpdu: { type: 'ED', form: 'short', eot: true, tpduNr: 0, userData: hex('ff') },
    octets: '02 10 80 ff',
    context: { class: 0, expedited: true },
  },
  //= X.224 13.8.1 test
  //= X.224 13.8.3 test
  {
    title: 'ED in the normal form',
    tpdu: { type: 'ED', form: 'normal', dstRef: 7, eot: true, tpduNr: 3, userData: many(16) },
    octets: `04 10 0007 83 ${'41'.repeat(16)}`,
    context: { class: 1 },
  },
  {
    title: 'ED of class 4 with a checksum',
    tpdu: {
      type: 'ED',
      form: 'normal',
      dstRef: 7,
      eot: true,
      tpduNr: 3,
      parameters: { checksum: 0x1234 },
      userData: hex('41'),
    },
    octets: '08 10 0007 83 c3 02 1234 41',
    context: { class: 4 },
  },
  //= X.224 13.8.1 test
  {
    title: 'ED in the extended form',
    tpdu: { type: 'ED', form: 'extended', dstRef: 7, eot: true, tpduNr: 4, userData: hex('41') },
    octets: '07 10 0007 80000004 41',
    context: { class: 3, extendedFormats: true },
  },
  //= X.224 13.9.3 test
  { title: 'AK in the normal form', tpdu: AK, octets: '04 63 0007 05', context: { class: 2 } },
  //= X.224 13.9.4 test
  {
    title: 'AK of class 4 with all its parameters',
    tpdu: {
      ...AK,
      parameters: {
        checksum: 0,
        subsequenceNumber: 2,
        flowControlConfirmation: { lowerWindowEdge: 258, subsequenceNumber: 3, credit: 4 },
        selectiveAcknowledgement: hex('0102'),
      },
    },
    octets: '1a 63 0007 05 c3 02 0000 8a 02 0002 8c 08 00000102 0003 0004 8f 02 0102',
    context: { class: 4 },
  },
  //= X.224 13.9.3 test
  {
    title: 'AK in the extended form',
    tpdu: { ...AK, form: 'extended', cdt: 0x1234, yrTuNr: 0x7fff_ffff },
    octets: '09 60 0007 7fffffff 1234',
    context: { class: 3, extendedFormats: true },
  },
  //= X.224 13.10.3 test
  {
    title: 'EA in the normal form',
    tpdu: { type: 'EA', form: 'normal', dstRef: 7, yrEdtuNr: 127 },
    octets: '04 20 0007 7f',
    context: { class: 2 },
  },
  {
    title: 'EA in the extended form with a checksum',
    tpdu: {
      type: 'EA',
      form: 'extended',
      dstRef: 7,
      yrEdtuNr: 4,
      parameters: { checksum: 0xfefe },
    },
    octets: '0b 20 0007 00000004 c3 02 fefe',
    context: { class: 4, extendedFormats: true },
  },
  //= X.224 13.11 test
  {
    title: 'RJ in the normal form',
    tpdu: { type: 'RJ', form: 'normal', cdt: 15, dstRef: 7, yrTuNr: 5 },
    octets: '04 5f 0007 05',
    context: { class: 1 },
  },
  //= X.224 13.11 test
  {
    title: 'RJ in the extended form',
    tpdu: { type: 'RJ', form: 'extended', cdt: 3, dstRef: 7, yrTuNr: 5 },
    octets: '09 50 0007 00000005 0003',
    context: { class: 3, extendedFormats: true },
  },
  //= X.224 13.12.3 test
  {
    title: 'ER with the cause alone',
    tpdu: { type: 'ER', dstRef: 5, rejectCause: 0 },
    octets: '04 70 0005 00',
  },
  //= X.224 13.12.4 a test
  {
    title: 'ER with the invalid TPDU',
    tpdu: { type: 'ER', dstRef: 5, rejectCause: 2, parameters: { invalidTpdu: hex('0290') } },
    octets: '08 70 0005 02 c1 02 0290',
    context: { class: 0 },
  },
  {
    title: 'ER with the longest invalid TPDU',
    tpdu: { type: 'ER', dstRef: 5, rejectCause: 3, parameters: { invalidTpdu: many(248) } },
    octets: `fe 70 0005 03 c1 f8 ${'41'.repeat(248)}`,
  },
];
