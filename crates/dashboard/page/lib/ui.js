// What every component is made of, from one place: Preact, signals, htm.
import { Fragment, createElement, render } from "../vendor/preact.js";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.js";
import { batch, computed, effect, signal, untracked, useComputed, useSignal, useSignalEffect } from "../vendor/signals.js";
import htm from "../vendor/htm.js";

export const html = htm.bind(createElement);
export { Fragment, batch, computed, createElement, effect, render, signal, untracked };
export { useComputed, useEffect, useLayoutEffect, useMemo, useRef, useSignal, useSignalEffect, useState };
