/**
 * All faults that a received TPKT or TPDU can have, one row each: the reject cause of the ER that answers it
 * (X.224 13.12.3) and the text in error messages.
 */

/** ER reject causes (X.224 13.12.3): 0 not specified, 1 parameter code, 2 TPDU type, 3 parameter value. */
export type RejectCause = 0 | 1 | 2 | 3;

/** What is known about a fault. */
export interface FaultRow {
  /** Reject cause of the ER that answers it; `null` if there is no TPDU that an ER could reject. */
  readonly rejectCause: RejectCause | null;
  /** What is wrong, in words: the message of the `ProtocolError` begins with it. The wording may change. */
  readonly sentence: string;
  /** What to try; absent if there is no advice for this fault. */
  readonly hint?: string;
}

/** The name of a fault. The names are stable: diagnostics and `ProtocolError.fault` use them. */
export type Fault =
  | 'tpkt-version'
  | 'tpkt-length'
  | 'proxy-missing'
  | 'proxy-not-listed'
  | 'proxy-invalid'
  | 'proxy-too-long'
  | 'proxy-checksum'
  | 'tpdu-too-short'
  | 'li-reserved'
  | 'li-exceeds'
  | 'li-too-small'
  | 'header-form'
  | 'param-truncated'
  | 'user-data-too-long'
  | 'user-data-forbidden'
  | 'trailing-octets'
  | 'tpdu-too-long'
  | 'cr-too-long'
  | 'empty-dt'
  | 'empty-tsdu'
  | 'ed-length'
  | 'checksum'
  | 'remote-desktop'
  | 'param-unknown'
  | 'param-not-allowed'
  | 'tpdu-code'
  | 'tpdu-not-in-class'
  | 'tpdu-not-expected'
  | 'code-nibble'
  | 'param-length'
  | 'param-value'
  | 'class-invalid'
  | 'class-combination'
  | 'option-bits'
  | 'ref-zero'
  | 'dst-ref-nonzero'
  | 'cdt-nonzero'
  | 'tpdu-nr'
  | 'ed-eot'
  | 'yr-bit8'
  | 'reason-value'
  | 'cause-value'
  | 'cc-ref-mismatch'
  | 'cc-class'
  | 'cc-options'
  | 'cc-size'
  | 'cc-both-sizes'
  | 'cc-selector';

/** All faults by name. */
export const FAULTS: Readonly<Record<Fault, FaultRow>> = {
  // Framing (RFC 1006 §6): the packet boundaries are lost, so no ER can be sent.
  'tpkt-version': { rejectCause: null, sentence: 'the TPKT version is not 3' },
  'tpkt-length': { rejectCause: null, sentence: 'the TPKT length is out of range' },
  // The PROXY header before the first packet.
  'proxy-missing': {
    rejectCause: null,
    sentence: 'the connection does not begin with a PROXY header',
    hint: 'proxyProtocol.from lists the address; does the proxy there send the header (send-proxy of HAProxy, proxy_protocol of nginx)?',
  },
  'proxy-not-listed': {
    rejectCause: null,
    sentence: 'a PROXY header came from an address that must not send one',
    hint: 'proxyProtocol.from does not list the address; add it if it is that of your proxy',
  },
  'proxy-invalid': { rejectCause: null, sentence: 'the PROXY header is not valid' },
  'proxy-too-long': { rejectCause: null, sentence: 'the PROXY header is too long' },
  'proxy-checksum': {
    rejectCause: null,
    sentence: 'the checksum of the PROXY header does not match',
  },
  // Header (X.224 13.2).
  'tpdu-too-short': { rejectCause: 0, sentence: 'the TPDU has no code octet' },
  'li-reserved': { rejectCause: 0, sentence: 'LI 255 is reserved' },
  'li-exceeds': { rejectCause: 0, sentence: 'LI is larger than the number of octets after it' },
  'li-too-small': { rejectCause: 0, sentence: 'LI is too small for the fixed part' },
  'header-form': { rejectCause: 0, sentence: 'this connection does not use this header format' },
  'param-truncated': { rejectCause: 0, sentence: 'a parameter extends past the end of the header' },
  'user-data-too-long': {
    rejectCause: 0,
    sentence: 'the user data is longer than this TPDU type allows',
  },
  'user-data-forbidden': { rejectCause: 0, sentence: 'this TPDU type has no user data in class 0' },
  'trailing-octets': { rejectCause: 0, sentence: 'octets follow a TPDU that has no user data' },
  'tpdu-too-long': { rejectCause: 0, sentence: 'the TPDU is larger than the size in force' },
  'cr-too-long': { rejectCause: 0, sentence: 'the CR is longer than 128 octets' },
  'empty-dt': { rejectCause: 0, sentence: 'a DT without EOT carries no user data' },
  'empty-tsdu': { rejectCause: 0, sentence: 'the TSDU has no user data' },
  'ed-length': { rejectCause: 0, sentence: 'the user data of an ED must be 1 to 16 octets' },
  checksum: { rejectCause: 0, sentence: 'the checksum does not match' },
  'remote-desktop': {
    rejectCause: 0,
    sentence: 'the variable part has the form of remote desktop',
    hint: 'the peer uses remote desktop (RDP); is it the right port? For remote desktop, use the option remoteDesktop of connect, or onConnectRequest of listen',
  },
  // Parameter codes.
  'param-unknown': { rejectCause: 1, sentence: 'the parameter code is not defined' },
  'param-not-allowed': { rejectCause: 1, sentence: 'the parameter does not belong in this TPDU' },
  // TPDU types.
  'tpdu-code': { rejectCause: 2, sentence: 'no TPDU type has this code' },
  'tpdu-not-in-class': { rejectCause: 2, sentence: 'the TPDU does not belong to the class in use' },
  'tpdu-not-expected': { rejectCause: 2, sentence: 'the TPDU is not allowed in this state' },
  'code-nibble': { rejectCause: 2, sentence: 'the low half of the code octet is not zero' },
  // Values.
  'param-length': { rejectCause: 3, sentence: 'the parameter has the wrong length' },
  'param-value': { rejectCause: 3, sentence: 'the parameter has a value that is not defined' },
  'class-invalid': { rejectCause: 3, sentence: 'the transport class does not exist' },
  'class-combination': {
    rejectCause: 3,
    sentence: 'the alternative classes are not allowed with the preferred class',
  },
  'option-bits': { rejectCause: 3, sentence: 'the option bits have no meaning in this class' },
  'ref-zero': { rejectCause: 3, sentence: 'SRC-REF is zero' },
  'dst-ref-nonzero': { rejectCause: 3, sentence: 'DST-REF of a CR is not zero' },
  'cdt-nonzero': { rejectCause: 3, sentence: 'the credit is not zero' },
  'tpdu-nr': { rejectCause: 3, sentence: 'TPDU-NR is not zero in class 0' },
  'ed-eot': { rejectCause: 3, sentence: 'EOT of an ED is not set' },
  'yr-bit8': { rejectCause: 3, sentence: 'bit 8 of the number is set' },
  'reason-value': { rejectCause: 3, sentence: 'the disconnect reason is not defined' },
  'cause-value': { rejectCause: 3, sentence: 'the reject cause is not defined' },
  // An unacceptable CC (X.224 6.5.4).
  'cc-ref-mismatch': { rejectCause: 3, sentence: 'DST-REF of the CC is not the SRC-REF of our CR' },
  'cc-class': { rejectCause: 3, sentence: 'the CC selects a class that was not offered' },
  'cc-options': { rejectCause: 3, sentence: 'the CC grants an option that was not asked for' },
  'cc-size': { rejectCause: 3, sentence: 'the CC selects a TPDU size that was not offered' },
  'cc-both-sizes': { rejectCause: 3, sentence: 'the CC has both TPDU size parameters' },
  'cc-selector': { rejectCause: 3, sentence: 'the CC has another called T-selector than the CR' },
};
