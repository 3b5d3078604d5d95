/** How often a property is tried. */

/** `npm run test:long` tries each property ten times as often as `npm test`. */
const FACTOR = Number(process.env.COTP_PROPERTY_FACTOR ?? 1);

/** Of so many runs, those that are made now. */
export function runs(count: number): number {
  return Math.ceil(count * FACTOR);
}
