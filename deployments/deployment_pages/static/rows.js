/* The rows of the waterfall: they change in place; expanded stacks and the focused row are kept. */

import { merge } from "../portal/live.js";
import * as axis from "./axis.js";
import * as filters from "./filters.js";
import * as later from "./later_rows.js";
import { show } from "./tabs.js";

const body = document.getElementById("tree");
const empty = document.getElementById("no-tree");
const none = document.getElementById("no-row");
const flag = document.getElementById("critical-flag");
let storeKey = "";
const chosen = new Map();           // what the user expanded or collapsed, by row id
let stop = "";                      // the row that Tab focuses; arrow keys move from there
let expected = { rest: {}, waits: {}, slow: {}, critical: new Set() };

export function start(pk) {
  storeKey = `sanso.folds.${pk}`;
  try {
    for (const [id, open] of JSON.parse(sessionStorage.getItem(storeKey) ?? "[]")) chosen.set(id, open);
  } catch { /* storage is blocked or broken: folding lasts as long as the page */ }
  filters.start(layOut);
  later.start(putLater);
  startStops();
  layOut();
  body.addEventListener("click", (event) => {
    const button = event.target.closest(".fold");
    if (button) choose(button.closest("tr"), button.getAttribute("aria-expanded") !== "true");
  });
  const critical = document.querySelector("[data-critical]");
  critical.addEventListener("click", () => {
    const on = critical.getAttribute("aria-pressed") !== "true";
    critical.setAttribute("aria-pressed", on);
    body.closest("table").classList.toggle("no-critical", !on);
  });
  for (const button of document.querySelectorAll("[data-fold]")) {
    button.addEventListener("click", () => chooseAll(button.dataset.fold === "open"));
  }
  body.addEventListener("focusin", (event) => { stopAt(event.target.closest("tr")); });
  body.addEventListener("keydown", onKeyDown);
  window.addEventListener("hashchange", revealTarget);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-reveal]");
    if (!link) return;
    event.preventDefault();
    reveal(link.hash.slice(1));
  });
  revealTarget();
}

/* Puts rows in: those that are there change in place, new ones go where the server has them (`after`), or else
   below the last one of their stack. */
export function update(rows) {
  for (const changed of rows) {
    const { id, after, parent, html } = changed;
    const row = document.getElementById(id);
    const stack = row ? null : later.around(id);
    if (stack) {
      later.keep(stack, changed);
      continue;
    }
    const parsed = document.createElement("template");
    parsed.innerHTML = html;
    const wanted = parsed.content.firstElementChild;
    prepare(wanted, row);
    if (!row) {
      wanted.dataset.new = "";
      insert(wanted, after, parent);
    } else {
      row.className = wanted.className;
      for (const name of ["open", "tier", "parent", "inside"]) {
        if (wanted.dataset[name] !== undefined) row.dataset[name] = wanted.dataset[name];
      }
      row.toggleAttribute("data-over", wanted.hasAttribute("data-over"));
      merge(row, wanted);
    }
  }
  if (rows.length) layOut();
}

/* Inserts the fetched rows of stacks in their order, then the rows of frames that arrived meanwhile. */
function putLater(rows, since) {
  let before = null;
  for (const wanted of rows) {
    const row = document.getElementById(wanted.id);
    if (row) {                      // a nested stack, or a row of a frame
      before = lastBelow(row);
      continue;
    }
    prepare(wanted, null);
    const { parent } = wanted.dataset;
    const isFirst = !before || before.id !== parent && !above(before).includes(parent);
    (isFirst ? document.getElementById(parent) : before).after(wanted);
    before = wanted;
    if (expected.isKnown) foresee(wanted);
  }
  update(since);
  layOut();
}

/* The forecast of unfinished rows; it is kept until the next one arrives. */
export function expect(forecast) {
  expected = { ...forecast, critical: new Set(forecast.critical), isKnown: true };
  for (const row of body.rows) foresee(row);
}

function foresee(row) {
  row.classList.toggle("is-critical", expected.critical.has(row.id) && row.id !== "t-");
  foretell(row);
}

function foretell(row) {
  const lane = row.querySelector(".bars");
  const times = expected.rest[row.id];
  let rest = lane.querySelector(".rest");
  if (times && !row.hasAttribute("data-over")) {
    if (!rest) {
      rest = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      lane.append(rest);
    }
    const begun = lane.querySelector('.bar[data-e=""]');
    rest.setAttribute("class", `rest ${begun ? "is-progress" : "is-pending"}`);
    rest.setAttribute("fill", `url(#dash-${begun ? "progress" : "pending"})`);
    rest.dataset.s = begun || times[0] === null ? "" : times[0];
    rest.dataset.e = times[1];
    axis.place(row);
  } else {
    rest?.remove();
  }
  note(row);
}

/* Shows notes beside the name: slower than usual, on the critical path, what it waits for. */
function note(row) {
  const place = row.querySelector(".notes");
  const wanted = [
    ...noteOf("slow", expected.slow[row.id]),
    ...(row.classList.contains("is-critical") ? [flag.content.firstElementChild.cloneNode(true)] : []),
    ...noteOf("waits", expected.waits[row.id]),
  ];
  const text = wanted.map((one) => one.textContent).join("");
  if (place.textContent !== text || place.childElementCount !== wanted.length) place.replaceChildren(...wanted);
}

function noteOf(name, text) {
  if (!text) return [];
  const place = document.createElement("span");
  place.className = name;
  place.textContent = text;
  return [place];
}

/* Adds the zoom and the focus to a row from the server. */
function prepare(wanted, row) {
  axis.place(wanted);
  const isStop = wanted.id === stop;
  for (const place of wanted.querySelectorAll(".pick, .fold")) place.tabIndex = isStop ? 0 : -1;
  if (row?.querySelector('.pick[aria-current="true"]')) wanted.querySelector(".pick").setAttribute("aria-current", "true");
}

function insert(row, after, parent) {
  const place = document.getElementById(after);
  const around = document.getElementById(parent);
  if (place) place.after(row);
  else if (around) lastBelow(around).after(row);
  else if (after === "") body.prepend(row);
  else body.append(row);
}

function isBelow(row, id) {
  return above(row).includes(id);
}

function lastBelow(row) {
  let last = row;
  for (let next = row.nextElementSibling; next && isBelow(next, row.id); next = next.nextElementSibling) last = next;
  return last;
}

function isOpen(row) {
  return chosen.get(row.id) ?? row.dataset.open === "yes";
}

/* Hides rows in collapsed stacks and rows that do not match. The focused row always stays. */
export function layOut() {
  const focused = document.activeElement?.closest?.("#tree tr");
  const needed = new Set(above(focused));
  const filtered = filters.isActive();
  const kept = filtered ? looked(focused) : null;
  const shut = new Set();
  const missing = [];
  let shown = 0;
  for (const row of body.rows) {
    const hidden = filtered ? !kept.has(row.id) : shut.has(row.dataset.parent);
    if (row.hidden !== hidden) row.hidden = hidden;
    if (!hidden) shown += 1;
    const button = row.querySelector(".fold");
    if (!button) continue;
    const open = filtered || isOpen(row) || (needed.has(row.id) && chosen.get(row.id) !== false);
    button.setAttribute("aria-expanded", open);
    if (row.hidden || !open) shut.add(row.id);
    else if (!filtered && later.isLater(row)) missing.push(row);
  }
  if (filtered) missing.push(...later.every().filter(filters.mayMatch));
  if (missing.length) later.load(missing);
  empty.hidden = body.rows.length > 0;
  none.hidden = !filtered || shown > 0 || missing.length > 0;
  filters.count();
  if (document.getElementById(stop)?.hidden !== false) stopAt(focused ?? body.querySelector("tr:not([hidden])"));
}

/* Returns the ids of the matching rows and of the stacks around them. */
function looked(focused) {
  const kept = new Set();
  for (const row of body.rows) {
    if (row !== focused && !filters.matches(row)) continue;
    kept.add(row.id);
    for (const id of above(row)) kept.add(id);
  }
  return kept;
}

function above(row) {
  const ids = [];
  for (let id = row?.dataset.parent; id; id = document.getElementById(id)?.dataset.parent) ids.push(id);
  return ids;
}

function choose(row, open) {
  chosen.set(row.id, open);
  keep();
}

function chooseAll(open) {
  for (const button of body.querySelectorAll(".fold")) {
    const row = button.closest("tr");
    chosen.set(row.id, open || !row.dataset.parent);
  }
  keep();
}

function keep() {
  try {
    sessionStorage.setItem(storeKey, JSON.stringify([...chosen]));
  } catch { /* storage is blocked */ }
  layOut();
}

/* Tab goes to one row; within the table the arrow keys move from row to row. */
function stopAt(row) {
  if (!row || row.id === stop) return;
  for (const [id, index] of [[stop, -1], [row.id, 0]]) {
    for (const place of document.getElementById(id)?.querySelectorAll(".pick, .fold") ?? []) place.tabIndex = index;
  }
  stop = row.id;
}

function startStops() {
  for (const place of body.querySelectorAll(".pick, .fold")) place.tabIndex = -1;
  const row = document.getElementById(stop) ?? body.querySelector("tr:not([hidden])");
  stop = "";
  stopAt(row);
}

function onKeyDown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const row = event.target.closest("tr");
  const act = {
    ArrowDown: () => go(next(row, "nextElementSibling")),
    ArrowUp: () => go(next(row, "previousElementSibling")),
    Home: () => go(body.querySelector("tr:not([hidden])")),
    End: () => go([...body.querySelectorAll("tr:not([hidden])")].at(-1)),
    ArrowRight: () => open(row),
    ArrowLeft: () => close(row),
  }[event.key];
  if (!act || !row) return;
  event.preventDefault();
  act();
}

function next(row, way) {
  let found = row[way];
  while (found?.hidden) found = found[way];
  return found;
}

export function go(row) {
  row?.querySelector(".pick")?.focus();
}

/* The next rows from the one that Tab goes to, for keys that work anywhere on the page. */
export function step(way) {
  const row = document.getElementById(stop);
  if (!body.contains(document.activeElement)) return go(row);
  go(next(row, way > 0 ? "nextElementSibling" : "previousElementSibling"));
}

function open(row) {
  const button = row.querySelector(".fold");
  if (!button) return;
  if (button.getAttribute("aria-expanded") === "true") return go(next(row, "nextElementSibling"));
  choose(row, true);
}

function close(row) {
  const button = row.querySelector(".fold");
  if (button?.getAttribute("aria-expanded") === "true") return choose(row, false);
  go(document.getElementById(row.dataset.parent));
}

/* Fetches the matching rows that are not loaded yet. */
export function complete(name) {
  return later.load(later.every().filter((stack) => later.count(stack, name) > 0));
}

/* Expands the stacks around a row, and goes there. */
export async function reveal(id) {
  const stack = document.getElementById(id) ? null : later.around(id);
  if (stack) await later.load([stack]);
  const row = document.getElementById(id)?.closest("#tree tr");
  if (!row) return;
  show("waterfall");
  if (filters.isActive() && row.hidden) filters.clear();
  for (const stack of above(row)) chosen.set(stack, true);
  keep();
  row.scrollIntoView({ block: matchMedia("(max-width: 1100px)").matches ? "start" : "center" });
  const place = (id.startsWith("s-") && row.querySelector(".fold")) || row.querySelector(".pick");
  stopAt(row);
  place.focus({ preventScroll: true });
}

function revealTarget() {
  if (/^#[ts]-/.test(location.hash)) reveal(decodeURIComponent(location.hash.slice(1)));
}
