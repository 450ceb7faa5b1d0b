// The types of preact.js, from the packages that it is made of.
import { VNode } from 'preact';

export { Fragment, h, render } from 'preact';
export type { ComponentChildren, JSX, RefObject, VNode } from 'preact';
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
export type { ReadonlySignal, Signal } from '@preact/signals';
export function html(strings: TemplateStringsArray, ...values: unknown[]): VNode;
