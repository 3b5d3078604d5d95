/** Every vector of a file in both modes: the one named by COTP_VECTORS, or those beside this. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { actual, expected, type Mode, type Vector } from './adapter.js';

const named = process.env.COTP_VECTORS;
const files = named === undefined ? ['vectors.json', 'class2.json', 'captures.json'] : [named];
const vectors = files.flatMap((file) => {
  const path = named === undefined ? new URL(file, import.meta.url) : file;
  return (JSON.parse(readFileSync(path, 'utf8')) as { vectors: readonly Vector[] }).vectors;
});
const modes: readonly Mode[] = ['tolerant', 'strict'];

//= X.224 6.3.3 para 1 test SEG-01 SEG-02 SPLIT-01
//= X.224 6.3.3 para 2 test SEG-04 SPLIT-02 DT-05
//= X.224 6.3.3 note 2 test SEG-01
//= X.224 6.4.2 para 3 test CONCAT-01 CONCAT-02
//= X.224 6.4.2 b test CONCAT-04
//= X.224 6.9.1.4.1 a decodable test CONCAT-03
//= X.224 6.5.4 j test RESP-01 RESP-02 INIT-01 INIT-02
//= X.224 6.5.4 k para 1 test RESP-04 INIT-09
//= X.224 6.5.4 k para 2 test RESP-05 CC-04 INIT-10
//= X.224 6.5.4 k para 3 test INIT-11
//= X.224 6.5.4 Table 3 test RESP-07 RESP-11 RESP-12 RESP-14 RESP-15
//= X.224 6.5.4 Table 4 test RESP-17 INIT-12
//= X.224 6.5.4 o test RESP-09 RESP-10
//= X.224 6.6.3 para 1 test ENC-05 RESP-07
//= X.224 6.17.3 para 2 test SUM-01 SUM-02 SUM-03 SUM-04 CR-47 DT-16
//= X.224 6.17.3 para 5 test RESP-11
//= X.224 6.22.1.3 para 3 test ERGEN-01 ERGEN-02 ERGEN-03
//= X.224 10.2.3 para 2 test DT-12
//= X.224 13.1 Table 8 test CODE-01 CODE-02 CODE-04 CODE-05 CODE-06 DC-03 EA-04 AK-04 RJ-04
//= X.224 13.2.1 para 1 test CR-41
//= X.224 13.2.1 para 2 test CR-39 CR-40
//= X.224 13.2.2.1 test CR-42 DR-09
//= X.224 13.2.3 form test CR-37 CR-50
//= X.224 13.2.3 order and repeats test CR-15
//= X.224 13.2.3 unknown test CR-16 CC-05
//= X.224 13.2.3 other class test CR-51
//= X.224 13.2.3 invalid value test CR-27 CR-29 CC-06
//= X.224 13.3 test CR-35 CR-36
//= X.224 13.3.3 b test CR-20
//= X.224 13.3.3 c test CR-17
//= X.224 13.3.3 e test CR-22
//= X.224 13.3.3 options test CR-21
//= X.224 13.3.4 a test CR-02 CR-04
//= X.224 13.3.4 b test CR-10 CR-11 CR-12 CR-14
//= X.224 13.3.4 c test CR-05 CR-06 CR-07 CR-09
//= X.224 13.3.4 d test CR-44 CR-45
//= X.224 13.3.4 g test CR-25 CR-26
//= X.224 13.3.4 h test CR-24 CR-30 CR-31 CR-32
//= X.224 13.3.5 test CR-34
//= X.224 13.4.3 test CC-01
//= X.224 13.4.5 test CC-12
//= X.224 13.5.3 a to c test DR-10
//= X.224 13.5.4 a test DR-02
//= X.224 13.5.5 test DR-05 DR-06 DR-07
//= X.224 13.6 test DC-03
//= X.224 13.6.3 test DC-01
//= X.224 13.7.1 a test DT-01 DT-02 DT-07
//= X.224 13.7.1 b test DT-11 DT-19
//= X.224 13.7.1 c test DT-14
//= X.224 13.7.3 a and b test DT-04 DT-17
//= X.224 13.7.4 test DT-15
//= X.224 13.7.5 test DT-09 DT-10 SPLIT-01 SPLIT-04 SPLIT-07
//= X.224 13.8 test ED-09
//= X.224 13.8.1 test ED-01 ED-06 ENC-08
//= X.224 13.8.3 test ED-05
//= X.224 13.8.5 test ED-02 ED-04
//= X.224 13.9 test AK-04
//= X.224 13.9.3 test AK-01 AK-02
//= X.224 13.10 test EA-04
//= X.224 13.10.3 test EA-01 EA-02 EA-03
//= X.224 13.11 test RJ-01 RJ-02 RJ-04
//= X.224 13.12.3 test ER-01
//= X.224 13.12.4 a test ER-02 ER-05
//= RFC 1006 5 TPDU size test INIT-04
//= RFC 1006 5 expedited negotiation test RESP-16 CC-11
//= RFC 1006 6 TPKT test TPKT-01 TPKT-04 TPKT-06 TPKT-07
//= RFC 1006 6 one TPDU test CONCAT-03
//= RFC 1006 6 ED format test ED-07 ED-10
//= RFC 1006 6 ignored bits test DT-04
//= RFC 1006 5 N-DATA test TPKT-09 TPKT-10 TPKT-11 TPKT-12
//= RFC 2126 4.2.1 flow control test CC-07
//= RFC 2126 6.3 test RESP-06 INIT-07
//= RFC 2126 6.4 test RESP-01
//= RFC 2126 6.5 test DT-04 ERGEN-03
//= RFC 2126 6.6 test CR-25
//= RFC 2126 6.10 test TPKT-05
//= RFC 2126 7 test INIT-06
//= X.224 6.1.1.3 note 3 test C2REL-02 C2REL-22
//= X.224 6.4.2 para 1 test C2NSDU-01 C2NSDU-02
//= X.224 6.7.1.5 a 1 test C2REL-09
//= X.224 6.7.1.5 a 2 test C2REL-04 C2REL-26
//= X.224 6.7.1.5 a 3 test C2REL-05
//= X.224 6.7.1.5 b 1 test C2WBCL-01 C2WBCL-02
//= X.224 6.7.1.5 c test C2REL-03 C2REL-23
//= X.224 6.7.1.5 d test C2OPEN-06 C2OPEN-07 C2WBCL-06
//= X.224 6.7.1.5 e test C2REL-02 C2REL-13 C2RSP-07 C2REL-34
//= X.224 6.7.1.5 note 6 test C2REL-07
//= X.224 6.8.3 para 1 test C2DATA-16 C2DATA-17
//= X.224 6.9.1.4.1 b 2 test C2NSDU-05 C2NSDU-06 C2DATA-05 C2DATA-19
//= X.224 6.9.1.4.2 a 1 test C2OPEN-05 C2DATA-12
//= X.224 6.9.1.4.2 a 2 test C2REL-17
//= X.224 6.9.1.4.2 a 3 test C2DATA-02 C2DATA-21 C2DATA-22
//= X.224 6.9.1.4.2 c test C2DATA-18
//= X.224 6.9.1.4.2 d 1 test C2REL-36
//= X.224 6.9.1.4.2 e test C2DATA-12
//= X.224 6.11.1.4 para 2 test C2XPD-09
//= X.224 6.11.1.4 para 3 test C2XPD-02
//= X.224 6.15.3 test C2DATA-09
//= X.224 10.1 test C2DATA-16 C2DATA-17
//= X.224 10.2.3 para 2 test C2SEQ-04
//= X.224 10.2.5 test C2REL-02
//= X.224 14 Amd.1 test C2RSP-01 C2RSP-02
//= X.224 14.4 a test C2OPEN-01 C2OPEN-02
//= RFC 1006 5 expedited transfer test C0XPD-01 C0XPD-06
//= RFC 2126 4.2.2 EA test C2XPD-02 C2XPD-12
//= RFC 2126 4.2.2 no EA test C2XPD-01 C2XPD-04
//= RFC 2126 4.2.3 disruptive test C2REL-09 C2REL-25
//= RFC 2126 4.2.3 non-disruptive test C2REL-10
describe.each(modes)('%s', (mode) => {
  for (const vector of vectors) {
    it(`${vector.id} ${vector.title}`, () => {
      expect(actual(vector, mode)).toEqual(inAnyOrder(expected(vector, mode)));
    });
  }
});

/** Warnings are a set; the vectors list them in an order of their own. */
function inAnyOrder(result: ReturnType<typeof expected>): unknown {
  const ok = result.ok as { readonly warnings?: readonly string[] } | undefined;
  return ok?.warnings === undefined
    ? result
    : { ...result, ok: { ...ok, warnings: [...ok.warnings].sort() } };
}
