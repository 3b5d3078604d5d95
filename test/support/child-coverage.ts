/** What child processes run is counted too, under `npm run test:coverage`. */
const { COTP_CHILD_COVERAGE } = process.env;
if (COTP_CHILD_COVERAGE !== undefined) {
  process.env.NODE_V8_COVERAGE = COTP_CHILD_COVERAGE;
}

export {};
