/* The axis of time: the positions of bars, ticks, zoom, and the movement of running bars.
   Every bar has its times in data-s and data-e (seconds since the beginning; data-e="" goes on), so that the
   page moves them without asking. */

import { onKey } from "../portal/page.js";
import * as clock from "./clock.js";
import { current } from "./tabs.js";

const SHORTEST_S = 5;
const FACTOR = 1.6;
const SVG = "http://www.w3.org/2000/svg";

const root = document.getElementById("waterfall");
const { steps, maxTicks, headroom, margins, minBar } = JSON.parse(root.dataset.axis); // stacks/rules/time_axis.py has them
const body = document.getElementById("tree");
const ticks = root.querySelector(".ticks");
const grid = root.querySelector(".grid");
const nowLine = grid.querySelector(".now");
const bandBox = grid.querySelector(".band");
const backBox = grid.querySelector(".back");
const turnLine = grid.querySelector(".turn");
const start = Number(root.dataset.start);
let length = (Number(root.dataset.end) - start) / 1000;
let from = 0;
let to = length;
let band = JSON.parse(root.dataset.band ?? "null");
let turn = root.dataset.turn === undefined ? null : Number(root.dataset.turn);  // when the rollback began
let running = root.dataset.running === "yes";

export function begin() {
  for (const button of root.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zoom(button.dataset.zoom));
  }
  const keys = [["+", "in"], ["=", "in"], ["-", "out"], ["0", "fit"], ["[", "earlier"], ["]", "later"]];
  for (const [key, what] of keys) onKey(key, () => { if (current() === "waterfall") zoom(what); });
  drawFrame();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  setInterval(tick, still ? 1_000 : 250);
}

/* Whether the deployment is running, both ends of the axis (ms), and the range of the forecast. */
export function set({ isRunning, axis, forecast, rollback }) {
  const before = [running, length].join();
  if (rollback !== undefined) turn = rollback;
  if (isRunning !== undefined) running = isRunning;
  if (forecast !== undefined) band = forecast;
  if (axis) {
    const fits = to >= length;
    length = (axis[1] - start) / 1000;
    if (fits) to = length;
  }
  if ([running, length].join() === before) drawFrame();
  else draw();
}

function now() {
  return (clock.now() - start) / 1000;
}

function x(seconds) {
  return 100 * (seconds - from) / Math.max(0.001, to - from);
}

/* Positions the bars of a row. */
export function place(row) {
  const at = now();
  for (const bar of row.querySelectorAll("rect[data-s]")) placeBar(bar, at);
}

function placeBar(bar, at) {
  const { s, e } = bar.dataset;
  const left = x(s === "" ? at : Number(s));
  const right = x(e === "" ? at : Number(e));
  const width = `${Math.max(minBar, right - left).toFixed(2)}%`;
  const place = `${left.toFixed(2)}%`;
  if (bar.getAttribute("x") !== place) bar.setAttribute("x", place);
  if (bar.getAttribute("width") !== width) bar.setAttribute("width", width);
}

/* Time has passed: only running bars move. */
function tick() {
  if (!running || document.visibilityState === "hidden") return;
  const at = now();
  if (at > length) {
    const step = stepFor(at);
    const longer = (Math.floor(at / step) + 1) * step * (1 + headroom);
    if (to >= length) to = longer;
    length = longer;
    return draw();
  }
  for (const bar of body.querySelectorAll('tr:not([hidden]) rect:is([data-e=""], [data-s=""])')) placeBar(bar, at);
  placeNow(at);
}

/* The axis has changed: position everything again. */
function draw() {
  for (const row of body.rows) place(row);
  drawFrame();
}

function drawFrame() {
  drawTicks();
  placeNow(now());
  const [, low, high] = band ?? [];
  bandBox.toggleAttribute("hidden", !running || !band);
  if (band) {
    const left = x((low - start) / 1000);
    bandBox.setAttribute("x", `${left.toFixed(2)}%`);
    bandBox.setAttribute("width", `${Math.max(0, x((high - start) / 1000) - left).toFixed(2)}%`);
  }
  placeTurn();
  for (const button of root.querySelectorAll('[data-zoom="earlier"], [data-zoom="later"], [data-zoom="fit"]')) {
    const isAtEnd = { earlier: from <= 0, later: to >= length, fit: from <= 0 && to >= length }[button.dataset.zoom];
    button.setAttribute("aria-disabled", isAtEnd);
  }
}

/* Where the creation ends and the rollback begins. */
function placeTurn() {
  const isKnown = turn !== null;
  root.querySelector("table.waterfall").classList.toggle("has-back", isKnown);
  backBox.toggleAttribute("hidden", !isKnown);
  turnLine.toggleAttribute("hidden", !isKnown || turn < from || turn > to);
  if (!isKnown) return;
  const left = Math.min(100, Math.max(0, x(turn)));
  backBox.setAttribute("x", `${left.toFixed(2)}%`);
  backBox.setAttribute("width", `${(100 - left).toFixed(2)}%`);
  for (const end of ["x1", "x2"]) turnLine.setAttribute(end, `${left.toFixed(2)}%`);
}

function placeNow(at) {
  const isSeen = running && at >= from && at <= to;
  nowLine.toggleAttribute("hidden", !isSeen);
  if (!isSeen) return;
  for (const end of ["x1", "x2"]) nowLine.setAttribute(end, `${x(at).toFixed(2)}%`);
}

function drawTicks() {
  const step = stepFor(to - from);
  const texts = [];
  const lines = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    const where = x(at);
    if (where < margins[0] || where > margins[1]) continue;
    const text = document.createElementNS(SVG, "text");
    text.setAttribute("x", `${where.toFixed(2)}%`);
    text.setAttribute("y", "19");
    text.textContent = clock.clock(at * 1000);
    texts.push(text);
    const line = document.createElementNS(SVG, "line");
    for (const end of ["x1", "x2"]) line.setAttribute(end, `${where.toFixed(2)}%`);
    line.setAttribute("y2", "100%");
    lines.push(line);
  }
  ticks.replaceChildren(...texts);
  grid.replaceChildren(backBox, bandBox, ...lines, turnLine, nowLine);
}

function stepFor(seconds) {
  const longest = steps.at(-1);
  return steps.find((step) => seconds / step <= maxTicks) ?? longest * Math.ceil(seconds / longest / maxTicks);
}

function zoom(what) {
  const wide = to - from;
  if (what === "fit") return show(0, length);
  if (what === "earlier") return show(from - wide / 2, to - wide / 2);
  if (what === "later") return show(from + wide / 2, to + wide / 2);
  const at = now();
  const middle = running && at >= from && at <= to ? at : (from + to) / 2;
  const wider = Math.min(length, Math.max(SHORTEST_S, what === "in" ? wide / FACTOR : wide * FACTOR));
  const part = (middle - from) / wide;
  show(middle - part * wider, middle + (1 - part) * wider);
}

function show(left, right) {
  const wide = Math.min(right - left, length);
  from = Math.min(Math.max(0, left), length - wide);
  to = from + wide;
  draw();
}
