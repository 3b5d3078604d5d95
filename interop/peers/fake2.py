#!/usr/bin/env python3
"""A peer that does what it is told, right or wrong, and judges the answers: class 2 over TCP, loopback only.

  fake2.py client HOST PORT [NAME...]   against an echo server that takes class 2 (and 0), expedited and EA
  fake2.py server HOST PORT NAME        one connection from an initiator that offers '2,0' with expedited and EA
  fake2.py list

A scenario is a list of words:  >HEX send in a TPKT   >raw:HEX send as it is   <PATTERN next TPDU must match (regular expression,
%R peer's reference, taken from its CR or CC)   -MS nothing may come for so long   >fin  >rst   <fin  <rst  <end (either)
Exit code: number of scenarios that failed."""
import re, socket, struct, sys, time

CR = "0fe00000123421c0010bc60121c70100"      # class 2, or 0; expedited with EA
CRD = "0ce00000123421c0010bc60121"           # class 2 alone
CC2 = r"..d01234%R21.*c60121.*"
OPEN = [">" + CR, "<" + CC2]
BYE = [">0980%R123480e00180", "<05c01234%R", "<fin", ">fin"]  # DC and FIN come at once
DT, ED = lambda h, eot="80": ">04f0%R" + eot + h, lambda h, nr="80": ">0410%R" + nr + h
ECHO = [DT("616263"), r"<04f0123480616263"]
DR133 = r"<..801234%R85.*"
END133 = [DR133, ">05c0%R1234", "<fin"]
PAT16 = "000102030405060708090a0b0c0d0e0f"
C = {  # we are the initiator
    "echo": OPEN + ECHO + BYE,
    "class2-alone": [">" + CRD, "<" + CC2] + ECHO + BYE,
    "flow-control-alone": [">09e00000123420c60100", "<..8012340000(82|85).*", "<end"],
    "flow-control-or-0": [">0ce00000123420c60100c70100", "<..d01234%R00.*"] + [">02f08061", "<02f08061", ">fin", "<fin"],
    "extended-formats": [">0fe00000123423c0010bc60121c70100", "<" + CC2] + ECHO + BYE,
    "size-128": [">0fe00000123421c00107c60121c70100", r"<..d01234%R21.*c00107.*", DT("55" * 123, "00"), DT("66"), "<04f0123400" + "55" * 123, "<04f012348066"] + BYE,
    "nr-not-significant": OPEN + [DT("61", "7f"), DT("62", "93"), "<04f01234806162"] + BYE,
    "ed-ea-echo": OPEN + [ED("ab", "85"), "<0420123405", r"<04101234[89a-f].ab", ">0420%R00"] + BYE,
    "ed-no-dt-before-ea": OPEN + [ED("ab"), "<0420123400", r"<04101234(..)ab", DT("63"), "-250", ">0420%R00", "<04f012348063"] + BYE,
    "ed-one-at-a-time": OPEN + [ED("a1"), "<0420123400", "<04101234..a1", ED("a2", "81"), "<0420123401", "-250", ">0420%R00", "<04101234..a2", ">0420%R01"] + BYE,
    "ed-inside-tsdu": OPEN + [DT("61", "00"), ED(PAT16), "<0420123400", "<04101234.." + PAT16, ">0420%R00", DT("62"), "<04f01234806162"] + BYE,
    "ed-17": OPEN + [ED(PAT16 + "10")] + END133,
    "ed-0": OPEN + [ED("")] + END133,
    "ed-not-agreed": [">0fe00000123421c0010bc60100c70100", r"<..d01234%R21.*c60100.*", ED("61")] + END133,
    "ed-wrong-ref": OPEN + [">0410999980ab", "-200"] + ECHO + BYE,
    "dt-wrong-ref": OPEN + [">04f0999980ab", "-200"] + ECHO + BYE,
    "ed-while-ea-due": OPEN + [ED("a1"), "<0420123400", "<04101234..a1", ED("a2", "81"), DT("62"), ED("a3", "82"), "<0420123401", "<0420123402", "-150", ">0420%R00", "<04101234..a2", ">0420%R01", "<04101234..a3", ">0420%R02", "<04f012348062"] + BYE,
    "ea-and-bad-in-one-nsdu": OPEN + [ED("ab"), "<0420123400", "<04101234..ab", DT("63"), ">0420%R000490%R00", "<end"],
    "ea-not-expected": OPEN + [">0420%R00"] + ECHO + BYE,
    "ea-any-number": OPEN + [ED("ab"), "<0420123400", "<04101234..ab", ">0420%R33"] + ECHO + BYE,
    "dt-class0-form": OPEN + [">02f08061", "<end"],
    "ed-class0-form": OPEN + [">02108061", "<end"],
    "ak": OPEN + [">0460%R00"] + END133,
    "rj": OPEN + [">0450%R00"] + END133,
    "cc-to-responder": OPEN + [">06d0%R123421"] + END133,
    "bad-wrong-ref": OPEN + [">05f0999980", "<end"],
    "ak-wrong-ref": OPEN + [">0460999900", "-150"] + ECHO + BYE,
    "code-none": OPEN + [">0490%R00", "<end"],
    "li-past-end": OPEN + [">20f0%R8061", "<end"],
    "bad-tpkt": OPEN + [">raw:4745542f", "<end"],
    "second-cr": OPEN + [">09e00000432121c60100", "<..8043210000(88|80|85).*"] + ECHO + BYE,
    "stray-dr": OPEN + [">06809999432100", "<05c043219999"] + ECHO + BYE,
    "stray-dr-src": OPEN + [">0680%R432100", "<05c04321%R"] + ECHO + BYE,
    "stray-dr-dst-0": OPEN + [">06800000432100", "<05c043210000"] + ECHO + BYE,
    "stray-dr-no-ref": OPEN + [">06809999000000", "-200"] + ECHO + BYE,
    "dc-out-of-place": OPEN + [">05c0%R1234"] + ECHO + BYE,
    "dc-wrong-src": OPEN + [">05c0%R4321"] + ECHO + BYE,
    "dr-disruptive": OPEN + [">0680%R123480", "<05c01234%R", "<fin", ">fin"],
    "dr-user-data": OPEN + [">0680%R123480" + "62" * 64, "<05c01234%R", "<fin", ">fin"],
    "dr-cause": OPEN + [">0680%R123485", "<05c01234%R", "<fin", ">fin"],
    "dr-reason-0": OPEN + [">0680%R123400", "<05c01234%R", "<fin", ">fin"],
    "dr-while-queued": OPEN + [ED("ab"), "<0420123400", "<04101234..ab", DT("63"), "-150", ">0980%R123480e00180", "<05c01234%R", "<fin", ">fin"],
    "dr-dst-0": OPEN + [">06800000123480", "<05c012340000", "<fin", ">fin"],
    "dr-src-0": OPEN + [">0680%R000080", "<(05c01234%R)?", ">fin", "<end"],
    "dr-broken-param": OPEN + [">0880%R123480e009", "<05c01234%R", "<fin", ">fin"],
    "dr-then-silence": OPEN + [">0980%R123480e00180", "<05c01234%R", "<fin"],
    "er": OPEN + [">0470%R02", "<(..801234%R.*)?", ">05c0%R1234", "<end"],
    "fin-without-dr": OPEN + [">fin", "<end"],
    "fin-inside-tsdu": OPEN + [DT("61", "00"), ">fin", "<end"],
    "concatenated": OPEN + [">0420%R0104f0%R8061", "<04f012348061"] + BYE,
}
SCC2, SCC0 = ">0cd0%R777721c0010bc60121", ">0cd0%R777700c0010bc60101"
FIRST = r"<..e00000%R21.*"
SBYE = [r"<..807777%R80e00180", ">05c0%R7777", "<fin"]
S = {  # we are the responder; what the initiator does on an open connection is up to it: each scenario says what it must not need
    "accept-then-close": [FIRST, SCC2, "until-dr", ">05c0%R7777", "<fin"],
    "fallback-0": [FIRST, SCC0, "until-end"],
    "cc-flow-control": [FIRST, ">0cd0%R777720c0010bc60121", r"<..807777%R8.", ">05c0%R7777", "<end"],
    "cc-extended": [FIRST, ">0cd0%R777723c0010bc60121", r"<..807777%R8.", ">05c0%R7777", "<end"],
    "cc-option-bits": [FIRST, ">0cd0%R777729c0010bc60121", r"<..807777%R8.", ">05c0%R7777", "<end"],
    "cc-class-4": [FIRST, ">0cd0%R777740c0010bc60121", "<end?"],
    "cc-grants-too-much": [FIRST, ">0cd0%R777721c0010bc60169", r"<..807777%R8.", ">05c0%R7777", "<end"],
    "cc-wrong-ref": [FIRST, ">0cd09999777721c0010bc60121", r"<..807777(0000|9999)8.", "<end?"],
    "refuse-no-ref": [FIRST, ">0680%R000081", "<end"],
    "refuse-ref": [FIRST, ">0680%R777781", "<05c07777%R", "<end"],
    "refuse-wrong-ref": [FIRST, ">06809999777781", "<05c077779999", "<end"],
    "er-wrong-ref": [FIRST, ">0470999902", "<end"],
    "refuse-data": [FIRST, ">0680%R0000806e6f", "<end"],
    "er": [FIRST, ">0470%R02", "<end"],
    "fin": [FIRST, ">fin", "<end"],
    "rst": [FIRST, ">rst"],
    "silence": [FIRST, "-300", "<end?"],
    "dt-before-cc": [FIRST, ">04f0%R8061", "<end"],
    "dr-collision": [FIRST, SCC2, "until-dr", ">0980%R777780e00180", "<fin"],
    "dc-then-fin": [FIRST, SCC2, "until-dr", ">05c0%R7777", ">fin", "<fin"],
    "er-for-dr": [FIRST, SCC2, "until-dr", ">0470%R00", "<fin"],
    "cr-again-for-dr": [FIRST, SCC2, "until-dr", ">06e00000777721", "-150", ">05c0%R7777", "<fin"],
    "stray-dr-for-dr": [FIRST, SCC2, "until-dr", ">06809999432100", "<05c043219999", ">05c0%R7777", "<fin"],
    "no-ea": [FIRST, SCC2, "no-ea", "<rst"],
    "no-dc": [FIRST, SCC2, "until-dr", "<end"],
    "data-after-dr": [FIRST, SCC2, "until-dr", ">04f0%R8061", ">0410%R8062", "-150", ">05c0%R7777", "<fin"],
    "peer-closes": [FIRST, SCC2, ">04f0%R8061", "drain", ">0980%R777780e00180", "skip<05c07777%R", "<fin", ">fin"],
}


class Fake:
    def __init__(self, s):
        self.s, self.buf, self.ref, self.trace = s, b"", None, []
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, b, raw=False):
        self.trace.append("> " + b.hex())
        try:
            self.s.sendall(b if raw else struct.pack(">BBH", 3, 0, len(b) + 4) + b)
        except OSError as x:
            self.trace.append(type(x).__name__)

    def next(self, wait=8.0):
        """hex of a TPDU, 'fin', 'rst' or None (nothing within wait)"""
        end = time.monotonic() + wait
        while True:
            if len(self.buf) >= 4 and len(self.buf) >= (n := self.buf[2] << 8 | self.buf[3]) >= 7:
                p, self.buf = self.buf[4:n].hex(), self.buf[n:]
                b = bytes.fromhex(p)
                if b[1] >> 4 in (0xE, 0xD) and self.ref is None:
                    self.ref = b[4:6].hex()
                self.trace.append("< " + p)
                return p
            self.s.settimeout(max(end - time.monotonic(), 0.001))
            try:
                d = self.s.recv(65536)
            except (TimeoutError, socket.timeout):
                return None
            except OSError:
                self.trace.append("RST")
                return "rst"
            if not d:
                self.trace.append("FIN" + (f" with {len(self.buf)} octets left over" if self.buf else ""))
                return "fin"
            self.buf += d

    def fill(self, t):
        return t.replace("%R", self.ref or "....")

    def run(self, words):
        back = None
        for w in words:
            if w == ">fin":
                self.trace.append("> FIN")
                try:
                    self.s.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
            elif w == ">rst":
                self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.s.close()
            elif w.startswith(">raw:"):
                self.send(bytes.fromhex(w[5:]), True)
            elif w.startswith(">"):
                self.send(bytes.fromhex(self.fill(w[1:])))
            elif w[0] == "-":
                got = back or self.next(int(w[1:]) / 1000)
                back = None
                if got is not None:
                    return f"wanted nothing, got {got}"
            elif w == "drain":
                time.sleep(0.2)
            elif w == "no-ea":  # echoes DT, never acknowledges an ED, and sends ED of its own all the time, whose EA must not help
                sent, until = 0, time.monotonic() + 10
                while back is None and time.monotonic() < until:
                    got = self.next(0.2)
                    if got in ("fin", "rst"):
                        back = got
                    elif got and got[2] == "f":
                        self.send(bytes.fromhex("04f0" + self.ref + got[8:]))
                    elif got and got[2] == "8":
                        return "a DR instead of a reset"
                    elif got is None:
                        self.send(bytes.fromhex("0410" + self.ref + "%02x41" % (128 + sent % 128)))
                        sent += 1
                if back is None:
                    return "no end within 10 s of ED without EA"
            elif w in ("until-dr", "until-end") or w.startswith("skip<"):
                while True:
                    got = self.next()
                    if got in (None, "fin", "rst"):
                        if w == "until-end" and got:
                            if got == "fin":
                                self.s.close()
                            return None
                        return f"wanted {w}, got {got}"
                    b = bytes.fromhex(got)
                    if w == "until-dr" and b[1] >> 4 == 8:
                        if not re.fullmatch(self.fill("..807777%R80e00180.*"), got):
                            return f"DR is {got}"
                        break
                    if w.startswith("skip<") and re.fullmatch(self.fill(w[5:]), got):
                        break
                    if b[1] >> 4 == 1 and w == "until-dr":
                        self.send(bytes.fromhex("0420" + self.ref + "%02x" % (b[4] & 127)))
                        self.send(bytes([4, 0x10]) + bytes.fromhex(self.ref) + b[4:])
                    elif b[1] >> 4 in (1, 15):
                        self.send((b[:2] + bytes.fromhex(self.ref) if b[0] == 4 else b[:2]) + b[4 if b[0] == 4 else 2:])
            elif w in ("<fin", "<rst", "<end", "<end?"):
                got = back or self.next()
                back = None
                if w == "<end?":
                    continue
                if got not in (("fin", "rst") if w == "<end" else (w[1:],)):
                    return f"wanted {w[1:]}, got {got}"
            elif w[0] == "<":
                if w.startswith("<(") and w.endswith(")?"):  # may be left out
                    got = self.next()
                    back = got if not (got and re.fullmatch(self.fill(w[2:-2]), got)) else None
                    continue
                got = self.next()
                if got is None or not re.fullmatch(self.fill(w[1:]), got):
                    return f"wanted {self.fill(w[1:])}, got {got}"
            else:
                raise ValueError(w)
        return None


def main(role=None, host=None, port=None, *names):
    if role == "list":
        print("client:", *C, "\nserver:", *S)
        return 0
    if role not in ("client", "server"):
        print(__doc__)
        return 2
    bad, table = 0, C if role == "client" else S
    if role == "server":
        l = socket.create_server((host, int(port)))
        print(f"listening on port {l.getsockname()[1]}", flush=True)
    for name in names or table:
        s = socket.create_connection((host, int(port))) if role == "client" else l.accept()[0]
        f = Fake(s)
        why = f.run(table[name])
        try:
            s.close()
        except OSError:
            pass
        print(("ok   " if why is None else "FAIL ") + name + ("" if why is None else ": " + why + "   | " + "  ".join(f.trace)), flush=True)
        bad += why is not None
    return bad


sys.exit(main(*sys.argv[1:]))
