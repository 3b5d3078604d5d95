/**
 * The page of the inspector. The build makes the module of `src/inspector-page`, with everything in it, and puts it
 * beside the compiled files of this folder.
 */

/** What a browser loads. */
export interface Page {
  /** `/`: it refers to the other two. */
  readonly html: string;
  /** `/page.js`: a module. */
  readonly script: string;
  /** `/page.css` */
  readonly style: string;
}

export const PAGE: Page;
