/**
 * What a peer that is no connection of ours learns from CR and CC, and how it answers the TPDUs of class 2.
 */
import type { RawAct, Service } from './plan.js';
import {
  type Association,
  acknowledgement,
  association,
  confirm,
  disconnectConfirm,
  packetsOf,
} from './raw-tpdus.js';
import { DR, ED, TPKT_HEADER } from './tpdu-codes.js';

/** Octets of the shortest CR, and where a CR has its own reference. */
const CR_LENGTH = 11;
const SRC_REF_AT = 8;
/** The first packet of the library is no longer than this. */
const LONGEST_CONTROL = 140;

/** The procedure of one such peer. */
export class RawProcedure {
  /** What CR and CC have agreed on: class 0 as long as they have not. */
  association: Association = { tpClass: 0, theirs: 0, isExpedited: false, hasAcks: false };
  /** It has sent a CR of class 2, whose answer says how data is sent. */
  isAssociating = false;
  /** It answers ED and DR. */
  isAnswering = false;
  readonly #mayAnswer: boolean;
  readonly #isCotp: boolean;
  /** The first octets, and what has come since and is not a whole packet. */
  #start = Buffer.alloc(0);
  #unanswered: Buffer = Buffer.alloc(0);

  constructor(service: Service, acts: readonly RawAct[]) {
    this.#isCotp = service === 'cotp';
    this.#mayAnswer = acts.some(([what]) => what === 'answering');
  }

  /** Takes in what the library has sent, and gives the answers; FIN follows the DC for a DR. */
  receive(octets: Buffer): { readonly answers: readonly Buffer[]; readonly isEnd: boolean } {
    if (this.#start.length < LONGEST_CONTROL) {
      this.#start = Buffer.concat([this.#start, octets]);
      this.#associate();
    }
    return this.#mayAnswer ? this.#answersTo(octets) : { answers: [], isEnd: false };
  }

  /** A CC that grants these options if the CR asks for them; of class 0 if the CR prefers that. */
  confirm(options: number): Buffer {
    const [cr] = packetsOf(this.#start).packets;
    const answer = cr === undefined ? undefined : confirm(cr, options);
    if (answer === undefined) {
      return this.answer('0300000b06d00000432100');
    }
    this.association = answer.association;
    return answer.cc;
  }

  /** A CC or DR for the CR that came. */
  answer(hex: string): Buffer {
    const octets = Buffer.from(hex, 'hex');
    if (this.#start.length >= CR_LENGTH) {
      octets.writeUInt16BE(this.#start.readUInt16BE(SRC_REF_AT), TPKT_HEADER + 2);
    }
    return octets;
  }

  /** The first packet says the reference of the library, and if it is a CC what that grants. */
  #associate(): void {
    const [first] = packetsOf(this.#start).packets;
    if (first !== undefined && this.#isCotp) {
      this.isAssociating = false;
      this.association = association(first) ?? this.association;
    }
  }

  #answersTo(octets: Buffer): { readonly answers: readonly Buffer[]; readonly isEnd: boolean } {
    const { packets, rest } = packetsOf(Buffer.concat([this.#unanswered, octets]));
    const { tpClass, hasAcks } = this.association;
    const answers: Buffer[] = [];
    let isEnd = false;
    this.#unanswered = rest;
    for (const packet of this.isAnswering && tpClass === 2 ? packets : []) {
      const code = (packet[1] ?? 0) & 0xf0;
      if (code === ED && hasAcks) {
        answers.push(acknowledgement(this.association, packet));
      } else if (code === DR) {
        answers.push(disconnectConfirm(packet));
        isEnd = true;
      }
    }
    return { answers, isEnd };
  }
}
