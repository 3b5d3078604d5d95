/**
 * DTs of any class: takes them from a chunk and joins them to TSDUs, and sends a TSDU as DTs. This is the hot path,
 * without codec and table. A subclass processes all other TPDUs.
 */
import {
  copiesOfDts,
  type DtFormat,
  isDt,
  readEot,
  SHORT_DT,
  writeTsdu,
} from '../data-transfer/dt.js';
import type { ConnectionObserver } from '../data-transfer/observer.js';
import { PacketRun, type RunReceiver } from '../data-transfer/packet-run.js';
import { Reassembly } from '../data-transfer/reassembly.js';
import { SendBuffer } from '../data-transfer/send-buffer.js';
import type { TsduTooLargeError } from '../errors.js';
import { type OctetCollector, OctetSource } from '../octets/collector.js';
import { MAX_TPKT_LENGTH, TPKT_HEADER_LENGTH } from '../tpkt/header.js';
import type { ConnectionOptions } from './options.js';
import { StreamEngine } from './stream-engine.js';
import type { State } from './transition.js';

/** Sizes in octets. Before the connection is open no DT is taken without the codec. */
interface Sizes {
  /** Size in force, and the largest TPDU that is sent. They differ if neither side has stated a size. */
  readonly agreed: number;
  readonly sent: number;
  /** Shortest and longest DT that is taken without the codec. */
  readonly minPlainDt: number;
  readonly maxPlainDt: number;
}

const NO_SIZES: Sizes = { agreed: 0, sent: 0, minPlainDt: 0, maxPlainDt: -1 };

/** The receiver of runs which an observer sees first. */
function shownTo(observer: ConnectionObserver, receiver: RunReceiver): RunReceiver {
  return {
    maxTpduSize: receiver.maxTpduSize,
    onRun(packets, tsdus, octets) {
      if (observer.isWatching) {
        observer.seeRun('received', packets, tsdus);
      }
      receiver.onRun(packets, tsdus, octets);
    },
  };
}

/** The engine of a connection that carries data in DTs. */
export abstract class DataEngine extends StreamEngine {
  protected readonly options: ConnectionOptions;
  protected readonly observer: ConnectionObserver | undefined;
  #dt: DtFormat;
  #reassembly: Reassembly;
  /** The DTs of sent TSDUs that are being shown, or still to be; `undefined` if none are. */
  #toShow: Iterable<Uint8Array>[] | undefined;
  #sizes = NO_SIZES;

  protected constructor(options: ConnectionOptions, state: State, dt: DtFormat) {
    const { sendPool, peer } = options;
    super(new SendBuffer(sendPool), state, { times: options, unit: 'TSDU', peer });
    this.options = options;
    this.observer = options.observer;
    this.#dt = dt;
    this.#reassembly = new Reassembly(options, options.allocate, options.view);
  }

  get pinned(): number {
    return this.#reassembly.pinned + this.splitter.pinned;
  }

  get copied(): number {
    return this.#reassembly.copied;
  }

  compact(): void {
    this.#reassembly.compact();
    this.splitter.compact();
  }

  /**
   * T-DATA request: queues one TSDU of at least one octet. The octets must not change until they
   * have been sent.
   */
  send(tsdu: Uint8Array): void {
    if (!this.facts.isSending) {
      this.step({ event: 'T-DATA request' });
      return;
    }
    this.messagesSent += 1;
    const { sent } = this.#sizes;
    writeTsdu(this.sendBuffer, this.#dt, tsdu, sent, this.options.view);
    if (this.observer?.isWatching && !this.sendBuffer.showsLeaving) {
      this.#show(this.observer, copiesOfDts(this.#dt, tsdu, sent));
    }
  }

  /** Shows the DTs of a TSDU. The observer may write another TSDU meanwhile: that is shown behind the last of them. */
  #show(observer: ConnectionObserver, dts: Iterable<Uint8Array>): void {
    if (this.#toShow !== undefined) {
      this.#toShow.push(dts);
      return;
    }
    this.#toShow = [dts];
    for (const each of this.#toShow) {
      for (const dt of each) {
        observer.see('sent', dt);
      }
    }
    this.#toShow = undefined;
  }

  override deliverRunsTo(receiver: RunReceiver): void {
    // A DT of class 2 has the reference of its receiver.
    if (this.#dt === SHORT_DT) {
      const { maxTsduSize } = this.#reassembly;
      const shown = this.observer === undefined ? receiver : shownTo(this.observer, receiver);
      this.run = new PacketRun(shown, this.#dt.headerLength, maxTsduSize, this.options.view);
    }
  }

  override sendRun(packets: Uint8Array, tsdus: number): void {
    if (this.observer?.isWatching && !this.sendBuffer.showsLeaving) {
      // They are not copied: they are a view of a received chunk, and nobody moves octets of it that were given out.
      this.observer.seeRun('sent', packets, tsdus);
    }
    super.sendRun(packets, tsdus);
  }

  /** Adds a TPDU to the run. A TSDU of several DTs, or behind an event, goes another way. */
  #joinsRun(source: OctetSource, start: number, end: number, eot: boolean): boolean {
    const run = this.run as PacketRun;
    if (eot && this.#reassembly.segments === 0 && !this.hasEvents && run.add(source, start, end)) {
      this.messagesReceived += 1;
      return true;
    }
    run.flush();
    return false;
  }

  /** A TPDU that lies whole in a chunk: the hot path, without codec and table. */
  //= X.224 6.9.1.4.2 para 3
  packet(source: OctetSource, start: number, end: number): boolean {
    const { octets } = source;
    const dt = this.#dt;
    this.work += 1;
    const eot = readEot(dt, octets[start], octets[start + 1], octets[start + dt.li]);
    if (
      eot === undefined ||
      !this.#takesPlainDt(end - start) ||
      (dt.dstRef !== 0 && !this.#isOurs(octets[start + 2], octets[start + 3]))
    ) {
      this.run?.flush();
      // An event or an error may keep some of the octets.
      source.markSeen();
      return this.otherTpdus(octets.subarray(start, end));
    }
    if (this.run !== undefined && this.#joinsRun(source, start, end, eot)) {
      return true;
    }
    if (this.observer?.isWatching) {
      this.observer.see('received', octets.subarray(start, end));
      source.markSeen();
    }
    const error = this.#reassembly.limitPassedBy(end - start - dt.headerLength);
    if (error !== undefined) {
      return this.#exceed(error);
    }
    this.#deliverTsdu(this.#reassembly.add(source, start + dt.headerLength, end, eot));
    return true;
  }

  /** The same for a TPDU that TCP has cut: its user data stays in pieces until the TSDU is complete. */
  packetInPieces(pieces: OctetCollector): boolean {
    const at = TPKT_HEADER_LENGTH;
    const dt = this.#dt;
    this.work += 1;
    const eot = readEot(dt, pieces.at(at), pieces.at(at + 1), pieces.at(at + dt.li));
    const isPlain =
      eot !== undefined &&
      this.#takesPlainDt(pieces.length - at) &&
      (dt.dstRef === 0 || this.#isOurs(pieces.at(at + 2), pieces.at(at + 3)));
    if (!isPlain || this.observer?.isWatching) {
      return this.otherTpdus(pieces.join(this.options.allocate, at));
    }
    const error = this.#reassembly.limitPassedBy(pieces.length - at - dt.headerLength);
    if (error !== undefined) {
      return this.#exceed(error);
    }
    this.#deliverTsdu(this.#reassembly.addPieces(pieces, at + dt.headerLength, eot));
    return true;
  }

  /** Processes the TPDUs of a packet that did not take the hot path. `false` stops the splitter. */
  protected abstract otherTpdus(octets: Uint8Array): boolean;

  /** Size in force, in octets; `undefined` before the connection is open. */
  protected get agreedSize(): number | undefined {
    return this.#sizes === NO_SIZES ? undefined : this.#sizes.agreed;
  }

  /** Octets received of a TSDU that is not complete. */
  protected get begunLength(): number {
    return this.#reassembly.length;
  }

  /** The connection is open: plain DTs are taken and sent from now on. Sizes in octets. */
  protected startData(dt: DtFormat, agreed: number, sent: number): void {
    const { strict } = this.options;
    this.#dt = dt;
    this.#sizes = {
      agreed,
      sent,
      // With `strict`, a DT without user data or above the agreed size goes to the codec, which refuses it.
      minPlainDt: strict ? dt.headerLength + 1 : dt.headerLength,
      maxPlainDt: strict ? agreed : MAX_TPKT_LENGTH,
    };
  }

  /** Sets the largest TSDU of this connection, in octets. */
  protected limitTsdus(maxTsduSize: number): void {
    const { allocate, view } = this.options;
    this.#reassembly = new Reassembly({ ...this.options, maxTsduSize }, allocate, view);
  }

  /** The user data of a DT that came through the codec. */
  protected takeData(userData: Uint8Array, eot: boolean): void {
    const error = this.#reassembly.limitPassedBy(userData.length);
    if (error !== undefined) {
      throw error;
    }
    const source = new OctetSource(userData);
    this.#deliverTsdu(this.#reassembly.add(source, 0, userData.length, eot));
  }

  /** Drops a TSDU that will not be completed. */
  protected dropBegun(): void {
    this.#reassembly.clear();
  }

  protected get unfinished(): number {
    return this.#reassembly.length + this.splitter.held;
  }

  protected get isWithinMessage(): boolean {
    return this.#reassembly.segments > 0 || !this.splitter.atBoundary;
  }

  protected get unsent(): number {
    return this.#sizes === NO_SIZES || this.sendBuffer.dataLength === 0
      ? 0
      : this.sendBuffer.userDataLength(this.#dt.headerLength, isDt);
  }

  protected override endIncomplete(): void {
    this.#reassembly.endChunk();
  }

  protected override forgetReceived(): void {
    super.forgetReceived();
    this.#reassembly.clear();
  }

  /** DST-REF of a DT is our reference. */
  #isOurs(high: number | undefined, low: number | undefined): boolean {
    return (((high ?? 0) << 8) | (low ?? 0)) === this.#dt.dstRef;
  }

  /** Whether a DT of this length is taken without the codec. */
  #takesPlainDt(length: number): boolean {
    const { minPlainDt, maxPlainDt } = this.#sizes;
    return length >= minPlainDt && length <= maxPlainDt && this.facts.takesData;
  }

  /** A TSDU exceeds a limit. The packets behind it are still read if the connection ends by a DR. */
  #exceed(error: TsduTooLargeError): boolean {
    this.step({ event: 'limit', error });
    return this.facts.isReceiving;
  }

  #deliverTsdu(tsdu: Uint8Array | undefined): void {
    if (tsdu !== undefined) {
      this.due = undefined;
      this.deliver(tsdu);
    } else if (this.#reassembly.segments === 0) {
      // A DT without user data begins no TSDU, so no deadline runs for it.
      this.due = undefined;
    }
  }
}
