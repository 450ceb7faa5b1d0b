// The filter language of the API, as far as the page needs it: to complete it, to take it apart and to put it together.
// What is right is for the server to say.

/** @typedef {{ kind: 'text' | 'names' | 'kind' | 'time' | 'number', names?: string[] }} FieldType */

export const TYPES = ['QUARTZ', 'QPOC', 'QUEUED_TASK'];
export const STATUSES = ['SUCCESS', 'WARNING', 'ERROR', 'TERMINATED', 'TEMPERROR'];

/** @type {Record<string, FieldType>} */
export const FIELDS = {
  type: { kind: 'kind', names: TYPES },
  uniqueName: { kind: 'text' },
  launcher: { kind: 'text' },
  'target.name': { kind: 'text' },
  'target.type': { kind: 'names', names: ['APPLICATION', 'IDENTITY'] },
  'target.id': { kind: 'text' },
  sourceId: { kind: 'text' },
  parentName: { kind: 'text' },
  progress: { kind: 'text' },
  percentComplete: { kind: 'number' },
  created: { kind: 'time' },
  modified: { kind: 'time' },
  launched: { kind: 'time' },
  completed: { kind: 'time' },
  completionStatus: { kind: 'names', names: STATUSES },
  id: { kind: 'text' },
};

/** @typedef {'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' | 'co' | 'sw' | 'in' | 'ca' | 'pr' | 'isnull'} Operator */

const COMPARED = /** @type {const} */ (['eq', 'ne', 'gt', 'ge', 'lt', 'le']);

/** The operators of a field, likely ones first. @param {string} field @returns {readonly Operator[]} */
export function operators(field) {
  switch (FIELDS[field]?.kind) {
    case 'text':
      return ['eq', 'sw', 'co', 'ne', 'in', 'ca', 'gt', 'ge', 'lt', 'le', 'isnull', 'pr'];
    case 'time':
      return ['lt', 'gt', 'le', 'ge', 'eq', 'ne', 'in', 'isnull', 'pr'];
    case 'number':
      return [...COMPARED, 'in', 'isnull', 'pr'];
    default:
      return ['eq', 'ne', 'in', 'isnull', 'pr'];
  }
}

/** A string as a literal. Its escapes are visible in a field, which would drop line breaks. @param {string} text */
export const quoted = (text) => JSON.stringify(text);

/** The string of a literal, or of the beginning of one. @param {string} literal */
export function unquoted(literal) {
  const text = literal.replace(/^"/, '');
  try {
    return /** @type {string} */ (JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}

/** @typedef {{ kind: 'word' | 'string' | 'sign', text: string, start: number, end: number, open: boolean }} Token */

const TOKEN = /"(?:[^"\\]|\\.)*("?)|[(),]|[^\s"(),]+/gsu;

/** @param {string} text @returns {Token[]} */
export function tokens(text) {
  return [...text.matchAll(TOKEN)].map(({ 0: found, 1: closing, index }) => ({
    kind: found[0] === '"' ? 'string' : /^[(),]$/.test(found) ? 'sign' : 'word',
    text: found,
    start: index,
    end: index + found.length,
    open: found[0] === '"' && closing !== '"',
  }));
}

/** Whether every parenthesis and string that begins in the filter ends in it. @param {string} filter */
export function isWhole(filter) {
  let depth = 0;
  for (const { text, open } of tokens(filter)) {
    if (text === '(') depth += 1;
    if (text === ')') depth -= 1;
    if (depth < 0 || open) return false;
  }
  return depth === 0;
}

/**
 * The conditions that `and` joins at the top of a filter; the whole filter if `or` does, or if it is not whole.
 *
 * @param {string} filter
 * @returns {string[]}
 */
export function conditions(filter) {
  const whole = filter.trim() ? [filter.trim()] : [];
  if (!isWhole(filter)) return whole;
  /** @type {string[]} */
  const found = [];
  let [depth, start] = [0, 0];
  for (const { kind, text, start: at, end } of tokens(filter)) {
    if (text === '(') depth += 1;
    if (text === ')') depth -= 1;
    if (depth === 0 && kind === 'word' && text === 'or') return whole;
    if (depth === 0 && kind === 'word' && text === 'and') {
      found.push(filter.slice(start, at).trim());
      start = end;
    }
  }
  found.push(filter.slice(start).trim());
  return found.every(Boolean) ? found : whole;
}

/**
 * The filter that all of these mean together.
 *
 * @param {string[]} filters
 */
export function allOf(filters) {
  const given = filters.filter((filter) => filter.trim());
  const has = (/** @type {string} */ filter) => tokens(filter).some(({ kind, text }) => kind === 'word' && text === 'or');
  // `and` binds tighter. A blank may be missing before and after `or`.
  return given.map((filter) => (given.length > 1 && has(filter) ? `(${filter})` : filter)).join(' and ');
}

/**
 * The filter with this condition instead of others on the same field with the same operator; without it, if it has it.
 *
 * @param {string} filter
 * @param {string} condition
 */
export function toggle(filter, condition) {
  const has = conditions(filter);
  if (has.includes(condition)) return allOf(has.filter((other) => other !== condition));
  const head = subject(condition);
  return allOf([...has.filter((other) => subject(other) !== head || head === null), condition]);
}

/** The field and the operator of a simple condition. @param {string} condition */
function subject(condition) {
  const [field, operator] = tokens(condition);
  if (!field || !(field.text in FIELDS)) return null;
  return `${field.text} ${operator?.text === 'isnull' ? 'eq' : operator?.text}`;
}

/**
 * What may stand at a place of a filter.
 *
 * @typedef {{ expects: 'operand' | 'field' | 'operator' | 'value' | 'list' | 'join' | 'next', field: string,
 *   start: number, end: number, typed: string }} Place
 */

/**
 * What may stand where the caret is, and what of it is typed already.
 *
 * @param {string} text
 * @param {number} caret
 * @returns {Place}
 */
export function placeAt(text, caret) {
  const all = tokens(text);
  const partial = all.find((token) => token.start < caret && caret <= token.end && token.kind !== 'sign'
    && !(token.kind === 'string' && !token.open && caret === token.end));
  /** @type {Place['expects']} */
  let expects = 'operand';
  let field = '';
  for (const token of all) {
    if (token === partial || token.end > caret) break;
    ({ expects, field } = after(expects, field, token));
  }
  const [start, end] = partial ? [partial.start, partial.end] : [caret, caret];
  return { expects, field, start, end, typed: text.slice(start, caret) };
}

/**
 * @param {Place['expects']} expects
 * @param {string} field
 * @param {Token} token
 * @returns {{ expects: Place['expects'], field: string }}
 */
function after(expects, field, { text }) {
  switch (expects) {
    case 'operand':
      if (text === '(' || text === 'not') return { expects, field };
      return text === 'pr' ? { expects: 'field', field } : { expects: 'operator', field: text };
    case 'field':
      return { expects: 'join', field };
    case 'operator':
      if (text === 'isnull' || text === 'pr') return { expects: 'join', field };
      return { expects: text === 'in' || text === 'ca' ? 'list' : 'value', field };
    case 'list':
      return { expects: text === '(' ? 'list' : 'next', field };
    case 'next':
      return { expects: text === ',' ? 'list' : 'join', field };
    case 'value':
      return { expects: 'join', field };
    default:
      return { expects: text === ')' ? 'join' : 'operand', field };
  }
}
