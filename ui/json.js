// JSON without loss: numbers that a JavaScript number would change keep their digits.

/** A number as it was written, because JavaScript would change it: `9007199254740993`, `1.0`. */
export class Numeral {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

/** Text that may hold such a number; a string that looks like one only costs time. */
const suspicious = /[[:,\s](?:-0|-?\d{16}|-?\d+[.eE])/;
const token = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
/** Begins the strings that stand for numerals while JSON.parse works: random, so that no task can contain it. */
const mark = `${[...crypto.getRandomValues(new Uint32Array(4))].join('-')}:`;

/**
 * @param {string} text
 * @returns {any}
 */
export function parse(text) {
  if (!suspicious.test(text)) return JSON.parse(text);
  const marked = text.replace(token, (found) =>
    found.startsWith('"') || String(Number(found)) === found ? found : `"${mark}${found}"`,
  );
  return JSON.parse(marked, (_key, value) =>
    typeof value === 'string' && value.startsWith(mark) ? new Numeral(value.slice(mark.length)) : value,
  );
}

/**
 * The value as indented JSON.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function pretty(value, indent = '') {
  if (value instanceof Numeral) return value.text;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const inner = `${indent}  `;
  const items = Array.isArray(value)
    ? value.map((item) => pretty(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pretty(item, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return items.length === 0 ? open + close : `${open}\n${inner}${items.join(`,\n${inner}`)}\n${indent}${close}`;
}
