// What the page takes from npm, as one module: `build` bundles it into preact.js.
import { h } from 'preact';
import htm from 'htm';

export { Fragment, h, render } from 'preact';
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
export const html = htm.bind(h);
