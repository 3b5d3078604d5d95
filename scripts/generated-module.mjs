/**
 * For the bundler: a module that another script writes, such as the page of the inspector, has declarations in src but no
 * source. It stays outside of the bundle.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * @param source the folder of the sources
 * @param idOf the id under which the bundle imports such a module, by its path in that folder without an ending
 */
export function generatedModule(source, idOf) {
  return {
    name: 'generated-module',
    resolveId(specifier, importer) {
      if (!specifier.startsWith('.') || !importer?.startsWith(source)) {
        return null;
      }
      const path = join(dirname(importer), specifier).replace(/\.js$/, '');
      if (existsSync(`${path}.ts`) || !existsSync(`${path}.d.ts`)) {
        return null;
      }
      return { id: idOf(path), external: true };
    },
  };
}
