/**
 * For the bundler: leaves out the page of the inspector, which is a module of its own in dist/node/inspector. It has no
 * source in TypeScript that could be bundled.
 */

/** @param path the module of the page, from the bundle */
export function pageIsExternal(path) {
  return {
    name: 'page-is-external',
    resolveId: (source, importer) =>
      source === './page.js' && /[\\/]inspector[\\/]start\.ts$/.test(importer ?? '')
        ? { id: path, external: 'relative' }
        : undefined,
  };
}
