/**
 * What a sink requires of its destination, a file or a stream. It never throws, and buffers no more than a limit: a record
 * beyond it is dropped and counted.
 */

/** Writes each record as a whole, or drops it. */
export interface Output {
  /** TPDUs that were not written: too many octets waited, or the output has failed. */
  readonly dropped: number;
  /** `false` once it is closed or has failed: nothing more is written then. */
  readonly isOpen: boolean;
  /** The packets in each file, or in the stream: the newest first. What has failed is counted too. */
  readonly written: readonly WrittenFile[];
  /** Counts a TPDU that is not written. */
  drop(): void;
  /**
   * Makes room for a record of at most `length` octets. This may begin a new file.
   *
   * @returns `false` if there is no room: the record must not be written
   */
  makeRoom(length: number): boolean;
  /**
   * @param packets what the record has, as a reader of the file counts it
   * @param isTpdu if it cannot be written, it counts as dropped
   */
  write(record: Buffer, packets: number, isTpdu: boolean): void;
  /** Resolves when everything is written or the output has failed. Never rejects. */
  close(): Promise<void>;
}

/** What is in a file. */
export interface WrittenFile {
  /** `undefined` for a stream. */
  readonly path: string | undefined;
  readonly packets: number;
}

/** Options of both kinds of output. */
export interface OutputOptions {
  /** Most octets that wait to be written. */
  readonly maxBuffered: number;
  /** Returns the start of a file or of the stream. */
  readonly preamble: () => Buffer;
  /** Returns its end, with the number of dropped TPDUs. The length is always the same. */
  readonly epilogue: (dropped: number) => Buffer;
  /** Called once, when nothing more can be written. */
  readonly onError: (error: Error) => void;
}
