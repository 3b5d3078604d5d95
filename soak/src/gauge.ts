/**
 * What the process holds: memory, handles, and how many files it may open.
 */

const MEBIBYTE = 1_048_576;

export interface Reading {
  /** Octets. */
  readonly heap: number;
  readonly buffers: number;
  readonly rss: number;
  /** Active resources by kind. */
  readonly handles: Readonly<Record<string, number>>;
}

/** @param collected after a full collection, so that only what is held counts */
export function read(collected: boolean): Reading {
  if (collected) {
    globalThis.gc?.();
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    handles[kind] = (handles[kind] ?? 0) + 1;
  }
  return { heap: heapUsed, buffers: arrayBuffers, rss, handles };
}

export function mebibytes(octets: number): string {
  return (octets / MEBIBYTE).toFixed(1);
}

/** Kinds that came and went; empty when both hold the same. */
export function handleGrowth(before: Reading, after: Reading): readonly string[] {
  const kinds = new Set([...Object.keys(before.handles), ...Object.keys(after.handles)]);
  return [...kinds]
    .filter((kind) => (after.handles[kind] ?? 0) > (before.handles[kind] ?? 0))
    .map((kind) => `${kind} ${before.handles[kind] ?? 0} -> ${after.handles[kind]}`);
}

export function formatHandles({ handles }: Reading): string {
  const kinds = Object.entries(handles).map(([kind, count]) => `${kind} ${count}`);
  return kinds.length === 0 ? 'none' : kinds.join(', ');
}

/** Files that this process may open, as `ulimit -n` says; `undefined` where it is not known. */
export function openFilesLimit(): number | undefined {
  const report = process.report?.getReport() as unknown as {
    readonly userLimits?: { readonly open_files?: { readonly soft: number | string } };
  };
  const soft = Number(report.userLimits?.open_files?.soft);
  return Number.isFinite(soft) ? soft : undefined;
}
