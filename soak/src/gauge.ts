/**
 * Measures memory and active resources of the process, and the number of files that it may open.
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

/** @param collected run a full garbage collection first, so that only memory in use is measured */
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

/** The kinds of resources of which there are more after than before. */
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

/** Number of files that this process may open (`ulimit -n`); `undefined` if it is not known. */
export function openFilesLimit(): number | undefined {
  const report = process.report?.getReport() as unknown as {
    readonly userLimits?: { readonly open_files?: { readonly soft: number | string } };
  };
  const soft = Number(report.userLimits?.open_files?.soft);
  return Number.isFinite(soft) ? soft : undefined;
}
