/* The details of one row: beside the rows where there is room, a sheet above them on small screens. They are one
   fragment, which is fetched again when the row has changed. */

import { merge } from "../portal/live.js";
import * as rows from "./rows.js";

const panel = document.getElementById("inspector");
const split = panel.parentElement;
const body = document.getElementById("tree");
const base = document.getElementById("waterfall").dataset.rows;
const AGAIN_MS = 700;
const MARGIN = 16;
const HEADER = 57;                  // what stays at the top of the window, and a gap
let shown = new URLSearchParams(location.search).get("row");
let requests = 0;
let timer = 0;

export function start() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="?row="]');
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const path = new URLSearchParams(link.getAttribute("href")).get("row");
    if (!body.contains(link)) rows.reveal(idOf(path));
    show(path);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-first-failure]");
    if (!link || !body.querySelector("tr.is-first") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    toFirstFailure();
  });
  window.addEventListener("popstate", () => {
    const wanted = new URLSearchParams(location.search).get("row");
    if (wanted === null) hide();
    else if (wanted !== shown) show(wanted, { remembers: false });
  });
  panel.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) close();
    const step = event.target.closest("[data-problem]");
    if (step) stepProblem(Number(step.dataset.problem));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || shown === null || document.querySelector("dialog[open]")) return;
    if (panel.contains(document.activeElement) || body.contains(document.activeElement)) close();
  });
  body.addEventListener("sanso:rows", () => { if (shown !== null) mark(true); });
  if (shown !== null) {
    mark(true);
    rows.reveal(idOf(shown));
    fetchDetails();
  } else beginAtFirstFailure();
}

/* Scrolls a failed page to its first failure, again when what is above it grows, until a person or a script scrolls;
   not if the address or the browser leads to another place. */
function beginAtFirstFailure() {
  const [visit] = performance.getEntriesByType("navigation");
  const leadsElsewhere = location.hash || location.search || visit?.type !== "navigate" || scrollY > 0;
  if (!body.querySelector("tr.is-first:not([hidden])") || leadsElsewhere || !isOver()) return;
  let at = 0;
  const settle = () => { scrollToFirstFailure(); at = scrollY; };
  const sizes = new ResizeObserver(settle);
  const listening = new AbortController();
  const stop = () => { sizes.disconnect(); listening.abort(); };
  const options = { signal: listening.signal, passive: true };
  for (const name of ["wheel", "touchstart", "pointerdown", "keydown"]) addEventListener(name, stop, options);
  addEventListener("scroll", () => { if (Math.abs(scrollY - at) > 1) stop(); }, options);
  settle();
  sizes.observe(document.body);
}

/* Scrolls down until the row of the first failure is in view, as far as the title of the page stays there. */
function scrollToFirstFailure() {
  const row = body.querySelector("tr.is-first:not([hidden])");
  if (!row || matchMedia("(max-width: 1100px)").matches) return;
  const below = () => row.getBoundingClientRect().bottom + MARGIN - innerHeight;
  const room = document.querySelector("h1").getBoundingClientRect().top - HEADER;
  const output = document.querySelector("#banner .evidence[open]");
  if (output && below() > room) output.open = false;
  const top = Math.min(below(), room);
  if (top > 0) scrollBy({ top, behavior: "instant" });
}

function isOver() {
  return ["failed", "rolled_back"].includes(document.getElementById("deployment").dataset.state);
}

/* Rows have changed: the details of the selected one are fetched again. */
export function changed(ids) {
  if (shown === null || timer || !(ids === null || ids.includes(idOf(shown)))) return;
  timer = setTimeout(() => { timer = 0; fetchDetails(); }, AGAIN_MS);
}

function idOf(path) {
  return `t-${path.replace(/^\/$/, "").replaceAll("/", ".")}`;
}

/* Selects the row of the first failure: opens what is around it, scrolls to it and shows its details. */
export function toFirstFailure() {
  const row = body.querySelector("tr.is-first");
  if (!row) return;
  rows.reveal(row.id);
  show(new URLSearchParams(row.querySelector(".pick").getAttribute("href")).get("row"));
}

/* Selects the next problem, or the previous one; after the last comes the first. */
export async function stepProblem(by) {
  await rows.complete("problems");
  const found = problems();
  if (!found.length) return;
  const at = shown === null ? -1 : found.findIndex((row) => row.id === idOf(shown));
  const next = at < 0 ? (by > 0 ? 0 : found.length - 1) : (at + by + found.length) % found.length;
  rows.reveal(found[next].id);
  show(new URLSearchParams(found[next].querySelector(".pick").getAttribute("href")).get("row"));
}

function problems() {
  return [...body.querySelectorAll("tr.is-problem.is-counted")];
}

/* The position of the selected row among the problems, if it is one of them. */
function showPosition() {
  const pager = document.getElementById("problem-pager");
  if (!pager) return;
  const found = problems();
  const at = found.findIndex((row) => row.id === idOf(shown));
  const text = pager.dataset.position.replace("{n}", at + 1).replace("{all}", found.length);
  const place = pager.querySelector("[role=status]");
  if (place.textContent !== text) place.textContent = text;
  pager.hidden = at < 0;
}

function show(path, { remembers = true } = {}) {
  const wasOpen = shown !== null;
  if (wasOpen) mark(false);
  shown = path;
  mark(true);
  if (remembers) remember({ replaces: wasOpen });
  fetchDetails();
}

function mark(on) {
  const pick = document.getElementById(idOf(shown))?.querySelector(".pick");
  if (on) pick?.setAttribute("aria-current", "true");
  else pick?.removeAttribute("aria-current");
}

export function close() {
  if (shown === null) return;
  if (history.state?.details) return history.back();  // popstate hides the details; Back continues from there
  hide();
  remember({ replaces: true });
}

function hide() {
  if (shown === null) return;
  mark(false);
  const row = document.getElementById(idOf(shown));
  const hadFocus = panel.contains(document.activeElement) || body.contains(document.activeElement);
  shown = null;
  panel.hidden = true;
  split.classList.remove("has-inspector");
  if (hadFocus) rows.go(row);
}

/* Keeps the selected row in the address: Back closes the details, whichever rows were looked at meanwhile. */
function remember({ replaces }) {
  const url = new URL(location.href);
  if (shown === null) url.searchParams.delete("row");
  else url.searchParams.set("row", shown);
  if (replaces) history.replaceState(history.state, "", url);
  else history.pushState({ details: true }, "", url);
}

async function fetchDetails() {
  const wanted = shown;
  const number = ++requests;
  try {
    const path = wanted.split("/").map(encodeURIComponent).join("/").replace(/^\//, "");
    const answer = await fetch(base + path, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(8_000) });
    if (!answer.ok || answer.redirected) return;
    const parsed = document.createElement("template");
    parsed.innerHTML = await answer.text();
    if (number !== requests || shown !== wanted) return;  // closed or another row, also while the text arrived
    if (panel.hidden || panel.dataset.path !== wanted) panel.replaceChildren(parsed.content);
    else merge(panel, parsed.content);
    panel.dataset.path = wanted;
    panel.hidden = false;
    split.classList.add("has-inspector");
    rows.complete("problems").then(showPosition);
  } catch { /* no answer: the details stay, and the next change fetches them again */ }
}
