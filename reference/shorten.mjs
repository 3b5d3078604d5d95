/**
 * Makes the pages of the reference shorter: what TypeDoc would show but nobody can follow, or would show twice, goes.
 */
import { ReflectionKind } from 'typedoc';

/** The references to where a member was declared first. */
const ORIGINS = ['inheritedFrom', 'overwrites', 'implementationOf'];

/** The base types that are not exported have no page: members are shown where users find them, without these names. */
function withoutHiddenBases(reflection) {
  for (const origin of ORIGINS) {
    if (reflection[origin] !== undefined && reflection[origin].reflection === undefined) {
      delete reflection[origin];
    }
  }
  const { typeHierarchy } = reflection;
  if (typeHierarchy !== undefined && !namesAnother(typeHierarchy)) {
    delete reflection.typeHierarchy;
  }
}

/** Whether a hierarchy has another type with a page. */
function namesAnother({ types, isTarget, next }) {
  const isLinked = types.some((type) => type.reflection !== undefined);
  return (!isTarget && isLinked) || (next !== undefined && namesAnother(next));
}

/** One list instead of a heading for each error. */
function withOneListOfErrors(comment) {
  const throwing = comment.getTags('@throws');
  if (throwing.length < 2) {
    return;
  }
  const [first] = throwing;
  first.content = throwing.flatMap(({ content }) => [{ kind: 'text', text: '\n- ' }, ...content]);
  comment.blockTags = comment.blockTags.filter((tag) => tag === first || !throwing.includes(tag));
}

/** The text says what happens without the option; that its value is `undefined` then, the type says. */
function withoutUndefinedDefault(comment) {
  comment.blockTags = comment.blockTags.filter(
    ({ tag, content }) => tag !== '@defaultValue' || !/^\W*undefined\W*$/.test(textOf(content)),
  );
}

function textOf(content) {
  return content.map(({ text }) => text).join('');
}

/** Changes all pages of a project. */
export function shorten(project) {
  for (const reflection of project.getReflectionsByKind(ReflectionKind.All)) {
    withoutHiddenBases(reflection);
    if (reflection.comment !== undefined) {
      withOneListOfErrors(reflection.comment);
      withoutUndefinedDefault(reflection.comment);
    }
  }
}
