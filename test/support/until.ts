/** How long `vi.waitFor` and `vi.waitUntil` wait, whose own default of a second a slow machine exceeds. */
export const PATIENT: { readonly timeout: number } = { timeout: 15_000 };
