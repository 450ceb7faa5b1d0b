// The filter: as text with completion, as chips, and as a form.

import { effect, h, html, signal, useRef, useState } from './vendor/preact.js';
import { Problem, requestJson, withQuery } from './api.js';
import { FIELDS, allOf, conditions, operators, placeAt, quoted, unquoted } from './filter.js';
import { t } from './i18n.js';
import { list, timeAgo } from './list.js';
import { Select, withValue } from './parts.js';
import { filters, go, listFilter, view } from './state.js';

/** @typedef {{ insert: string, hint: string }} Suggestion */
/** @typedef {import('./filter.js').Operator} Operator */

/** What is wrong with the filter, with a position in the user's text. */
export const fault = signal(/** @type {Problem | null} */ (null));

// What the list is asked for is more than the user's filter: the server is asked what is wrong with that alone.
effect(() => {
  const state = list.freshness.value;
  const own = filters.value;
  fault.value = null;
  if (state.kind !== 'failed' || state.problem.status !== 400) return;
  if (!own || own === listFilter.value) {
    fault.value = state.problem;
    return;
  }
  const stop = new AbortController();
  requestJson(withQuery('task-status', { filters: own, limit: 0 }), { signal: stop.signal }).then(
    () => {
      fault.value = state.problem;
    },
    (problem) => {
      if (problem instanceof Problem) fault.value = problem;
    },
  );
  return () => stop.abort();
});

/** What the field has while the user types, or null if that is the filter of the view. */
const draft = signal(/** @type {string | null} */ (null));
effect(() => {
  void filters.value;
  draft.value = null;
});

/** How many values the server is asked for. */
const MAX_VALUES = 12;

/** Times that are often meant, in seconds before now. */
const TIMES = /** @type {const} */ ([
  ['hourAgo', 3600],
  ['dayAgo', 86_400],
  ['weekAgo', 604_800],
]);

/**
 * What may come next in a filter.
 *
 * @param {import('./filter.js').Place} place
 * @param {AbortSignal} stop
 * @returns {Promise<Suggestion[]>}
 */
async function suggestionsFor({ expects, field, typed }, stop) {
  const matching = (/** @type {Suggestion[]} */ all) =>
    all.filter(({ insert }) => insert.toLowerCase().startsWith(typed.toLowerCase()));
  const fields = Object.keys(FIELDS).map((name) => ({ insert: `${name} `, hint: t('field') }));
  switch (expects) {
    case 'operand':
      return matching([...fields, { insert: 'not ', hint: t('opNot') }]);
    case 'field':
      return matching(fields);
    case 'operator':
      return matching(operators(field).map(operation));
    case 'value':
    case 'list':
      return values(field, typed, stop);
    case 'next':
      return [', ', ') '].map(plain);
    default:
      return matching(['and ', 'or '].map(plain));
  }
}

/** @param {Operator} name @returns {Suggestion} */
const operation = (name) => ({ insert: `${name} ${takesList(name) ? '(' : ''}`, hint: meaning(name) });
/** @param {string} insert @returns {Suggestion} */
const plain = (insert) => ({ insert, hint: '' });
/** @param {Operator} operator */
const takesList = (operator) => operator === 'in' || operator === 'ca';

/** @param {string} field @param {string} typed @param {AbortSignal} stop @returns {Promise<Suggestion[]>} */
async function values(field, typed, stop) {
  const type = FIELDS[field];
  if (!type || type.kind === 'number') return [];
  if (type.kind === 'time') {
    return typed ? [] : TIMES.map(([key, ago]) => ({ insert: `${timeAgo(ago)} `, hint: t(key) }));
  }
  const prefix = unquoted(typed);
  const known =
    type.kind === 'names'
      ? (type.names ?? []).filter((name) => name.startsWith(prefix.toUpperCase()))
      : await knownValues(field, prefix, stop);
  return known.map((value) => plain(`${quoted(value)} `));
}

/**
 * The values of a field that begin so. Without them the filter can be typed as well.
 *
 * @param {string} field
 * @param {string} prefix
 * @param {AbortSignal} [signal]
 * @returns {Promise<string[]>}
 */
const knownValues = (field, prefix, signal) =>
  requestJson(withQuery('task-status/suggestions', { field, prefix, limit: MAX_VALUES }), { signal }).catch(() => []);

const MEANINGS = /** @type {const} */ ({
  eq: 'opEq',
  ne: 'opNe',
  gt: 'opGt',
  ge: 'opGe',
  lt: 'opLt',
  le: 'opLe',
  co: 'opCo',
  sw: 'opSw',
  in: 'opIn',
  ca: 'opCa',
  pr: 'opPr',
  isnull: 'opIsNull',
});

/** @param {Operator} operator */
const meaning = (operator) => t(MEANINGS[operator]);

export function FilterBar() {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [found, setFound] = useState(/** @type {Suggestion[]} */ ([]));
  const [at, setAt] = useState(-1);
  const [form, setForm] = useState(false);
  const asking = useRef(new AbortController());
  const text = draft.value ?? view.value.filters;

  const suggest = async () => {
    const input = field.current;
    if (!input) return;
    asking.current.abort();
    const { signal } = (asking.current = new AbortController());
    const place = placeAt(input.value, input.selectionStart ?? 0);
    // Values come from the server: what was suggested before must not be taken meanwhile.
    if (place.expects === 'value' || place.expects === 'list') setFound([]);
    const next = await suggestionsFor(place, signal);
    if (signal.aborted) return;
    setFound(next);
    setAt(-1);
  };
  const close = () => {
    asking.current.abort();
    setFound([]);
    setAt(-1);
  };
  const take = (/** @type {Suggestion} */ { insert }) => {
    const input = field.current;
    if (!input) return;
    const { start, end } = placeAt(input.value, input.selectionStart ?? 0);
    input.setRangeText(insert, start, end, 'end');
    draft.value = input.value;
    input.focus();
    suggest();
  };
  const type = () => {
    draft.value = field.current?.value ?? '';
    suggest();
  };
  const apply = (/** @type {string} */ wanted) => {
    close();
    go({ filters: wanted.trim() });
    draft.value = null;
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps && found.length > 0) {
      const count = found.length + 1;
      setAt(((at + 1 + steps[/** @type {'ArrowDown'} */ (event.key)] + count) % count) - 1);
    } else if ((event.key === 'Enter' || event.key === 'Tab') && at >= 0) take(found[at]);
    else if (event.key === 'Enter') apply(text);
    else if (event.key === 'Escape' && found.length > 0) close();
    else if (event.key === 'Escape') {
      draft.value = null;
      field.current?.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const isOpen = found.length > 0;
  const wrong = fault.value;
  const add = (/** @type {string} */ condition) => apply(allOf([...conditions(text), condition]));
  const option = (/** @type {Suggestion} */ suggestion, /** @type {number} */ index) => {
    const choose = (/** @type {Event} */ event) => {
      // The field keeps the focus.
      event.preventDefault();
      take(suggestion);
    };
    return html`<li key=${suggestion.insert} id=${`suggestion-${index}`} role="option" aria-selected=${index === at}
      onPointerDown=${choose}>
      <bdi>${suggestion.insert.trim()}</bdi><span>${suggestion.hint}</span></li>`;
  };
  return html`<section class="filter" aria-label=${t('filter')}>
    <div class="bar">
      <div class="field">
        <input id="filter" ref=${field} type="text" class=${wrong ? 'wrong' : ''} value=${text}
          placeholder=${t('filterExample')} spellcheck=${false} autocomplete="off" autocapitalize="off"
          role="combobox" aria-label=${t('filter')} aria-expanded=${isOpen} aria-controls="suggestions"
          aria-autocomplete="list" aria-invalid=${wrong !== null}
          aria-describedby=${wrong ? 'filter-fault' : undefined}
          aria-activedescendant=${at >= 0 ? `suggestion-${at}` : undefined}
          onInput=${type} onFocus=${suggest} onClick=${suggest} onBlur=${close} onKeyDown=${onKeyDown} />
        <ul id="suggestions" role="listbox" aria-label=${t('suggestions')} hidden=${!isOpen}>${found.map(option)}</ul>
      </div>
      <button type="button" class="primary" onClick=${() => apply(text)}>${t('apply')}</button>
      <button type="button" aria-expanded=${form} onClick=${() => setForm(!form)}>${t('addCondition')}</button>
    </div>
    ${wrong && h(Marked, { problem: wrong, filter: view.value.filters })}
    ${form && h(Form, { onAdd: add })}
    ${h(Chips, {})}
  </section>`;
}

/** The fault with the filter, marked where it is. @param {{ problem: Problem, filter: string }} props */
function Marked({ problem, filter }) {
  const characters = [...filter];
  const index = problem.position === null ? null : problem.position - 1;
  // A word is marked as a whole.
  const rest = index === null ? '' : characters.slice(index).join('');
  const marked = /^"[^"]*"?|^[^\s"(),]+|^./u.exec(rest)?.[0] ?? ' ';
  const before = characters.slice(0, index ?? 0).join('');
  return html`<div class="fault" id="filter-fault" role="alert">
    ${index !== null && html`<code dir="ltr">${before}<mark>${marked}</mark>${rest.slice(marked.length)}</code>`}
    ${problem.texts.map((text) => html`<p key=${text}>${text}</p>`)}
  </div>`;
}

/** The conditions of the filter, each to be removed. */
function Chips() {
  const all = conditions(view.value.filters);
  if (all.length === 0) return null;
  const chip = (/** @type {string} */ condition) => {
    const remove = () => go({ filters: allOf(all.filter((other) => other !== condition)) });
    return html`<li key=${condition}><code dir="auto" title=${condition}>${condition}</code>
      <button type="button" aria-label=${t('removeCondition', { condition })} onClick=${remove}>×</button></li>`;
  };
  return html`<ul class="chips" aria-label=${t('conditions')}>
    ${all.map(chip)}
    ${
      all.length > 1 &&
      html`<li class="all"><button type="button" onClick=${() => go({ filters: '' })}>${t('clearFilter')}</button></li>`
    }
  </ul>`;
}

const INPUTS = { time: 'datetime-local', number: 'number', text: 'text', kind: 'text', names: 'text' };

/** A condition for those who do not know the language. @param {{ onAdd: (condition: string) => void }} props */
function Form({ onAdd }) {
  const [field, setField] = useState('launcher');
  const [operator, setOperator] = useState(/** @type {Operator} */ ('eq'));
  const [value, setValue] = useState('');
  const [known, setKnown] = useState(/** @type {string[]} */ ([]));
  const { kind, names = [] } = FIELDS[field];
  const ask = (/** @type {string} */ prefix) => {
    if (kind === 'text' || kind === 'kind') knownValues(field, prefix).then(setKnown);
  };
  const chooseField = (/** @type {string} */ name) => {
    setField(name);
    setOperator(operators(name)[0]);
    setValue('');
    setKnown([]);
  };
  const enter = (/** @type {string} */ entered) => {
    setValue(entered);
    ask(entered);
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    onAdd(condition(field, operator, value));
    setValue('');
  };
  const input =
    kind === 'names'
      ? h(Select, { value, options: ['', ...names], onChoose: setValue })
      : html`<input type=${takesList(operator) ? 'text' : INPUTS[kind]} step="any" required value=${value} list="known-values"
            onFocus=${() => ask(value)} onInput=${withValue(enter)} />
          <datalist id="known-values">
            ${known.filter((one) => !/[\r\n]/.test(one)).map((one) => html`<option key=${one} value=${one}></option>`)}
          </datalist>`;
  const operations = {
    value: operator,
    options: operators(field),
    text: (/** @type {string} */ name) => meaning(/** @type {Operator} */ (name)),
    onChoose: (/** @type {string} */ name) => setOperator(/** @type {Operator} */ (name)),
  };
  const valueLabel = t(takesList(operator) ? 'valuesWithCommas' : 'value');
  const isComplete = operator === 'pr' || operator === 'isnull';
  return html`<form class="add" onSubmit=${submit}>
    <label>${t('field')} ${h(Select, { value: field, options: Object.keys(FIELDS), onChoose: chooseField })}</label>
    <label>${t('operator')} ${h(Select, operations)}</label>
    ${!isComplete && html`<label class="value">${valueLabel} ${input}</label>`}
    <button type="submit" disabled=${!isComplete && value === ''}>${t('add')}</button>
  </form>`;
}

/** @param {string} field @param {Operator} operator @param {string} value As it was entered. */
function condition(field, operator, value) {
  if (operator === 'isnull') return `${field} isnull`;
  if (operator === 'pr') return `pr ${field}`;
  const literal = (/** @type {string} */ text) => {
    const { kind } = FIELDS[field];
    if (kind === 'number') return text;
    const isTime = kind === 'time' && !Number.isNaN(Date.parse(text));
    return quoted(isTime ? new Date(text).toISOString() : text);
  };
  if (!takesList(operator)) return `${field} ${operator} ${literal(value)}`;
  return `${field} ${operator} (${value.split(',').map((part) => literal(part.trim())).join(', ')})`;
}
